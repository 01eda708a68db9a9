# SPDX-License-Identifier: Apache-2.0
"""Drives whose rates are set by the rack: found by serial number, measured by the binary of the build."""
import unittest

import rack_host

MB = 1_000_000


def read_rate(*drives, duration_s=10):
    """The mean rate of reading drives together, measured for all of the time."""
    paths = [word for drive in drives for word in ("--path", rack_host.drive(drive))]
    measured = rack_host.document("measure", "storage.read", *paths, "--duration", f"{duration_s}s", "--target", 0)
    measurement = measured["measurements"][0]
    throughput = measurement["throughput_bytes_per_s"]
    print(f"{throughput['mean'] / MB:.2f} MB/s, flags {measurement['flags']}, "
          f"{measurement['repeats'][0]['stop_reason']}")
    return throughput["mean"]


class DrivesTest(unittest.TestCase):
    def assert_reads(self, true, tolerance, *drives, duration_s=10):
        """A cap holds whatever else goes on here, so no measurement may say more. A machine that is busy with other things
        can make an emulated drive deliver less, so one of three has to come up to it."""
        for _ in range(3):
            rate = read_rate(*drives, duration_s=duration_s)
            self.assertLessEqual(rate / true - 1, tolerance, f"{rate / MB:.2f} MB/s where the cap is {true / MB:.0f}")
            if 1 - rate / true <= tolerance:
                return
        self.fail(f"{rate / MB:.2f} MB/s where {true / MB:.0f} are true")

    def test_a_cap_of_20_mb_per_s_is_measured_within_3_percent(self):
        self.assert_reads(20 * MB, 0.03, 0)

    def test_a_cap_of_60_mb_per_s_is_measured_within_3_percent(self):
        self.assert_reads(60 * MB, 0.03, 1)

    def test_two_drives_under_one_cap_deliver_the_cap_and_not_its_double(self):
        self.assert_reads(80 * MB, 0.05, 3, duration_s=3)
        self.assert_reads(80 * MB, 0.03, 3, 4)

    def test_two_drives_with_caps_of_their_own_deliver_the_sum(self):
        self.assert_reads(80 * MB, 0.05, 0, 1, duration_s=5)

    def test_a_measurement_of_a_block_device_names_its_drive_and_node(self):
        name = rack_host.drive(1).removeprefix("/dev/")
        measurement = rack_host.document("measure", "storage.read", "--path", rack_host.drive(1), "--duration", "1s")[
            "measurements"][0]
        self.assertEqual(measurement["from"], f"storage:{name}")
        self.assertEqual(measurement["to"], "memory:1")
        hops = [hop["resource"] for hop in measurement["path"]]
        self.assertEqual(hops[0], f"drive:{name}")
        self.assertEqual(hops[-1], "memory_controller:1")
