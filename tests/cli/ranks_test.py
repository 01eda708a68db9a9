# SPDX-License-Identifier: Apache-2.0
"""Ranks that need each other: all hear all, all stop together, and none waits for one that is gone."""
from command_line import FAULTS, CommandTest, main

SHORT = ("--deadline", "20s", "--duration", "500ms", "--target", "0")


class Ranks(CommandTest):
    modules = FAULTS

    def ranks(self, *arguments):
        ended = self.measure("faulty.ranks", *arguments, *SHORT)
        return ended, ended.measurement

    def together(self, meet):
        ended, m = self.ranks("--ranks", 4, "--meet", meet)
        self.assertEqual(ended.code, 0, ended.err)
        self.assertEqual(m["counters"]["greeted"], 4)
        self.assertEqual(len(m["participants"]), 4)
        stopped = m["metrics"]["stopped_at_iterations"]
        self.assertEqual(stopped["count"], 4)
        self.assertEqual(stopped["min"], stopped["max"])
        self.assertGreater(stopped["min"], 10)

    def test_four_ranks_that_step_together_stop_at_one_iteration(self):
        self.together("barrier")

    def test_four_ranks_that_race_stop_at_one_iteration(self):
        self.together("exchange")

    def lost(self, meet, deed, reason):
        ended, m = self.ranks("--ranks", 3, "--meet", meet, "--deed", deed)
        self.assertEqual(ended.code, 3, ended.err)
        self.assertEqual(m["status"], "failed")
        self.assertRegex(m["reason"], reason)  # the culprit's, not that of those who waited
        self.assertLess(ended.seconds, 4, "the others waited for the one that was gone")

    def test_ranks_at_a_barrier_are_let_go_when_one_crashes(self):
        self.lost("barrier", "crash", r"crashed \(SIGSEGV\)")

    def test_ranks_at_a_barrier_are_let_go_when_one_fails(self):
        self.lost("barrier", "fail", "the flux capacitor is cold")

    def test_ranks_in_an_exchange_are_let_go_when_one_crashes(self):
        self.lost("exchange", "crash", r"crashed \(SIGSEGV\)")

    def test_ranks_in_an_exchange_are_let_go_when_one_fails(self):
        self.lost("exchange", "fail", "the flux capacitor is cold")

    def test_a_rank_that_hangs_ends_the_measurement_at_its_deadline(self):
        ended = self.measure("faulty.ranks", "--ranks", 3, "--meet", "exchange", "--deed", "hang", "--deadline", "1s",
                             "--duration", "500ms")
        self.assertEqual(ended.code, 3, ended.err)
        self.assertRegex(ended.measurement["reason"], "did not end after the measuring by its deadline")
        self.assertLess(ended.seconds, 12)


if __name__ == "__main__":
    main()
