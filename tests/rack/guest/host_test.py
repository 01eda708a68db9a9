# SPDX-License-Identifier: Apache-2.0
"""A host of the rack: what other tests take for granted."""
import os
import pathlib
import unittest

import rack_host


class HostTest(unittest.TestCase):
    def test_drives_are_found_by_serial_number(self):
        for number in range(5):
            path = pathlib.Path("/sys/block", os.path.basename(rack_host.drive(number)), "device/serial")
            self.assertEqual(path.read_text().strip(), f"rack{rack_host.HOST}{number}")

    def test_the_host_has_two_nodes_far_from_each_other(self):
        nodes = [pathlib.Path(f"/sys/devices/system/node/node{n}/distance").read_text().split() for n in (0, 1)]
        self.assertEqual(nodes, [["10", "21"], ["21", "10"]])

    def test_what_is_written_outside_the_scratch_directory_stays_in_the_guest(self):
        with open("/etc/rack-was-here", "w", encoding="utf-8") as file:
            file.write("an overlay in memory")
        self.assertIn("overlay", rack_host.shell("findmnt -n -o FSTYPE -T /etc/rack-was-here"))

    def test_the_binary_of_the_build_runs(self):
        self.assertEqual(rack_host.millrace("--version").returncode, 0)
