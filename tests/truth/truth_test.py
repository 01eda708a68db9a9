#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The verdict against causes that the test itself sets, on the live machine; a slow CPU stage and a consumer slow enough
are among those of selftest.py.

    truth_test.py MILLRACE FOLDER CASE

FOLDER lies on the drive that is capped. Exits with 77, and the reason, where the kernel offers no cap.
"""
import contextlib
import json
import pathlib
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from residuals import note_diagnosis  # noqa: E402
from throttle import NoThrottle, ReadThrottle  # noqa: E402

MB = 1_000_000


def profile(compute_s=0.1, prep="none"):
    """A workload that takes 8 records of 500 kB a step: 40 MB/s of one accelerator with 0.1 s of computing."""
    return {
        "schema": "millrace.workload/1",
        "model": "truth",
        "description": "a workload whose demand the test knows",
        "source": "made by the test",
        "kind": "training-input",
        "input": {
            "record_bytes": 500_000,
            "batch_samples": 8,
            "prep": prep,
            "read_threads": 2,
            "prep_threads": 1,
            "prefetch_batches": 2,
        },
        "utilization_wanted": 0.9,
        "accelerators": {"test": {"compute_s": compute_s}},
    }


class Machine:
    def __init__(self, binary, folder):
        self.binary, self.folder = binary, folder

    def run(self, case, figures, budget, cap=None, *options):
        """Diagnosis and document of `millrace run` under a read cap in bytes/s, or none."""
        with tempfile.TemporaryDirectory(dir=self.folder) as work:
            workload = pathlib.Path(work, "truth.json")
            workload.write_text(json.dumps(figures))
            result = pathlib.Path(work, "result.json")
            with ReadThrottle(work, cap) if cap else contextlib.nullcontext():
                done = subprocess.run(
                    [self.binary, "run", "--path", work, "--for", str(workload), "--budget", f"{budget}s",
                     "--json", str(result), *options],
                    capture_output=True, text=True, timeout=300, check=False)
            print(done.stdout, done.stderr, sep="\n")
            check(done.returncode in (0, 3), f"exit code {done.returncode}")
            document = json.loads(result.read_text())
            note_diagnosis(pathlib.Path(self.folder, "tests/residuals"), f"live drive: {case}", document["diagnoses"][0])
            return document["diagnoses"][0], document


def check(holds, text):
    print(("ok: " if holds else "WRONG: ") + text)
    if not holds:
        raise SystemExit(1)


def kinds(diagnosis):
    return [b["kind"] for b in diagnosis["bottlenecks"]]


def check_residual(diagnosis):
    measured = diagnosis["measured"]
    check(measured is not None, "the pipeline ran for real")
    check(abs(measured["residual"]) <= 0.05,
          f"predicted and measured utilization differ by {100 * measured['residual']:.1f} points, 5 allowed "
          f"(measured {100 * measured['accelerator_utilization']:.1f} %)")


def a_throttled_drive_is_named(machine):
    cap = 40 * MB
    diagnosis, document = machine.run("half of what is needed", profile(compute_s=0.05), 20, cap)
    reads = [m for m in document["measurements"] if m["probe"] == "storage.read" and m["label"] == "truth"]
    rate = reads[0]["throughput_bytes_per_s"]["mean"]
    check(abs(rate / cap - 1) <= 0.05, f"measured {rate / MB:.2f} MB/s under a cap of 40 MB/s, 5 % allowed")
    check(diagnosis["verdict"] == "starved", f"verdict {diagnosis['verdict']}, starved is true")
    check(kinds(diagnosis) == ["storage"], f"bottleneck {kinds(diagnosis)}, storage is true")
    check_residual(diagnosis)


def the_verdict_flips_at_what_is_wanted(machine):
    needed = 0.9 * 40 * MB  # what the wanted utilization takes
    above, _ = machine.run("a quarter above what is wanted", profile(), 15, int(1.25 * needed))
    check(above["verdict"] == "fed", f"25 % above what is needed: {above['verdict']}, fed is true")
    below, _ = machine.run("a quarter below what is wanted", profile(), 15, int(0.75 * needed))
    check(below["verdict"] == "starved", f"25 % below what is needed: {below['verdict']}, starved is true")
    check(kinds(below) == ["storage"], f"bottleneck {kinds(below)}, storage is true")
    check_residual(below)


CASES = [a_throttled_drive_is_named, the_verdict_flips_at_what_is_wanted]

if __name__ == "__main__":
    binary, folder, name = sys.argv[1:]
    try:
        next(case for case in CASES if case.__name__ == name)(Machine(binary, folder))
    except NoThrottle as reason:
        print(f"skipped: {reason}")
        sys.exit(77)
