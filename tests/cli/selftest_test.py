# SPDX-License-Identifier: Apache-2.0
"""Causes that millrace plants itself: bad input, and nothing left behind when it is interrupted."""
import os
import pathlib
import signal
import time

from command_line import CommandTest, children_of, is_alive, main, workers_of


def groups():
    """Control groups that a selftest made."""
    return [p for root in ("/sys/fs/cgroup/blkio", "/sys/fs/cgroup") for p in pathlib.Path(root).glob("millrace-selftest-*")]


class Selftest(CommandTest):
    def test_bad_input_is_refused_before_anything_starts(self):
        for arguments, words in (
            (("--only", "drives"), 'there is no case "drives"'),
            (("--path", "missing"), "--path missing: it is no folder that can be written to"),
            (("--budget", "2s"), "--budget: a case needs 5s at least"),
            (("--budget", "soon"), "--budget"),
            (("--only", "nothing", "--json", "missing/scores.json"), "cannot write missing/scores.json"),
        ):
            with self.subTest(arguments):
                ended = self.run_it("selftest", *arguments)
                self.assertEqual(ended.code, 2, ended.err)
                self.assertTrue(ended.err.startswith("millrace: error: "), ended.err)
                self.assertIn(words, ended.err)
                self.assertEqual(os.listdir(self.folder), [])

    def test_interrupted_in_the_middle_it_leaves_nothing(self):
        process = self.start("selftest", "--only", "drive", "--budget", "60s")
        deadline = time.monotonic() + 60
        # The run, and a worker of it.
        while not workers_of(process.pid):
            self.assertLess(time.monotonic(), deadline)
            self.assertIsNone(process.poll(), "it ended by itself")
            time.sleep(0.02)
        children = children_of(process.pid)
        process.send_signal(signal.SIGINT)
        ended = self.finish(process, time.monotonic())
        self.assertEqual(ended.code, 130, ended.err)
        self.assertEqual([pid for pid in children if is_alive(pid)], [])
        self.assertEqual(os.listdir(self.folder), [])
        self.assertEqual(groups(), [])


if __name__ == "__main__":
    main()
