# SPDX-License-Identifier: Apache-2.0
"""What NVML tells, in topo, doctor and around measurements, through the stand-in for libnvidia-ml.so.1: this proves
plumbing, and says nothing of hardware."""
import json
import os
import re
import subprocess
import time

from command_line import BUILD, main
from standin import LIBRARIES, StandInTest


class NvmlTest(StandInTest):
    machine = "two_gpus"
    needs = ("libnvidia-ml.so.1",)
    module = "host"

    def topology(self, *arguments, **environ):
        ended = self.run_it("topo", "--json", "-", *arguments, **(environ or self.standins()))
        self.assertEqual(ended.code, 0, ended.err)
        return ended.document

    def findings(self, **environ):
        ended = self.run_it("doctor", "--json", "-", **(environ or self.standins()))
        self.assertEqual(ended.code, 0, ended.err)
        return {finding["id"]: finding for finding in ended.document["findings"]}

    def test_topo_has_nvlinks_with_their_limits_memory_and_peer_access_of_eight_gpus(self):
        self.load("eight_gpus")
        played = self.standins()
        document = self.topology(**played)
        file = self.folder / "topology.json"
        file.write_text(json.dumps(document))
        self.assertSatisfiesSchema(file, "topology")
        gpus = document["hosts"][0]["gpus"]
        self.assertEqual([gpu["gpu"] for gpu in gpus], [f"gpu:{i}" for i in range(8)])
        for gpu, described in zip(gpus, self.description["gpus"]):
            self.assertEqual(gpu["pci"], described["pci"])
            self.assertEqual(gpu["name"], "Millrace stand-in GPU")
            self.assertEqual(gpu["memory_bytes"], described["memory_bytes"])
            self.assertEqual((gpu["pcie_generation_possible"], gpu["pcie_width_possible"]), (5, 16))
            self.assertEqual([link["bytes_per_s"] for link in gpu["nvlinks"]],
                             [link["bytes_per_s"] for link in described["nvlinks"]])
            self.assertEqual(sorted(peer["gpu"] for peer in gpu["peers"]),
                             sorted(f"gpu:{i}" for i in range(8) if f"gpu:{i}" != gpu["gpu"]))
            self.assertTrue(all(peer["nvlink"] and peer["read"] == "ok" for peer in gpu["peers"]))
        same_switch = {peer["gpu"] for peer in gpus[0]["peers"] if peer["nearest"] == "PCIe switch"}
        self.assertEqual(same_switch, {"gpu:1", "gpu:2", "gpu:3"})
        ports = {r["id"]: r for r in document["topology"]["resources"] if r["kind"] == "nvlink"}
        self.assertEqual(set(ports), {f"nvlink:gpu:{i}:{way}" for i in range(8) for way in ("in", "out")})
        for port in ports.values():
            self.assertEqual(port["limit_bytes_per_s"], 500e6)
            self.assertIn("2 x 250 MB/s", port["limit_source"])
        shown = self.run_it("topo", **played)
        self.assertIn("2 x 250 MB/s to switch", shown.out)
        self.assertRegex(shown.out, r"gpu:7 +NV +NV")

    def test_healthy_gpus_give_doctor_nothing_to_say(self):
        self.assertFalse([name for name in self.findings() if name.startswith(("gpu-", "nvlink-", "nvml-"))])

    def test_the_link_at_half_width_is_the_one_that_doctor_names(self):
        self.load("half_link")
        half = [(gpu["index"], link["link"]) for gpu in self.description["gpus"] for link in gpu["nvlinks"]
                if link["bytes_per_s"] < 250e6]
        self.assertEqual(len(half), 1)
        found = self.findings()["nvlink-below-maximum"]
        self.assertEqual(found["severity"], "warning")
        self.assertEqual(found["resource"], f"nvlink:gpu:{half[0][0]}:out")
        self.assertIn(f"NVLink {half[0][1]} of gpu:{half[0][0]} runs at 125 MB/s; its like run at 250 MB/s", found["what"])
        self.assertTrue(found["remedy"])

    def test_each_planted_trouble_is_a_finding_with_its_remedy(self):
        first, second = self.description["gpus"]
        first["nvlinks"][0]["state"] = "down"
        first["ecc"] = {"enabled": True, "corrected": 5, "uncorrected": 2}
        first["remapped_rows"] = {"corrected": 1, "uncorrected": 1, "pending": True, "failure": True}
        first["temperature_c"] = 85
        second["persistence"] = False
        second["nvlinks"][1]["errors"] = 7
        self.description["throttle"] = {"gpu": 1, "reasons": ["sw_thermal"], "clocks_mhz": {"sm": 900}}
        found = self.findings()
        expected = {"nvlink-down": "warning", "gpu-ecc-errors": "error", "gpu-remapping-pending": "warning",
                    "gpu-remapping-failed": "error", "gpu-hot": "warning", "gpu-persistence-off": "note",
                    "gpu-throttled": "warning", "nvlink-errors": "note"}
        for name, severity in expected.items():
            with self.subTest(name):
                self.assertEqual(found[name]["severity"], severity)
                self.assertTrue(found[name]["remedy"])
        self.assertIn("(900 of 1980 MHz now)", found["gpu-throttled"]["what"])
        self.assertEqual(found["gpu-throttled"]["resource"], "gpu:1")

    def test_a_lost_gpu_is_an_error_and_the_others_are_shown(self):
        self.fault(library="nvml", call="nvmlDeviceGetClockInfo", gpu=1, what="lost")
        played = self.standins()
        found = self.findings(**played)["gpu-lost"]
        self.assertEqual((found["severity"], found["resource"]), ("error", "gpu:1"))
        self.assertIn("NVML_ERROR_GPU_IS_LOST (15): GPU is lost", found["what"])
        gpus = self.topology(**played)["hosts"][0]["gpus"]
        self.assertIn("memory_bytes", gpus[0])
        self.assertNotIn("memory_bytes", gpus[1])

    def test_a_driver_that_hangs_costs_seconds_and_a_finding(self):
        self.fault(library="nvml", call="nvmlInit_v2", what="hang")
        began = time.monotonic()
        found = self.findings()["nvml-silent"]
        self.assertLess(time.monotonic() - began, 30)
        self.assertIn("did not answer within 10 s", found["what"])
        self.assertNoneLeft()

    def test_a_library_that_crashes_is_a_finding(self):
        played = self.standins()
        del played["MILLRACE_STANDIN_MACHINE"]  # without which the stand-in aborts
        self.assertIn("NVML crashed (SIGABRT)", self.findings(**played)["nvml-silent"]["what"])

    def test_what_nvml_refuses_for_is_told_in_its_words(self):
        self.fault(library="nvml", call="nvmlInit_v2", what="error", error="NVML_ERROR_LIB_RM_VERSION_MISMATCH")
        self.assertIn("NVML_ERROR_LIB_RM_VERSION_MISMATCH (18): Driver/library version mismatch",
                      self.findings()["nvml-silent"]["what"])

    def test_a_call_that_a_driver_lacks_costs_what_it_tells_and_no_more(self):
        self.fault(library="nvml", call="nvmlDeviceGetPowerUsage", what="error", error="NVML_ERROR_NOT_SUPPORTED")
        for gpu in self.topology()["hosts"][0]["gpus"]:
            self.assertNotIn("power_w", gpu)
            self.assertIn("power_limit_w", gpu)
            self.assertIn("temperature_c", gpu)

    def test_gpus_of_a_container_without_sysfs_of_theirs_are_shown_all_the_same(self):
        played = self.standins()
        del played["MILLRACE_MACHINE_ROOT"]
        document = self.topology(**played)
        gpus = [e for e in document["topology"]["endpoints"] if e["kind"] == "gpu" and e["name"].startswith("Millrace")]
        self.assertEqual([gpu["pci"] for gpu in gpus], [gpu["pci"] for gpu in self.description["gpus"]])
        links = [r for r in document["topology"]["resources"] if r["id"] == f"pcie:{gpus[0]['pci']}:read"]
        self.assertAlmostEqual(links[0]["limit_bytes_per_s"], 32e9 * 16 / 8 * 128 / 130, delta=1e6)

    def test_a_snapshot_carries_what_nvml_told(self):
        self.description["throttle"] = {"gpu": 0, "reasons": ["power_brake"]}
        recorded = self.folder / "recorded"
        played = self.standins()
        ended = self.run_it("topo", "--snapshot", recorded, **played)
        self.assertEqual(ended.code, 0, ended.err)
        there = self.topology(**played)
        here = self.topology("--from", recorded, PATH=os.environ["PATH"])
        self.assertEqual(here["hosts"][0]["gpus"], there["hosts"][0]["gpus"])
        self.assertEqual(here["topology"], there["topology"])
        self.assertIn("gpu-throttled", [finding["id"] for finding in here["findings"]])

    def test_a_snapshot_whose_nvml_is_cut_short_is_still_a_machine(self):
        recorded = self.folder / "recorded"
        self.run_it("topo", "--snapshot", recorded, **self.standins())
        (recorded / "nvml.json").write_text((recorded / "nvml.json").read_text()[:100])
        ended = self.run_it("doctor", "--json", "-", "--from", recorded)
        self.assertEqual(ended.code, 0, ended.err)
        self.assertIn("cannot be read", [f["what"] for f in ended.document["findings"] if f["id"] == "nvml-silent"][0])

    def test_the_stand_in_shows_nothing_that_the_vendors_header_does_not_declare(self):
        cache = (BUILD / "CMakeCache.txt").read_text()
        folder = re.search(r"^MILLRACE_NVML_INCLUDE_DIR:PATH=(.*)$", cache, re.MULTILINE).group(1)
        with open(f"{folder}/nvml.h", encoding="utf-8") as header:
            declared = set(re.findall(r"DECLDIR\W+(?:char\s*\*\s*)?(nvml\w+)\s*\(", header.read()))
        self.assertGreater(len(declared), 200)
        listing = subprocess.run(["nm", "-D", "--defined-only", LIBRARIES / "libnvidia-ml.so.1"], check=True,
                                 capture_output=True, text=True).stdout
        shown = {line.split()[-1].split("@")[0] for line in listing.splitlines()}
        self.assertIn("nvmlInit_v2", shown)
        self.assertFalse(shown - declared)


