#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`millrace selftest` on the live machine: every cause that it can plant is found, a healthy machine gets no false one.

    selftest.py MILLRACE FOLDER

FOLDER lies on the drive that is capped. Exits with 77 where no cause at all can be planted.
"""
import json
import pathlib
import re
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from residuals import note  # noqa: E402

binary, folder = sys.argv[1:]
done = subprocess.run([binary, "selftest", "--path", folder, "--budget", "9s", "--json", "-"], capture_output=True, text=True, timeout=600,
                      check=False)
print(done.stdout, done.stderr, sep="\n")
if done.returncode == 3:
    sys.exit(77)
scores = json.loads(done.stdout)
planted = [case for case in scores["cases"] if "skipped" not in case]
# What needs no right and no kernel's help is planted everywhere.
assert {"nothing planted", "slow CPU stage"} <= {case["name"] for case in planted}, planted
# A neighbour that copies takes bandwidth where memory is not faster than all cores: the figures say which it is.
memory = next(case for case in scores["cases"] if case["name"] == "neighbour in memory")
assert re.search(r"copying [0-9.]+ .B/s of [0-9.]+ .B/s|one core|memory, .* are free|/dev/shm",
                 memory.get("skipped", memory["planted"])), memory
for case in planted:
    if case["measured_utilization"] is not None:
        note(pathlib.Path(folder, "tests/residuals"), f"selftest: {case['name']}", case["predicted_utilization"],
             case["measured_utilization"])
wrong = [case for case in planted if not case["right"]]
assert not wrong, wrong
# The pipeline's own run crosses no network.
assert all(case["measured_utilization"] is not None for case in planted if case["name"] != "throttled link"), planted
assert scores["residual"]["median"] <= 0.05 and scores["residual"]["p90"] <= 0.10, scores["residual"]
assert done.returncode == 0, done.returncode
