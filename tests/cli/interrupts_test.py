# SPDX-License-Identifier: Apache-2.0
"""Ended by a signal, whichever: workers gone, temporary files gone or recognised later, what was measured kept."""
import contextlib
import json
import os
import signal
import time

from command_line import CommandTest, children_of, is_alive, main

RUN = ("run", "--for", "resnet50-h100", "--budget", "2s", "--repeats", "1", "--journal", "j", "--json", "r.json")


def entries(journal):
    """The whole lines of a journal; the last may be torn."""
    found = []
    with contextlib.suppress(ValueError, FileNotFoundError):
        for line in journal.read_text().splitlines():
            found.append(json.loads(line))
    return found


class Interrupts(CommandTest):
    def wait_for(self, process, condition, what):
        deadline = time.monotonic() + 60
        while not condition():
            if process.poll() is not None or time.monotonic() > deadline:
                process.kill()
                self.fail(f"never: {what}\n{process.communicate()}")
            time.sleep(0.02)

    def measured(self):
        return [e["measurement"] for e in entries(self.folder / "j") if "measurement" in e]

    def data_sets(self):
        return [p for p in self.folder.iterdir() if p.name.startswith("millrace-data-")]

    def interrupt(self, process, which):
        workers = children_of(process.pid)
        process.send_signal(which)
        began = time.monotonic()
        ended = self.finish(process, began)
        self.assertEqual(ended.code, 130, ended.err)
        self.assertLess(ended.seconds, 10)
        self.assertEqual([pid for pid in workers if is_alive(pid)], [])
        self.assertNoneLeft()
        return ended

    def test_an_interrupted_measurement_ends_in_order_and_delivers_what_it_has(self):
        for which in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            process = self.start("measure", "storage.read", "--path", ".", "--file-size", "16MiB", "--duration", "60s",
                                 "--target", "0", "--json", "r.json")
            self.wait_for(process, lambda: children_of(process.pid), "a worker")
            time.sleep(1)
            self.interrupt(process, which)
            self.assertEqual(os.listdir(self.folder), ["r.json"])
            document = json.loads((self.folder / "r.json").read_text())
            self.assertIs(document["complete"], False)
            self.assertEqual(document["measurements"][0]["reason"], "interrupted")
            self.assertSatisfiesSchema(self.folder / "r.json")

    def test_a_run_interrupted_while_it_measures_keeps_its_journal_and_no_data(self):
        process = self.start(*RUN)
        self.wait_for(process, lambda: self.data_sets() and len(self.measured()) >= 2, "a second measurement")
        ended = self.interrupt(process, signal.SIGINT)
        self.assertIn("--resume j", ended.err)
        self.assertEqual(sorted(os.listdir(self.folder)), ["j", "r.json"])
        self.assertSatisfiesSchema(self.folder / "j", "journal")
        self.assertSatisfiesSchema(self.folder / "r.json")
        self.assertIn(self.run_it("diagnose", "j", "--for", "resnet50-h100").code, (0, 3))

    def test_a_run_interrupted_while_it_makes_its_data_leaves_none(self):
        process = self.start(*RUN)
        self.wait_for(process, self.data_sets, "a data set")
        self.interrupt(process, signal.SIGINT)
        self.assertEqual(self.data_sets(), [])

    def kill_in_the_middle(self):
        """A run killed after some measurements: its workers, and what its journal holds."""
        process = self.start(*RUN)
        self.wait_for(process, lambda: self.data_sets() and len(self.measured()) >= 3, "a third measurement")
        workers = children_of(process.pid)
        process.kill()
        self.assertEqual(self.finish(process).code, -signal.SIGKILL)
        deadline = time.monotonic() + 3
        while any(map(is_alive, workers)) and time.monotonic() < deadline:
            time.sleep(0.02)
        self.assertEqual([pid for pid in workers if is_alive(pid)], [], "workers outlived the core")
        self.assertNoneLeft()
        self.assertEqual(len(self.data_sets()), 1)  # nobody was there to remove it
        return self.measured()

    def test_a_killed_run_is_diagnosed_from_its_journal_and_resumed(self):
        before = self.kill_in_the_middle()
        diagnosed = self.run_it("diagnose", "j", "--for", "resnet50-h100")
        self.assertIn(diagnosed.code, (0, 3), diagnosed.err)
        self.assertIn("resnet50", diagnosed.out)

        resumed = self.run_it("run", "--resume", "j", "--json", "r.json")
        document = json.loads((self.folder / "r.json").read_text())
        self.assertEndedAsItsVerdicts(resumed, document)
        self.assertIn("left by a run that was killed", resumed.err)
        self.assertNotIn("millrace-data-", "".join(os.listdir(self.folder)))
        self.assertIs(document["complete"], True)
        after = {m["id"]: m for m in document["measurements"]}
        self.assertEqual(len(after), len(document["measurements"]))
        self.assertGreater(len(after), len(before))
        for m in before:  # not measured again: the very same repeats, at the very same time
            self.assertEqual(after[m["id"]]["repeats"], m["repeats"], m["id"])
        self.assertSatisfiesSchema(self.folder / "r.json")

    def test_a_resumed_run_does_only_the_repeats_that_are_missing(self):
        process = self.start(*RUN[:RUN.index("--repeats")], "--repeats", "3", *RUN[RUN.index("--repeats") + 2:])
        # Repeats are interleaved: now some have two, some one, and none beyond the survey has all three.
        self.wait_for(process, lambda: any(len(m["repeats"]) == 2 for m in self.measured()[1:]), "a second repeat")
        process.kill()
        self.finish(process)
        begun = {m["id"]: m for m in self.measured()}  # the last line of each
        resumed = self.run_it("run", "--resume", "j", "--json", "r.json")
        document = json.loads((self.folder / "r.json").read_text())
        self.assertEndedAsItsVerdicts(resumed, document)
        after = {m["id"]: m for m in document["measurements"]}
        self.assertTrue([m for m in begun.values() if len(m["repeats"]) < 3], "nothing was left to do")
        for name, m in begun.items():
            self.assertEqual(after[name]["repeats"][:len(m["repeats"])], m["repeats"], name)
            self.assertGreater(after[name]["duration_s"], 0.99 * m["duration_s"])
            if len(m["repeats"]) == 2:
                self.assertEqual(len(after[name]["repeats"]), 3, name)
        self.assertEqual({len(m["repeats"]) for m in after.values()}, {1, 3})  # as planned: the survey has one
        self.assertSatisfiesSchema(self.folder / "r.json")
        self.assertSatisfiesSchema(self.folder / "j", "journal")

    def test_a_new_run_removes_what_a_killed_one_left(self):
        self.kill_in_the_middle()
        os.rename(self.folder / "j", self.folder / "old")
        ended = self.run_it(*RUN)
        self.assertEndedAsItsVerdicts(ended, json.loads((self.folder / "r.json").read_text()))
        self.assertEqual(sorted(os.listdir(self.folder)), ["j", "old", "r.json"])

    def test_a_journal_torn_by_a_kill_is_resumed(self):
        self.kill_in_the_middle()
        journal = self.folder / "j"
        journal.write_bytes(journal.read_bytes()[:-40])
        resumed = self.run_it("run", "--resume", "j", "--json", "r.json")
        self.assertEndedAsItsVerdicts(resumed, json.loads((self.folder / "r.json").read_text()))
        self.assertSatisfiesSchema(journal, "journal")

    def test_a_journal_of_a_run_that_goes_on_is_not_resumed(self):
        process = self.start(*RUN)
        self.wait_for(process, lambda: self.measured(), "a measurement")
        second = self.finish(self.start("run", "--resume", "j"))
        self.assertEqual(second.code, 2)
        self.assertRegex(second.err, "another millrace is writing the journal j")
        self.interrupt(process, signal.SIGINT)


if __name__ == "__main__":
    main()
