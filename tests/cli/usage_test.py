# SPDX-License-Identifier: Apache-2.0
"""What cannot be meant is refused before anything is started: exit 2, the nearest right name, no file made."""
import os
import subprocess

from command_line import BINARY, CommandTest, main


class Usage(CommandTest):
    def refuse(self, *arguments, what="", hint=""):
        self.refused(*arguments, what=what, hint=hint)
        self.assertFolderIsEmpty()

    def test_an_unknown_command_names_the_nearest(self):
        self.refuse("messure", what="there is no command 'messure'", hint="did you mean 'measure'?")
        self.refuse("diagnos", "x", what="'diagnos'", hint="did you mean 'diagnose'?")

    def test_no_command_at_all_shows_which_there_are_and_where_the_help_is(self):
        for command in ("run", "measure", "topo", "doctor", "diagnose", "millrace --help"):
            self.refuse(what="no command was given", hint=command)

    def test_an_unknown_flag_names_the_nearest(self):
        self.refuse("run", "--acelerators", "4", what="--acelerators", hint="did you mean '--accelerators'?")
        self.refuse("--versoin", what="--versoin", hint="did you mean '--version'?")
        self.refuse("probes", "--jason", "x", what="--jason")

    def test_an_unknown_workload_names_the_nearest(self):
        for command in (("run", "--for"), ("diagnose", "/dev/null", "--for")):
            self.refuse(*command, "unet3d-h10", what="unet3d-h10", hint="unet3d-h100")

    def test_a_count_that_a_workload_cannot_be_on_names_the_nearest_that_it_can(self):
        asked = "workloads", "llama3-70b-pretrain-h100", "--accelerators"
        self.refused(*asked, "100", what="100 accelerators cannot be split", hint="96 or 128")
        self.refused("workloads", "llama3-8b-restore-h100", "--accelerators", "1", what="1 accelerator cannot hold its training state",
                     hint="--accelerators 2")
        self.refused("workloads", "factory-corporate-h100", "--accelerators", "3", what="of which a replica takes 4", hint="--accelerators 160")
        self.refused("workloads", "unet3d-h100", "--accelerators", "8", what="the sums of unet3d-h100 are the same on any number")
        self.refused("workloads", "--accelerators", "8", what="--accelerators requires WORKLOAD")
        self.assertEqual(self.run_it(*asked, "128").code, 0)
        model = self.run_it("workloads", "llama3-70b", "--accelerators", "100")  # some of its uses can be
        self.assertEqual(model.code, 0)
        self.assertIn("give a multiple of 32: 96 or 128", " ".join(model.out.split()))

    def test_a_reader_who_leaves_early_is_no_error(self):
        for errors in (subprocess.PIPE, subprocess.STDOUT):
            reading, writing = os.pipe()
            os.close(reading)
            done = subprocess.run([BINARY, "workloads", "llama3-70b"], stdout=writing, stderr=errors, check=False)
            os.close(writing)
            self.assertEqual(done.returncode, 0)
            self.assertFalse(done.stderr)

    def test_an_unknown_probe_names_the_nearest(self):
        self.refuse("measure", "storage.raed", what="there is no probe 'storage.raed'", hint="did you mean 'storage.read'?")
        self.refuse("probes", "memory.cpoy", what="'memory.cpoy'", hint="did you mean 'memory.copy'?")

    def test_an_unknown_parameter_names_the_nearest(self):
        for spelling in (("--block-siz", "4KiB"), ("--block-siz=4KiB",)):
            self.refuse("measure", "storage.read", "--path", ".", *spelling,
                        what="storage.read has no parameter --block-siz", hint="did you mean --block-size?")

    def test_a_value_that_is_none_of_the_choices_names_the_nearest(self):
        self.refuse("measure", "storage.read", "--path", ".", "--pattern", "randon",
                    what="--pattern of storage.read: 'randon' is none of", hint="did you mean 'random'?")
        self.refuse("run", "--prep", "normalise", what="--prep")

    def test_a_duration_without_a_unit_or_sense_is_refused(self):
        for text in ("5", "soon", "-1s", "5 parsecs", "1e99s", "", "1ms"):
            self.refuse("measure", "storage.read", "--path", ".", "--duration", text, what="--duration")
        self.refuse("measure", "storage.read", "--path", ".", "--deadline", "later", what="--deadline")
        for text in ("10", "0s", "aeon"):
            self.refuse("run", "--budget", text, what="--budget")

    def test_a_size_without_sense_is_refused(self):
        for text in ("4QiB", "-4KiB", "big", "99999999999999999999GiB", "1.7B"):
            self.refuse("measure", "storage.read", "--path", ".", "--block-size", text, what="--block-size")
            self.refuse("run", "--size-cap", text, what="--size-cap")

    def test_a_number_without_sense_or_out_of_bounds_is_refused(self):
        for text in ("lots", "0", "-3", "1e9", "4.5"):
            self.refuse("measure", "storage.read", "--path", ".", "--queue-depth", text, what="--queue-depth")
        for flag, text in (("--accelerators", "0"), ("--accelerators", "many"), ("--repeats", "-1"),
                           ("--utilization", "101"), ("--compressible", "2")):
            self.refuse("run", flag, text, what=flag)
        for flag, text in (("--repeats", "0"), ("--target", "400")):
            self.refuse("measure", "storage.read", "--path", ".", flag, text, what=flag)

    def test_a_parameter_that_must_be_given_is_asked_for(self):
        self.refuse("measure", "storage.read", what="nothing to work on", hint="--path")

    def test_a_parameter_given_twice_is_refused(self):
        self.refuse("measure", "storage.read", "--path", ".", "--block-size", "4KiB", "--block-size", "8KiB",
                    what="--block-size is given twice")

    def test_a_size_for_a_file_that_is_not_made_is_refused(self):
        (self.folder / "file").write_bytes(b"x" * (1 << 20))
        for where in (("--path", "file"), ("--dataset", ".")):
            self.refused("measure", "storage.read", *where, "--file-size", "4MiB", what="--file-size is for the temporary file",
                         hint="leave --file-size out")

    def test_what_cannot_be_measured_as_asked_is_refused_and_not_tried(self):
        (self.folder / "empty").mkdir()
        self.refused("measure", "storage.read", "--dataset", "empty", what="holds no files")
        (self.folder / "empty" / "one").write_bytes(b"x" * 4096)
        self.refused("measure", "storage.read", "--dataset", "empty", "--threads", "2", what="fewer than --threads 2")
        self.refused("measure", "memory.copy", "--from-node", "99", what="--from-node 99", hint="its nodes are 0")
        self.refused("measure", "ingest.pipeline", "--source", "synthetic", "--record-size", "4KiB", "--to", "hots",
                     what="--to hots: this machine has no such memory", hint="did you mean 'host'?")

    def test_bounds_are_told_with_their_units(self):
        self.refuse("measure", "memory.copy", "--size", "100TiB", what="--size of memory.copy", hint="from 0 B to 10 TB")
        self.refuse("measure", "storage.read", "--path", ".", "--block-size", "1", what="--block-size", hint="to 1 GiB")

    def test_a_recorded_machine_that_is_not_there_is_said_to_be_missing(self):
        for command in ("topo", "doctor"):
            self.refuse(command, "--from", "nope", what="nope: there is nothing there")
        self.refuse("topo", "--from", "/tmp", what="/tmp is no recorded machine")

    def test_a_word_that_is_no_parameter_is_refused(self):
        self.refuse("measure", "storage.read", "sdb", what="'sdb' is no parameter", hint="--name value")

    def test_options_that_exclude_each_other_are_refused(self):
        self.refuse("run", "--quick", "--thorough", what="--quick")
        self.refuse("run", "--resume", "j", "--for", "resnet50-h100", what="--resume")


if __name__ == "__main__":
    main()
