# SPDX-License-Identifier: Apache-2.0
"""`millrace run` on file systems of drives whose rates the rack sets."""
import contextlib
import json
import os
import pathlib
import sys
import tempfile
import unittest

import rack_host

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "truth"))
from residuals import note_diagnosis  # noqa: E402

LIMIT_S = 200
MB = 1_000_000


def workload(needs_bytes_per_s):
    """4 MB a step, at so many bytes/s if the accelerator never waits."""
    return {
        "schema": "millrace.workload/1", "model": "rack", "description": "a workload whose demand the test knows",
        "source": "made by the test", "kind": "training-input",
        "input": {"record_bytes": 1_000_000, "batch_samples": 4, "prep": "none", "read_threads": 1, "prep_threads": 1,
                  "prefetch_batches": 2},
        "utilization_wanted": 0.9, "accelerators": {"test": {"compute_s": 4 * MB / needs_bytes_per_s}}}


@contextlib.contextmanager
def file_system_on(number):
    """A small ext4 on a drive, with nothing left to be done in the background."""
    with tempfile.TemporaryDirectory() as point:
        device = rack_host.drive(number)
        rack_host.shell(f"mkfs.ext4 -q -F -O ^has_journal -E lazy_itable_init=0 {device} 900M && mount {device} {point}")
        try:
            yield point
        finally:
            rack_host.shell(f"umount {point}", check=False)


def write_data_set(point, files=64, file_bytes=4 * MB):
    """A data set of the user's own, small enough to be written soon by an emulated CPU."""
    for number in range(files):
        pathlib.Path(point, f"{number}.bin").write_bytes(os.urandom(65536) * (file_bytes // 65536 + 1))
    os.sync()


def diagnose(*points, needs_bytes_per_s=40 * MB, option="--path", budget="9s"):
    """The diagnosis of running on these folders, and the whole document."""
    with tempfile.TemporaryDirectory() as work:
        profile, result = pathlib.Path(work, "rack.json"), pathlib.Path(work, "result.json")
        profile.write_text(json.dumps(workload(needs_bytes_per_s)))
        paths = [word for point in points for word in (option, point)]
        ended = rack_host.millrace("run", *paths, "--for", profile, "--budget", budget, "--size-cap", "256MiB",
                                   "--json", result, patience_s=150)
        assert ended.returncode in (0, 3), ended.returncode
        document = json.loads(result.read_text())
        case = os.environ["RACK_TEST"].partition(".")[2].replace("_", " ")
        note_diagnosis(rack_host.scratch() / "residuals", f"rack: {case}", document["diagnoses"][0])
        return document["diagnoses"][0], document


def bottlenecks(diagnosis):
    return [resource for b in diagnosis["bottlenecks"] for resource in b["resources"]]


class VerdictsTest(unittest.TestCase):
    def test_the_slow_drive_is_named_when_the_data_lie_on_it(self):
        with file_system_on(0) as point:
            diagnosis, _ = diagnose(point)
        drive = rack_host.drive(0).removeprefix("/dev/")
        self.assertEqual(diagnosis["verdict"], "starved")
        self.assertIn(f"drive:{drive}", bottlenecks(diagnosis))
        self.assertAlmostEqual(diagnosis["accelerator_utilization"]["value"], 0.5, delta=0.05)

    def test_the_slow_drive_is_not_named_when_the_data_lie_on_another(self):
        with file_system_on(2) as point:
            write_data_set(point)
            diagnosis, document = diagnose(point, option="--dataset")
        slow = rack_host.drive(0).removeprefix("/dev/")
        self.assertNotIn(f"drive:{slow}", bottlenecks(diagnosis))
        self.assertNotIn(slow, json.dumps(document["diagnoses"]))
        self.assertNotEqual(diagnosis["verdict"], "starved")

    def test_two_drives_under_one_cap_are_named_as_sharing_it(self):
        # Each alone delivers 80 MB/s, so two that shared nothing would deliver more than what is needed.
        with file_system_on(3) as one, file_system_on(4) as other:
            # QEMU lets a tenth of a second's worth through at once, however little was asked for before: what is measured
            # for half a second each has that in its rate, now more and now less.
            diagnosis, _ = diagnose(one, other, needs_bytes_per_s=120 * MB, budget="20s")
        print(json.dumps(diagnosis, indent=1))
        self.assertEqual(diagnosis["verdict"], "starved")
        available = [b["available_bytes_per_s"] for b in diagnosis["bottlenecks"] if b["kind"] == "storage"]
        self.assertEqual(len(available), 1)
        self.assertLessEqual(abs(available[0] / (80 * MB) - 1), 0.05)
        notes = [note for note in diagnosis["notes"] if "share" in note]
        names = [rack_host.drive(number).removeprefix("/dev/") for number in (3, 4)]
        self.assertTrue(any(all(name in note for name in names) for note in notes), notes)
