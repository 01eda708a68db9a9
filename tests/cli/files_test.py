# SPDX-License-Identifier: Apache-2.0
"""Where it may not or cannot write, it says so first; and it never writes but into what it made itself."""
import os
import subprocess

from command_line import CommandTest, main, tree

MEASURE = ("measure", "storage.read", "--duration", "300ms")
SMALL = ("--file-size", "4MiB")
# Mounts in a name space of their own, so that nothing need be undone.
MOUNT = ("unshare", "-m", "sh", "-c", 'mount -t tmpfs -o "$1" tmpfs "$2" && shift 2 && exec "$@"', "sh")


def mounting(options, folder):
    return (*MOUNT, options, folder)


class Places(CommandTest):
    def need_mounts(self):
        if subprocess.run(mounting("size=1m", self.folder) + ("true",), capture_output=True, check=False).returncode:
            self.skipTest("needs the right to mount (root, CAP_SYS_ADMIN)")

    def both(self, path, what, hint="", prefix=()):
        for command in (("run", "--for", "resnet50-h100"), (*MEASURE, *SMALL)):
            self.refused(*command, "--path", path, what=what, hint=hint, prefix=prefix)

    def test_a_path_that_is_not_there_is_refused(self):
        self.both(self.folder / "missing", "missing")
        self.assertFolderIsEmpty()

    def test_a_file_for_a_folder_is_refused_by_run_and_read_by_measure(self):
        (self.folder / "file").write_bytes(os.urandom(1 << 20))
        self.refused("run", "--path", "file", what="it is no folder")
        self.assertEqual(self.measure("storage.read", "--path", "file", "--duration", "300ms").code, 0)
        self.assertEqual(os.listdir(self.folder), ["file"])

    def test_a_read_only_file_system_is_refused(self):
        self.need_mounts()
        place = self.folder / "ro"
        place.mkdir()
        self.both(place, str(place), "folder", prefix=mounting("ro", place))

    def test_a_full_file_system_is_refused_with_what_is_free(self):
        self.need_mounts()
        place = self.folder / "tiny"
        place.mkdir()
        ended = self.refused(*MEASURE, "--file-size", "64MiB", "--path", place, what="4 MiB",
                             prefix=mounting("size=4m", place))
        self.assertIn("--file-size", ended.err)
        ended = self.run_it("run", "--for", "resnet50-h100", "--path", place, prefix=mounting("size=4m", place))
        self.assertEqual(ended.code, 2, ended.err)
        self.assertRegex(ended.err, "half of the free space of .* allows 2 MiB")

    def test_a_file_system_without_any_room_is_refused_with_a_way_out_that_leads_out(self):
        self.need_mounts()
        place = self.folder / "full"
        place.mkdir()
        fill = (*mounting("size=1m", place), "sh", "-c", 'head -c 1M /dev/zero > "$0/fill"; exec "$@"', place)
        ended = self.refused(*MEASURE, "--path", place, what="has 0 B free", hint="free some space, or give another folder",
                             prefix=fill)
        self.assertNotIn("--file-size", ended.err)
        ended = self.refused("run", "--quiet", "--for", "resnet50-h100", "--path", place, what="allows 0 B",
                             hint="free some space", prefix=fill)
        self.assertNotIn("--file-size", ended.err)

    def test_the_size_cap_bounds_the_survey_too(self):
        ended = self.run_it("run", "--for", "resnet50-h100", "--size-cap", "70MiB", "--budget", "1s", "--repeats", "1",
                            "--json", "-")
        self.assertEndedAsItsVerdicts(ended, ended.document)
        survey = ended.document["measurements"][0]
        self.assertEqual(survey["label"], "survey")
        self.assertLessEqual(survey["parameters"]["file-size"], 70 << 20)

    def test_a_size_cap_that_leaves_fewer_files_than_readers_takes_fewer_readers(self):
        ended = self.run_it("run", "--for", "flux-b200", "--size-cap", "20MiB", "--budget", "1s", "--repeats", "1", "--json",
                            "-")
        self.assertEndedAsItsVerdicts(ended, ended.document)
        read = next(m for m in ended.document["measurements"] if m["probe"] == "storage.read" and m["label"] == "flux")
        self.assertEqual(read["status"], "ok", read["reason"])
        self.assertLess(read["parameters"]["threads"], 8)  # which flux has
        self.assertIn("reader threads", " ".join(ended.document["diagnoses"][0]["notes"]))

    def test_paths_are_recorded_absolute(self):
        ended = self.measure("storage.read", "--path", ".", "--path", "../" + self.folder.name, *SMALL, "--duration", "300ms")
        self.assertEqual(ended.code, 0, ended.err)
        here = str(self.folder.resolve())
        self.assertEqual(ended.measurement["parameters"]["path"], f"{here}:{here}")
        self.assertEqual(ended.measurement["metrics"]["file_bytes"]["mean"], 4 << 20)

    def test_a_workers_memory_beyond_its_buffers_is_below_64_mib(self):
        buffers = 4 * 32 << 20  # threads, queue depth, block size
        ended = self.measure("storage.read", "--path", ".", "--file-size", "256MiB", "--threads", "4", "--queue-depth", "32",
                             "--block-size", "1MiB", "--duration", "1s")
        self.assertEqual(ended.code, 0, ended.err)
        peak = ended.measurement["counters"]["worker:peak_memory_bytes"]
        self.assertGreater(peak, buffers)  # or it did not count them
        self.assertLess(peak, buffers + (64 << 20))

    def test_a_size_cap_too_small_is_refused_before_anything_is_written(self):
        ended = self.refused("run", "--quiet", "--for", "resnet50-h100", "--size-cap", "2MiB", what="--size-cap allows 2 MiB",
                             hint="larger --size-cap")
        self.assertLess(ended.seconds, 10)
        self.assertFolderIsEmpty()

    def test_a_size_cap_larger_than_the_free_space_is_refused(self):
        ended = self.refused("run", "--for", "resnet50-h100", "--size-cap", "900TiB",
                             what="--size-cap 900 TiB is more than", hint="smaller cap")
        self.assertLess(ended.seconds, 10)
        self.assertFolderIsEmpty()

    def test_a_file_larger_than_the_free_space_is_refused(self):
        self.refused(*MEASURE, "--path", ".", "--file-size", "900TiB", what="900 TiB")
        self.assertFolderIsEmpty()

    def test_a_data_set_folder_that_is_missing_or_empty_is_refused(self):
        self.refused("run", "--for", "resnet50-h100", "--dataset", "nowhere", what="--dataset nowhere")
        (self.folder / "empty").mkdir()
        self.refused("run", "--for", "resnet50-h100", "--dataset", "empty", what="holds no files")
        self.assertEqual(os.listdir(self.folder), ["empty"])


