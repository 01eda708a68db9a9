#!/usr/bin/env -S python3 -B
# SPDX-License-Identifier: Apache-2.0
"""The faults of RDMA ten times over, in one boot of two hosts: soak.py MILLRACE RESULTS. Exits 77 where no rack boots."""
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
FAULTS = ("what_cannot_work_is_refused_ten_times_over_with_its_reason", "what_the_peer_lacks_is_told_here",
          "a_peer_killed_in_the_middle_ends_the_measurement_soon_ten_times_over",
          "a_path_that_dies_is_blamed_at_both_ends_and_no_end_is")

binary, results = sys.argv[1:]
ended = subprocess.run([sys.executable, "-B", HERE / "boot_tests.py", "--millrace", binary, "--hosts", "2", "--timeout", "3000",
                        "--results", results, "--goes", "10", "-k", "|".join(FAULTS), "rdma_test.py", "--", "--cables", "2"],
                       check=False)
if ended.returncode:
    sys.exit(ended.returncode)
verdicts = [subprocess.run([sys.executable, "-B", HERE / "verdict.py", results, f"rdma.{name}", "2"], check=False).returncode
            for name in FAULTS]
sys.exit(1 if 1 in verdicts else 77 if 77 in verdicts else 0)
