# SPDX-License-Identifier: Apache-2.0
"""Side by side: Millrace and a peer tool take turns in one run, and what is judged is the ratio within each pair.

A drift of the machine (heat, other tenants, a throttle) hits both members of a pair alike, and the order ABBA cancels
what is linear in time. The figure is the median of the paired ratios with its 95 % interval by bootstrap over pairs
(percentile method, Efron and Tibshirani 1993). A claim passes when the whole interval satisfies it, fails when none of
it does, and is inconclusive in between: more pairs or a quieter machine would tell.

Python's standard library only.
"""

import argparse
import dataclasses
import json
import os
import random
import signal
import statistics
import subprocess
import sys
from typing import Callable, Optional

PASS, FAIL, INCONCLUSIVE, SKIPPED = "pass", "fail", "inconclusive", "skipped"
EXIT_SKIPPED = 77
LEAST_PAIRS = 15

Figures = dict[str, float]  # one run's: {"operations_per_s": 440e3, "user_s_per_operation": 8e-8}


class Refused(Exception):
    """A tool did not do what it was asked for."""


def output_of(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Refused(f"{' '.join(command)}\nended with {done.returncode}: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout


def on_cpus(count: int) -> list[str]:
    """Both tools get the same CPUs, the highest of those that are allowed (interrupts tend to land on the lowest)."""
    cpus = sorted(os.sched_getaffinity(0))[-count:]
    return ["taskset", "--cpu-list", ",".join(map(str, cpus))]


def measured(millrace: str, probe: str, *parameters: str, seconds: float, cpus: Optional[int] = None,
             prefix: tuple[str, ...] = ()) -> dict:
    """The measurement in the result document of one `millrace measure`, of a single repeat that lasts its time; `cpus`:
    on as many (on_cpus); `prefix`: what runs the command elsewhere."""
    text = output_of([*prefix, *(on_cpus(cpus) if cpus else []), millrace, "measure", probe, *parameters, "--duration",
                      f"{seconds}s", "--target", "0", "--json", "-", "--quiet"])
    measurement = json.loads(text)["measurements"][0]
    if measurement["status"] != "ok":
        raise Refused(f"millrace: {measurement['status']}: {measurement['reason']}")
    return measurement


@dataclasses.dataclass
class Claim:
    """About the ratio Millrace / peer of one figure: not below `least`, not above `most`."""

    figure: str
    what: str
    least: Optional[float] = None
    most: Optional[float] = None

    def verdict(self, low: float, high: float) -> str:
        least = self.least if self.least is not None else float("-inf")
        most = self.most if self.most is not None else float("inf")
        if low >= least and high <= most:
            return PASS
        if high < least or low > most:
            return FAIL
        return INCONCLUSIVE

    def bound(self) -> str:
        parts = []
        if self.least is not None:
            parts.append(f">= {self.least:g}")
        if self.most is not None:
            parts.append(f"<= {self.most:g}")
        return " and ".join(parts)


@dataclasses.dataclass
class Judgement:
    comparison: str
    claim: Claim
    ours: float  # medians over the pairs
    theirs: float
    ratio: float
    low: float
    high: float
    pairs: int
    verdict: str


def bootstrap_interval(values: list[float], resamples: int = 10_000, seed: int = 1) -> tuple[float, float]:
    """95 % interval of the median of `values`."""
    source = random.Random(seed)
    medians = sorted(statistics.median(source.choices(values, k=len(values))) for _ in range(resamples))
    return medians[int(0.025 * resamples)], medians[int(0.975 * resamples) - 1]


def take_turns(ours: Callable[[], Figures], theirs: Callable[[], Figures], pairs: int,
               say: Callable[[str], None]) -> list[tuple[Figures, Figures]]:
    """A warm-up of both that is thrown away, then ABBA ABBA …: at least `pairs` pairs (an even number)."""
    ours(), theirs()
    results = []
    for turn in range((pairs + 1) // 2 * 2):
        if turn % 2 == 0:
            a = ours()
            b = theirs()
        else:
            b = theirs()
            a = ours()
        results.append((a, b))
        say(f"pair {turn + 1}: " + ", ".join(f"{name} {a[name]:.4g} / {b[name]:.4g}" for name in a if name in b))
    return results


def judge(comparison: str, results: list[tuple[Figures, Figures]], claims: list[Claim]) -> list[Judgement]:
    judgements = []
    for claim in claims:
        usable = [(a[claim.figure], b[claim.figure]) for a, b in results if b.get(claim.figure, 0) > 0]
        if not usable:
            judgements.append(Judgement(comparison, claim, 0, 0, 0, 0, 0, 0, INCONCLUSIVE))
            continue
        ratios = [a / b for a, b in usable]
        low, high = bootstrap_interval(ratios)
        verdict = claim.verdict(low, high) if len(usable) >= LEAST_PAIRS else INCONCLUSIVE
        judgements.append(Judgement(comparison, claim, statistics.median(a for a, _ in usable),
                                    statistics.median(b for _, b in usable), statistics.median(ratios), low, high,
                                    len(usable), verdict))
    return judgements


def print_table(judgements: list[Judgement], out=sys.stdout) -> None:
    rows = [("comparison", "claim", "millrace", "peer", "ratio", "95 % interval", "wanted", "pairs", "verdict")]
    for j in judgements:
        rows.append((j.comparison, j.claim.what, f"{j.ours:.4g}", f"{j.theirs:.4g}", f"{j.ratio:.3f}",
                     f"{j.low:.3f} … {j.high:.3f}", j.claim.bound(), str(j.pairs), j.verdict))
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip(), file=out)


def write_json(judgements: list[Judgement], path: str) -> None:
    with open(path, "w", encoding="utf-8") as file:
        json.dump({"schema": "millrace.peers/1", "judgements": [dataclasses.asdict(j) for j in judgements]}, file,
                  indent=2)
        file.write("\n")


def exit_code(judgements: list[Judgement]) -> int:
    """0: every claim passed; 1: one failed; 3: none failed, one was inconclusive."""
    verdicts = {j.verdict for j in judgements}
    return 1 if FAIL in verdicts else 3 if INCONCLUSIVE in verdicts else 0


def skip(reason: str) -> None:
    print(f"skipped: {reason}")
    sys.exit(EXIT_SKIPPED)


def parser(description: str, seconds: int) -> argparse.ArgumentParser:
    """With the options that all comparisons have; `seconds` is the default length of one run."""
    options = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--millrace", default="build/release/bin/millrace")
    options.add_argument("--pairs", type=int, default=LEAST_PAIRS + 1)
    options.add_argument("--seconds", type=int, default=seconds, help="of one run")
    options.add_argument("--json", help="write the judgements there")
    options.add_argument("--quiet", action="store_true")
    return options


def conclude(arguments: argparse.Namespace,
             comparisons: dict[str, Callable[[Callable[[str], None]], list[Judgement]]]) -> int:
    """Makes the comparisons, each by its name, one after another; prints what came out, and returns the exit code."""
    say = (lambda text: None) if arguments.quiet else (lambda text: print(text, file=sys.stderr, flush=True))
    judgements = []
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        for name, compare in comparisons.items():
            say(f"--- {name}")
            judgements += compare(say)
    except Refused as reason:
        sys.exit(str(reason))
    except KeyboardInterrupt:  # what was finished is worth its table
        print_table(judgements)
        sys.exit(f"stopped: {len(judgements)} claims of {len(comparisons)} comparisons were judged")
    print_table(judgements)
    if arguments.json:
        write_json(judgements, arguments.json)
    return exit_code(judgements)
