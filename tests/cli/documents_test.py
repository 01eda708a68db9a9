# SPDX-License-Identifier: Apache-2.0
"""Documents that are not what they should be: exit 2 with the file, the position and the reason, never a crash."""
import json
import os

from command_line import SOURCE, CommandTest, main

# What no reader of JSON may stumble over, with what the message must say.
MALFORMED = {
    "empty": (b"", "error"),
    "cut-off": (b'{"schema": "millrace.result/1", "measurements": [', "line 1|byte|offset"),
    "not-json": (b"millrace\n", "line 1|byte|offset"),
    "binary": (bytes(range(256)) * 64, "line 1|byte|offset"),
    "no-utf8": (b'{"schema": "millrace.result/1", "started": "\xff\xfe"}', "error"),
    "deep": (b"[" * 200_000, "error"),
    "deep-objects": (b'{"a":' * 100_000 + b"1" + b"}" * 100_000, "error"),
    "null": (b"null", "error"),
    "number": (b"1e999999", "error"),
    "twice": (b"{}{}", "error"),
    "zeros": (b"\0" * 4096, "error"),
}


class Documents(CommandTest):
    def refuse_file(self, command, name, contents, position="error"):
        file = self.folder / name
        file.write_bytes(contents)
        for arguments in command(file):
            ended = self.refused(*arguments, what=name)
            self.assertRegex(ended.err, position)
            self.assertLess(ended.seconds, 10)
            self.assertLess(len(ended.err), 2000)
        file.unlink()
        self.assertFolderIsEmpty()

    def result(self):
        """A real one, made here."""
        ended = self.run_it("measure", "memory.copy", "--size", "1MiB", "--duration", "200ms", "--json", "real.json")
        self.assertEqual(ended.code, 0, ended.err)
        contents = (self.folder / "real.json").read_bytes()
        (self.folder / "real.json").unlink()
        return contents

    def test_a_malformed_result_is_refused(self):
        for name, (contents, position) in MALFORMED.items():
            self.refuse_file(lambda f: [("diagnose", f, "--for", "resnet50-h100")], name, contents, position)

    def test_a_malformed_journal_is_refused(self):
        for name, (contents, _) in MALFORMED.items():
            self.refuse_file(lambda f: [("run", "--resume", f)], name, contents)

    def test_a_malformed_profile_is_refused(self):
        for name, (contents, position) in MALFORMED.items():
            self.refuse_file(lambda f: [("run", "--for", f), ("diagnose", "/dev/null", "--for", f)], name + ".json",
                             contents, position)

    def test_a_profile_nested_too_deep_is_refused_with_the_place(self):
        self.refuse_file(lambda f: [("run", "--for", f)], "deep.json", b'{\n"a": ' + b"[" * 40 + b"]" * 40 + b"}",
                         "deeper than 16 levels at line 2, column 21")

    def test_an_oversized_profile_is_refused_with_its_size(self):
        with open(self.folder / "huge.json", "wb") as file:
            file.truncate(20 << 30)
        ended = self.refused("run", "--for", "huge.json", what="at byte 1048576: a workload file holds at most 1 MiB")
        self.assertIn("this one has 20 GiB", ended.err)

    def test_what_is_no_regular_file_is_refused_unread_and_not_waited_for(self):
        os.mkfifo(self.folder / "pipe.json")
        (self.folder / "folder.json").mkdir()
        (self.folder / "real.json").write_bytes(self.result())
        for file, reason in (("pipe.json", "not a regular file"), ("/dev/zero", "not a regular file"),
                             ("folder.json", "is a folder")):
            for command in (("workloads", f"./{file}" if file[0] != "/" else file), ("diagnose", file),
                            ("diagnose", "real.json", "--with", file), ("run", "--resume", file),
                            ("diagnose", "real.json", "--for", f"./{file}" if file[0] != "/" else file)):
                ended = self.refused(*command, what=reason, patience=10)
                self.assertIn(file, ended.err)
            for command in ("topo", "doctor"):
                self.refused(command, "--from", file, what=f"{file} is no recorded machine", patience=10)

    def test_a_document_that_is_given_twice_is_refused(self):
        (self.folder / "one.json").write_bytes(self.result())
        (self.folder / "copy.json").write_bytes((self.folder / "one.json").read_bytes())
        (self.folder / "link.json").symlink_to("one.json")
        (self.folder / "two.json").write_bytes((self.result()))
        asked = ("diagnose", "one.json", "--for", "unet3d-h100", "--with")
        for file in ("one.json", "./one.json", "link.json"):
            self.refused(*asked, file, what=f"--with {file}: that is the document itself")
        self.refused(*asked, "copy.json", what="copy.json: its m1 (memory.copy) is m1 of one.json, and would count twice",
                     hint="leave one of the two documents out")
        self.refused(*asked, "two.json", "--with", "two.json", what="--with two.json: that is two.json again")
        self.assertEqual(self.run_it(*asked, "two.json").code, 3)

    def test_an_option_that_says_nothing_to_a_workload_is_not_passed_over(self):
        (self.folder / "real.json").write_bytes(self.result())
        for workload in ("llama3-8b-serve-h100", "llama3-8b-cold-start-h100", "llama3-8b-restore-h100", "factory-edge"):
            self.refused("diagnose", "real.json", "--for", workload, "--utilization", "80", what="--utilization says nothing to",
                         hint="leave it out")
        self.refused("diagnose", "real.json", "--for", "vision-edge-l4", "--prep", "none", what="--prep says nothing to vision-edge-l4")
        both = ("diagnose", "real.json", "--for", "vision-edge-l4", "--for", "unet3d-h100", "--utilization", "80")
        said = "note: --utilization says nothing to vision-edge-l4: answers and loadings are judged by their time\n"
        self.assertEqual(self.run_it(*both).err, said)
        self.assertEqual(self.run_it(*both, "--quiet").err, "")
        for workload in ("llama3-8b-checkpoint-h100", "factory-corporate-h100"):
            self.assertNotIn("--utilization", self.run_it("diagnose", "real.json", "--for", workload, "--utilization", "80").err)

    def test_a_key_of_the_whole_document_that_is_missing_has_a_place_too(self):
        self.refuse_file(lambda f: [("diagnose", f, "--for", "resnet50-h100")], "bare.json",
                         b'{"schema":"millrace.result/1"}', 'bare.json: at the top level: the key "tool" is missing')

    def test_a_result_cut_off_anywhere_is_refused(self):
        whole = self.result()
        for share in (0.01, 0.2, 0.5, 0.9, 0.999):
            self.refuse_file(lambda f: [("diagnose", f, "--for", "resnet50-h100")], "cut.json",
                             whole[:int(len(whole) * share) - 2])

    def test_a_wrong_field_is_named_by_its_place_in_the_document(self):
        def wrong(change):
            document = json.loads(whole)
            change(document)
            return json.dumps(document).encode()

        whole = self.result()
        for change, place in (
                (lambda d: d.update(schema="millrace.result/99"), "millrace.result/99"),
                (lambda d: d.pop("schema"), "schema"),
                (lambda d: d.update(measurements={}), "/measurements"),
                (lambda d: d["measurements"][0].update(status="splendid"), "/measurements/0/status"),
                (lambda d: d["measurements"][0]["throughput_bytes_per_s"].update(mean="fast"),
                 "/measurements/0/throughput_bytes_per_s/mean"),
                (lambda d: d["measurements"][0].update(duration_s=-1), "/measurements/0: a duration of -1 s"),
                (lambda d: d["measurements"].append(d["measurements"][0]), "m1")):
            self.refuse_file(lambda f: [("diagnose", f, "--for", "resnet50-h100")], "wrong.json", wrong(change), place)

    def test_a_wrong_line_of_a_journal_is_named_by_its_number(self):
        ended = self.run_it("run", "--for", "resnet50-h100", "--budget", "1s", "--repeats", "1",
                            "--journal", "j", "--json", "r.json")
        self.assertEndedAsItsVerdicts(ended, json.loads((self.folder / "r.json").read_text()))
        lines = (self.folder / "j").read_bytes().splitlines(keepends=True)
        for name in ("j", "r.json"):
            (self.folder / name).unlink()
        lines[1] = b'{"measurement": 7}\n'
        self.refuse_file(lambda f: [("run", "--resume", f), ("diagnose", f, "--for", "resnet50-h100")], "wrong.journal",
                         b"".join(lines), "wrong.journal:2|line 2")
        header = json.loads(lines[0])
        header["schema"] = "millrace.journal/99"
        self.refuse_file(lambda f: [("run", "--resume", f)], "new.journal", json.dumps(header).encode() + b"\n",
                         "millrace.journal/99")
        header["schema"] = "millrace.journal/1"
        header["settings"]["budget_ns"] = "much"
        self.refuse_file(lambda f: [("run", "--resume", f)], "set.journal", json.dumps(header).encode() + b"\n",
                         "budget_ns")

    def test_a_wrong_figure_of_a_profile_is_named(self):
        text = self.a_profile()
        for change, place in (
                (lambda p: p.update(schema="millrace.workload/99"), "millrace.workload/99"),
                (lambda p: self.deepest(p, "compute_s", -1), "compute_s"),
                (lambda p: self.deepest(p, "batch_samples", "many"), "batch_samples")):
            changed = json.loads(text)
            change(changed)
            self.assertNotEqual(changed, json.loads(text), f"the profile has no {place}")
            self.refuse_file(lambda f: [("run", "--for", f)], "mine.json", json.dumps(changed).encode(), place)

    @staticmethod
    def a_profile():
        return sorted((SOURCE / "src/workload").rglob("resnet50*.json"))[0].read_text()

    def deepest(self, node, key, value):
        if isinstance(node, dict):
            if key in node:
                node[key] = value
            for child in node.values():
                self.deepest(child, key, value)
        elif isinstance(node, list):
            for child in node:
                self.deepest(child, key, value)

    def test_a_file_that_is_missing_a_folder_or_no_file_is_refused(self):
        os.mkdir(self.folder / "folder")
        os.mkfifo(self.folder / "pipe")
        for place in ("missing.json", "folder", "pipe"):
            for command in (("diagnose", place, "--for", "resnet50-h100"), ("run", "--resume", place)):
                self.assertLess(self.refused(*command, what=place).seconds, 5)
        self.refused("run", "--for", "missing.json", what="missing.json")
        self.refused("run", "--for", "./folder", what="folder")

    def test_a_document_beyond_all_size_is_refused_at_once(self):
        huge = self.folder / "huge.json"
        with open(huge, "wb") as file:
            file.truncate(5 << 30)  # sparse: it takes no room
        for command in (("diagnose", huge, "--for", "resnet50-h100"), ("run", "--resume", huge), ("run", "--for", huge)):
            self.assertLess(self.refused(*command, what="huge.json").seconds, 10)


if __name__ == "__main__":
    main()