class MeasuredTest(StandInTest):
    machine = "two_gpus"
    needs = ("libcuda.so.1", "libnvidia-ml.so.1")
    module = "gpu"

    def copy(self, *arguments, **environ):
        ended = self.measure("gpu.copy", "--gpu", "0", "--size", "4MiB", "--duration", "1s", "--target", "0", *arguments,
                             **(environ or self.standins()))
        self.assertEqual(ended.code, 0, ended.err)
        return ended

    def test_energy_is_what_the_gpu_drew_while_it_was_measured(self):
        self.description["gpus"][0]["power_w"] = 300
        m = self.copy("--repeats", "2").measurement
        self.assertEqual(m["status"], "ok")
        self.assertAlmostEqual(m["energy_j"] / (300 * m["duration_s"]), 1, delta=0.02)
        self.assertAlmostEqual(m["counters"]["gpu:0:energy_j"], m["energy_j"], delta=1e-6)
        self.assertEqual(m["metrics"]["gpu:0:power_w"]["p50"], 300)
        for name in ("sm_clock_mhz", "memory_clock_mhz", "temperature_c", "power_w"):
            self.assertGreaterEqual(m["metrics"][f"gpu:0:{name}"]["count"], 2)
            self.assertEqual(m["metrics"][f"gpu:0:after:{name}"]["count"], 2)
        self.assertFalse([name for name in m["metrics"] if name.startswith("gpu:1:")])
        self.assertNotIn("throttled", m["flags"])

    def test_energy_is_null_where_nothing_counts_it(self):
        self.description["gpus"][0]["counts_energy"] = False
        m = self.copy().measurement
        self.assertIsNone(m["energy_j"])
        self.assertIn("gpu:0:power_w", m["metrics"])

    def test_a_throttled_repeat_is_flagged_with_its_reason(self):
        self.description["throttle"] = {"gpu": 0, "reasons": ["sw_thermal"], "clocks_mhz": {"sm": 900}}
        m = self.copy().measurement
        self.assertIn("throttled", m["flags"])
        self.assertEqual(m["repeats"][0]["flags"], ["throttled"])
        self.assertAlmostEqual(m["counters"]["gpu:0:throttled:sw_thermal_s"], m["duration_s"], delta=0.1)
        self.assertEqual(m["metrics"]["gpu:0:sm_clock_mhz"]["max"], 900)

    def test_throttling_of_a_gpu_that_takes_no_part_is_no_flag(self):
        self.description["throttle"] = {"gpu": 1, "reasons": ["sw_thermal"]}
        self.assertNotIn("throttled", self.copy().measurement["flags"])

    def test_a_link_below_its_width_under_load_is_flagged(self):
        self.description["gpus"][0]["pcie"]["now_width"] = 8
        self.assertIn("pcie-link-below-maximum", self.copy().measurement["flags"])

    def test_an_nvml_that_hangs_meanwhile_costs_seconds_and_not_the_measurement(self):
        # Discovery asks the clocks of a GPU three times; the next one is of the measurement.
        self.fault(library="nvml", call="nvmlDeviceGetClockInfo", gpu=0, what="hang", from_call=4)
        began = time.monotonic()
        ended = self.copy("--repeats", "2")
        self.assertLess(time.monotonic() - began, 30)
        self.assertEqual(ended.measurement["status"], "ok")
        self.assertIsNone(ended.measurement["energy_j"])
        self.assertEqual(ended.err.count("the GPUs are not watched any more: NVML did not answer within 5 s"), 1)
        self.assertNoneLeft()


if __name__ == "__main__":
    main()