class Output(CommandTest):
    def test_a_result_that_cannot_be_written_is_said_before_anything_is_measured(self):
        (self.folder / "taken").mkdir()
        for target, what in (("missing/r.json", "missing/r.json"), ("taken", "taken"), ("/proc/r.json", "/proc/r.json")):
            for command in (("run", "--for", "resnet50-h100"), (*MEASURE, *SMALL, "--path", ".")):
                ended = self.refused(*command, "--json", target, what=what)
                self.assertLess(ended.seconds, 5)
        self.assertEqual(os.listdir(self.folder), ["taken"])

    def test_a_journal_that_cannot_be_written_is_said_before_anything_is_measured(self):
        self.refused("run", "--for", "resnet50-h100", "--journal", "missing/j", what="missing/j")
        self.assertFolderIsEmpty()

    def test_a_journal_that_exists_is_not_overwritten(self):
        (self.folder / "j").write_text("precious\n")
        self.refused("run", "--for", "resnet50-h100", "--journal", "j", what="j")
        self.assertEqual((self.folder / "j").read_text(), "precious\n")

    def test_json_to_standard_output_is_alone_there_and_satisfies_the_schema(self):
        ended = self.run_it(*MEASURE, *SMALL, "--path", ".", "--json", "-")
        self.assertEqual(ended.code, 0, ended.err)
        self.assertEqual(ended.measurement["probe"], "storage.read")
        (self.folder / "r.json").write_text(ended.out)
        self.assertSatisfiesSchema(self.folder / "r.json")

    def test_json_to_a_file_is_the_same_document(self):
        ended = self.run_it(*MEASURE, *SMALL, "--path", ".", "--json", "r.json")
        self.assertEqual(ended.code, 0, ended.err)
        self.assertIn("storage.read", ended.out)
        self.assertEqual(os.listdir(self.folder), ["r.json"])
        self.assertSatisfiesSchema(self.folder / "r.json")

    def test_standard_output_that_is_full_is_an_error_and_not_a_crash(self):
        with open("/dev/full", "w") as full:
            ended = subprocess.run([os.environ["MILLRACE_BINARY"], *MEASURE, *SMALL, "--path", self.folder, "--json",
                                    "-"], stdout=full, stderr=subprocess.PIPE, text=True, check=False)
        self.assertEqual(ended.returncode, 2, ended.stderr)
        self.assertIn("cannot write standard output", ended.stderr)

    def test_text_that_did_not_reach_its_reader_is_an_error_unless_the_reader_left(self):
        command = [os.environ["MILLRACE_BINARY"], "workloads"]
        with open("/dev/full", "w") as full:
            ended = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
        self.assertEqual(ended.returncode, 2, ended.stderr)
        self.assertIn("cannot write standard output: No space left on device", ended.stderr)
        reading, writing = os.pipe()
        os.close(reading)
        ended = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE, text=True, check=False)
        os.close(writing)
        self.assertEqual((ended.returncode, ended.stderr), (0, ""))


class NothingElse(CommandTest):
    def test_nothing_but_its_own_files_is_ever_written(self):
        theirs = self.folder / "theirs"
        (theirs / "deep").mkdir(parents=True)
        for name in ("a.bin", "deep/b.bin", ".millrace-temporary", "data-000000.bin"):
            (theirs / name).write_bytes(os.urandom(1 << 20))
        os.symlink("a.bin", theirs / "link")
        before, contents = tree(theirs), {p: p.read_bytes() for p in theirs.rglob("*") if p.is_file()}
        for probe in ("storage.read", "storage.write"):
            ended = self.measure(probe, "--path", theirs, *SMALL, "--duration", "300ms")
            self.assertEqual(ended.code, 0, ended.err)
        self.assertEqual(self.measure("storage.read", "--dataset", theirs, "--duration", "300ms").code, 0)
        after = tree(theirs)
        self.assertEqual(after, before)
        self.assertEqual({p: p.read_bytes() for p in theirs.rglob("*") if p.is_file()}, contents)
        self.assertEqual(os.listdir(self.folder), ["theirs"])

    def test_a_file_of_the_users_is_never_opened_for_writing(self):
        (self.folder / "precious").write_bytes(b"x" * (1 << 20))
        self.refused("measure", "storage.write", "--path", "precious", what="precious")
        self.assertEqual((self.folder / "precious").read_bytes(), b"x" * (1 << 20))


if __name__ == "__main__":
    main()
