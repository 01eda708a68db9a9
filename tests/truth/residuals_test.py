# SPDX-License-Identifier: Apache-2.0
"""The table of residuals judges as it says."""
import contextlib
import io
import os
import tempfile
import unittest

import residuals


class Table(unittest.TestCase):
    def judge(self, *distances, age_s=0):
        with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()) as out:
            for number, distance in enumerate(distances):
                residuals.note(folder, f"Case {number}", 0.5 + distance, 0.5)
            for name in os.listdir(folder):
                before = os.stat(os.path.join(folder, name)).st_mtime - age_s
                os.utime(os.path.join(folder, name), (before, before))
            return residuals.main([folder]), out.getvalue()

    def test_it_passes_what_is_near_and_prints_all(self):
        code, out = self.judge(*[0.01, -0.04] * 5)
        self.assertEqual(code, 0)
        self.assertEqual(out.count("\nCase "), 10)
        self.assertIn("10 cases: median 1.0 points apart, 90th percentile 4.0", out)
        self.assertIn("-4.0", out)

    def test_one_in_ten_may_be_far_and_no_more(self):
        self.assertEqual(self.judge(*[0] * 9, 0.5)[0], 0)
        self.assertEqual(self.judge(*[0] * 8, 0.5, -0.5)[0], 1)

    def test_a_median_too_far_fails(self):
        self.assertEqual(self.judge(*[0.06, -0.06] * 5)[0], 1)

    def test_too_few_or_those_of_another_day_tell_nothing(self):
        self.assertEqual(self.judge(0.5, 0.5)[0], residuals.SKIPPED)
        self.assertEqual(self.judge(*[0.5] * 10, age_s=86400)[0], residuals.SKIPPED)

    def test_a_case_that_runs_again_takes_its_own_place(self):
        with tempfile.TemporaryDirectory() as folder:
            for measured in (0.1, 0.2):
                residuals.note_diagnosis(folder, "drive: slow", {"measured": {"accelerator_utilization": measured, "residual": 0.1}})
            residuals.note_diagnosis(folder, "no run", {"measured": None})
            self.assertEqual([round(case["predicted"], 6) for case in residuals.read([folder])], [0.3])


if __name__ == "__main__":
    unittest.main()
