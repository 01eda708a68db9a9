#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""How long the commands take that do next to nothing, against their limits.

  benchmarks/peers/startup.py --millrace build/release/bin/millrace [--runs 41]

`millrace --version` is to take less than 20 ms, `millrace probes`, which opens every module, less than 300 ms. Both take
turns, after one of each that is thrown away; the median of their wall times and its 95 % interval are compared with the
limits. Exit code: 0 within them, 1 beyond one, 3 too wide to tell.
"""

import argparse
import statistics
import sys
import time

import pairs

LIMITS_S = {("--version",): 0.020, ("probes",): 0.300}


def wall_s(command: list[str]) -> float:
    began = time.perf_counter()
    pairs.output_of(command)
    return time.perf_counter() - began


def verdict(low: float, high: float, limit: float) -> str:
    if high < limit:
        return pairs.PASS
    return pairs.FAIL if low >= limit else pairs.INCONCLUSIVE


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--millrace", default="build/release/bin/millrace")
    parser.add_argument("--runs", type=int, default=41, help="of each command")
    arguments = parser.parse_args()
    times = {words: [] for words in LIMITS_S}
    try:
        for run in range(arguments.runs + 1):
            for words, taken in times.items():
                seconds = wall_s([arguments.millrace, *words])
                if run > 0:
                    taken.append(seconds)
    except (pairs.Refused, OSError) as reason:
        sys.exit(str(reason))
    verdicts = []
    for words, taken in times.items():
        low, high = pairs.bootstrap_interval(taken)
        limit = LIMITS_S[words]
        verdicts.append(verdict(low, high, limit) if len(taken) >= pairs.LEAST_PAIRS else pairs.INCONCLUSIVE)
        print(f"millrace {' '.join(words)}: median {statistics.median(taken) * 1e3:.1f} ms, 95 % in {low * 1e3:.1f} … "
              f"{high * 1e3:.1f} ms over {len(taken)} runs, wanted < {limit * 1e3:.0f} ms: {verdicts[-1]}")
    return 1 if pairs.FAIL in verdicts else 3 if pairs.INCONCLUSIVE in verdicts else 0


if __name__ == "__main__":
    sys.exit(main())
