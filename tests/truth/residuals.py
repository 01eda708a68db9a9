#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What tests predicted beside what the pipeline then did, from all of them in one table.

    residuals.py FOLDER...

A test notes each case in a file of its own below FOLDER (a later run of it takes its place); this prints them all, the
median and the 90th percentile of the distance in points of utilization, and exits with 1 above what is allowed, with 77
where there are too few to tell.
"""
import json
import math
import pathlib
import re
import sys
import time

MEDIAN_ALLOWED, P90_ALLOWED = 0.05, 0.10
LEAST_CASES = 5
OF_THIS_RUN_S = 2 * 3600  # what is older is of another build
SKIPPED = 77


def note(folder, case, predicted, measured):
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / (re.sub(r"[^a-z0-9]+", "_", case.lower()) + ".json")
    file.write_text(json.dumps({"case": case, "predicted": predicted, "measured": measured}))


def note_diagnosis(folder, case, diagnosis):
    """Of a diagnosis of the result document, where the pipeline ran for real."""
    if measured := diagnosis["measured"]:
        truth = measured["accelerator_utilization"]
        note(folder, case, truth + measured["residual"], truth)


def read(folders):
    files = [file for folder in folders for file in sorted(pathlib.Path(folder).glob("*.json"))]
    return [json.loads(file.read_text()) for file in files if time.time() - file.stat().st_mtime < OF_THIS_RUN_S]


def nearest_rank(ordered, share):
    return ordered[math.ceil(share * len(ordered)) - 1]


def main(folders):
    cases = read(folders)
    width = max([len(case["case"]) for case in cases] + [4])
    print(f"{'Case':<{width}}  Predicted  Measured  Residual")
    for case in cases:
        predicted, measured = case["predicted"], case["measured"]
        print(f"{case['case']:<{width}}  {100 * predicted:7.1f} %  {100 * measured:6.1f} %  {100 * (predicted - measured):+8.1f}")
    if len(cases) < LEAST_CASES:
        print(f"\nskipped: {len(cases)} cases, {LEAST_CASES} are the least to tell anything; the tests that note them did not run")
        return SKIPPED
    sizes = sorted(abs(case["predicted"] - case["measured"]) for case in cases)
    median, p90 = nearest_rank(sizes, 0.5), nearest_rank(sizes, 0.9)
    print(f"\n{len(cases)} cases: median {100 * median:.1f} points apart, 90th percentile {100 * p90:.1f} "
          f"({100 * MEDIAN_ALLOWED:.0f} and {100 * P90_ALLOWED:.0f} allowed)")
    return int(median > MEDIAN_ALLOWED or p90 > P90_ALLOWED)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
