# SPDX-License-Identifier: Apache-2.0
"""Where the kernel refuses something, one message says what, and the way out."""
import os
import shutil
import subprocess
import sys

import command_line
from command_line import BINARY, BUILD, SOURCE, CommandTest, main

NOBODY = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--inh-caps=-all", "--bounding-set=-all")
REFUSE_IO_URING = (sys.executable, "-B", SOURCE / "tests/cli/refuse_io_uring.py")
MEASURE = ("measure", "storage.read", "--path", ".", "--file-size", "4MiB", "--duration", "300ms")


class Privileges(CommandTest):
    def as_nobody(self):
        """A prefix that drops all rights, and a folder that the rightless may write to."""
        if os.geteuid() != 0 or shutil.which("setpriv") is None:
            self.skipTest("needs root, to drop its rights, and setpriv")
        os.chmod(self.folder, 0o777)
        # Asked by another program: setpriv of util-linux 2.41 still reaches what is closed to others as it starts one.
        if subprocess.run([*NOBODY, "test", "-x", BINARY], check=False).returncode != 0:
            # The build's folder is closed to others: a copy of what runs.
            self.addCleanup(setattr, command_line, "BINARY", BINARY)
            copy = self.folder.parent / (self.folder.name + "-copy")
            self.addCleanup(shutil.rmtree, copy, True)
            shutil.copytree(BUILD / "lib/millrace", copy / "lib/millrace")
            (copy / "bin").mkdir()
            command_line.BINARY = shutil.copy(BINARY, copy / "bin/millrace")
            os.chmod(copy, 0o755)
        return NOBODY

    def test_io_uring_refused_by_the_kernel_is_named_with_the_way_out(self):
        ended = self.run_it(*MEASURE, "--json", "-", prefix=REFUSE_IO_URING)
        self.assertEqual(ended.code, 3, ended.err)
        m = ended.measurement
        self.assertIn(m["status"], ("failed", "skipped"))
        self.assertIn("io_uring", m["reason"])
        self.assertRegex(m["hint"], "kernel.io_uring_disabled|seccomp")
        self.assertFolderIsEmpty()

    def test_a_run_without_io_uring_ends_with_the_reason(self):
        ended = self.run_it("run", "--for", "resnet50-h100", prefix=REFUSE_IO_URING)
        self.assertEqual(ended.code, 3, ended.err)
        self.assertIn("io_uring", ended.err)
        self.assertRegex(ended.err, "hint: .*(kernel.io_uring_disabled|seccomp)")
        self.assertFolderIsEmpty()

    def test_memlock_too_small_is_named_with_the_way_out_or_done_without(self):
        nobody = self.as_nobody()
        ended = self.run_it(*MEASURE, "--block-size", "1MiB", "--queue-depth", "32", "--json", "-",
                            prefix=("prlimit", "--memlock=65536:65536", *nobody))
        m = ended.measurement
        if ended.code == 0:  # measured, by falling back: it must say so
            self.assertRegex(" ".join(m["flags"]), "register|memlock|buffers")
        else:
            self.assertEqual(ended.code, 3, ended.err)
            self.assertRegex(m["reason"], "RLIMIT_MEMLOCK|memlock|lock")
            self.assertRegex(m["hint"], "ulimit -l|memlock")
        self.assertFolderIsEmpty()

    def test_a_folder_that_may_not_be_read_is_refused(self):
        nobody = self.as_nobody()
        (self.folder / "private").mkdir(mode=0o700)
        for command in (("run", "--for", "resnet50-h100"), MEASURE[:2]):
            self.refused(*command, "--path", "private", what="private", prefix=nobody)
        self.assertEqual(os.listdir(self.folder), ["private"])

    def test_a_folder_that_may_not_be_written_to_is_refused(self):
        nobody = self.as_nobody()
        (self.folder / "shown").mkdir(mode=0o755)
        for command in (("run", "--for", "resnet50-h100"), MEASURE[:2]):
            self.refused(*command, "--path", "shown", what="shown", prefix=nobody)
        self.assertEqual(os.listdir(self.folder / "shown"), [])

    def test_a_result_that_may_not_be_written_is_refused_before_anything_is_measured(self):
        nobody = self.as_nobody()
        (self.folder / "theirs.json").write_text("precious")
        ended = self.refused(*MEASURE, "--json", "theirs.json", what="theirs.json", prefix=nobody)
        self.assertLess(ended.seconds, 5)
        self.assertEqual((self.folder / "theirs.json").read_text(), "precious")

    def test_a_document_that_may_not_be_read_is_refused(self):
        nobody = self.as_nobody()
        (self.folder / "secret.json").write_text("{}")
        os.chmod(self.folder / "secret.json", 0o600)
        self.refused("diagnose", "secret.json", "--for", "resnet50-h100", what="secret.json", prefix=nobody)

    def test_everything_works_without_any_rights(self):
        ended = self.run_it(*MEASURE, "--json", "-", prefix=self.as_nobody())
        self.assertEqual(ended.code, 0, ended.err)
        self.assertFolderIsEmpty()


if __name__ == "__main__":
    main()
