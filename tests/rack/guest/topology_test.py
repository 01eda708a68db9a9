# SPDX-License-Identifier: Apache-2.0
"""What `millrace topo` and `doctor` say of the rack's PCIe tree, held against where the rack put its drives."""
import pathlib
import unittest

import rack_host

# Drive number -> NUMA node, and whether it sits in the switch (the default layout of scripts/rack/boot).
PLACES = {0: (0, False), 1: (1, True), 2: (1, True), 3: (0, False), 4: (0, False)}


def functions_above(device):
    """PCI addresses from the root port down to the drive, by the kernel."""
    real = pathlib.Path("/sys/block", device, "device/device").resolve()
    return [part for part in real.parts if part.count(":") == 2]


class TopologyTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.found = rack_host.document("topo")

    def resource(self, name):
        return next(r for r in self.found["topology"]["resources"] if r["id"] == name)

    def test_every_drive_is_behind_its_switch_and_root_port_on_its_node(self):
        for number, (node, in_switch) in PLACES.items():
            device = rack_host.drive(number).removeprefix("/dev/")
            functions = functions_above(device)
            with self.subTest(drive=number, functions=functions):
                self.assertEqual(len(functions), 4 if in_switch else 2)
                endpoint = next(e for e in self.found["topology"]["endpoints"] if e["id"] == f"storage:{device}")
                self.assertEqual(endpoint["numa"], node)
                self.assertEqual(endpoint["pci"], functions[-1])
                link = self.resource(f"pcie:{functions[-1]}:read")
                self.assertIn(f"port {functions[-2]}", link["limit_source"])
                links = [(l["from"], l["to"]) for l in self.found["topology"]["links"]]
                self.assertIn((f"storage:{device}", f"pci:{functions[-1]}"), links)
                if in_switch:
                    self.assertIn((f"pci:{functions[-1]}", f"pci:{functions[1]}"), links)
                    self.assertIn((f"pci:{functions[1]}", f"socket:{node}"), links)
                    self.assertIn(f"root port {functions[0]}", self.resource(f"pcie:{functions[1]}:read")["limit_source"])
                else:
                    self.assertIn((f"pci:{functions[-1]}", f"socket:{node}"), links)

    def test_no_rate_is_made_up_for_an_emulated_link(self):
        links = [r for r in self.found["topology"]["resources"] if r["kind"].startswith("pcie")]
        self.assertGreaterEqual(len(links), 12)
        self.assertEqual([r["id"] for r in links if r["limit_bytes_per_s"] is not None], [])

    def test_doctor_does_not_alarm_about_emulated_link_speeds(self):
        findings = rack_host.document("doctor")["findings"]
        self.assertEqual([f for f in findings if "pcie" in f["id"]], [])
