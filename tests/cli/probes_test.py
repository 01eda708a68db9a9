# SPDX-License-Identifier: Apache-2.0
"""The core stands alone: it starts, and says what there is, with any modules or none."""
import shutil

import command_line
from command_line import BINARY, CommandTest, main


class Alone(CommandTest):
    def setUp(self):
        super().setUp()
        self.addCleanup(setattr, command_line, "BINARY", BINARY)
        (self.folder / "bin").mkdir()
        command_line.BINARY = shutil.copy(BINARY, self.folder / "bin/millrace")

    def test_the_version_needs_no_module(self):
        ended = self.run_it("--version")
        self.assertEqual(ended.code, 0)
        self.assertRegex(ended.out, r"^millrace \d+\.\d+\.\d+ \(.+\)\n$")

    def test_probes_without_any_module_says_which_were_not_built(self):
        ended = self.run_it("probes")
        self.assertEqual(ended.code, 0, ended.err)
        for name in ("host", "ingest", "storage"):
            self.assertIn(f"{name}: not built (no {name}.so on the module path)", ended.out)

    def test_a_measurement_without_its_module_is_skipped_with_the_reason(self):
        ended = self.measure("storage.read", "--path", ".")
        self.assertEqual(ended.code, 3)
        self.assertEqual(ended.measurement["status"], "skipped")
        self.assertIn("not built", ended.measurement["reason"])

    def test_a_run_without_modules_is_inconclusive_and_leaves_nothing(self):
        ended = self.run_it("run", "--for", "resnet50-h100")
        self.assertEqual(ended.code, 3, ended.err)
        self.assertIn("not built", ended.err)
        self.assertFolderHolds(["bin"])

    def assertFolderHolds(self, names):
        self.assertEqual(sorted(p.name for p in self.folder.iterdir()), names)


class Listing(CommandTest):
    def test_all_modules_of_this_machine_are_ready(self):
        ended = self.run_it("probes")
        for name, probe in (("host", "memory.copy"), ("ingest", "ingest.pipeline"), ("storage", "storage.write")):
            self.assertRegex(ended.out, rf"(?m)^{name} .*: ready$")
            self.assertIn(probe, ended.out)

    def test_a_probes_parameters_are_listed_with_their_defaults(self):
        ended = self.run_it("probes", "storage.read")
        self.assertEqual(ended.code, 0)
        self.assertRegex(ended.out, r"--block-size SIZE .*\[.+\]")

    def test_a_file_on_the_module_path_that_is_no_library_does_no_harm(self):
        (self.folder / "text.so").write_text("not a library")
        (self.folder / "folder.so").mkdir()
        self.modules = f"{self.folder}:/nonexistent::{self.folder / 'text.so'}"
        ended = self.run_it("probes")
        self.assertEqual(ended.code, 0)
        self.assertRegex(ended.out, r"(?m)^text: unavailable \(.*file too short|invalid ELF header")
        self.assertRegex(ended.out, r"(?m)^storage .*: ready$")


if __name__ == "__main__":
    main()
