# SPDX-License-Identifier: Apache-2.0
"""gpu.copy, gpu.memory and gpu.latency through the binary, on machines that stand-in drivers play. It proves plumbing:
that rates, pairs and faults come out as they went in. It says nothing of hardware."""
import json
import re
import subprocess

from command_line import BINARY, BUILD, main
from standin import LIBRARIES, StandInTest

MB = 1e6
QUICK = ("--size", "1MiB", "--duration", "400ms", "--target", 0)


class GpuTest(StandInTest):
    def fine(self, *arguments, environment=None):
        ended = self.measure(*arguments, **(environment or self.standins()))
        self.assertEqual(ended.code, 0, ended.err + ended.out)
        return ended.measurement

    def failed(self, *arguments, environment=None):
        ended = self.measure(*arguments, **(environment or self.standins()))
        self.assertEqual(ended.code, 3, ended.err + ended.out)
        self.assertNotIn("bug", ended.err)
        return ended.measurement

    def assertRate(self, rate, enforced, what=""):
        self.assertLess(abs(rate / enforced - 1), 0.05, f"{what}: {rate / MB:.1f} MB/s, enforced are {enforced / MB:.1f}")

    def rate(self, measurement, name):
        return measurement["metrics"][f"{name}_bytes_per_s"]["p50"]


class Matrices(GpuTest):
    MATRIX = ("--gpu", "all", "--size", "1MiB", "--slot", "15ms", "--duration", "3s", "--target", 0)

    def rates_of(self, measurement):
        return {(a, b): self.rate(measurement, f"gpu{a}_to_gpu{b}") for a in range(8) for b in range(8) if a != b}

    def test_each_of_56_pairs_reads_at_the_rate_of_its_nvlinks(self):
        self.load("eight_gpus")
        m = self.fine("gpu.copy", "--pattern", "peer-read", *self.MATRIX)
        for pair, rate in self.rates_of(m).items():
            self.assertRate(rate, 500 * MB, pair)
        self.assertIs(m["verified"], True)
        self.assertEqual(m["device"], "stand-in")
        self.assertEqual([flag for flag in m["flags"] if flag.startswith("slow")], [])

    def test_the_one_link_at_half_its_rate_is_named(self):
        self.load("half_link")
        m = self.fine("gpu.copy", "--pattern", "peer-write", *self.MATRIX)
        for pair, rate in self.rates_of(m).items():
            self.assertRate(rate, (250 if 5 in pair else 500) * MB, pair)
        self.assertEqual([flag for flag in m["flags"] if flag.startswith("slow")], ["slow-gpu:5"])

    def test_host_memory_and_each_gpu_at_the_rate_of_its_pcie_link(self):
        self.load("eight_gpus")
        self.description["gpus"][3]["pcie"]["bytes_per_s"] //= 2
        m = self.fine("gpu.copy", *self.MATRIX)
        for gpu in range(8):
            self.assertRate(self.rate(m, f"host_to_gpu{gpu}"), (75 if gpu == 3 else 150) * MB, gpu)

    def test_pairs_without_access_are_left_out_and_counted(self):
        self.load("pcie_only")  # two GPUs below each of two switches: no access from one to the other
        m = self.fine("gpu.copy", "--pattern", "peer-read", *self.MATRIX)
        self.assertEqual(m["counters"]["pairs_without_access"], 8)
        self.assertEqual(sorted(name for name in m["metrics"] if name.endswith("_bytes_per_s")),
                         [f"gpu{a}_to_gpu{b}_bytes_per_s" for a, b in ((0, 1), (1, 0), (2, 3), (3, 2))])
        self.assertRate(self.rate(m, "gpu2_to_gpu3"), 150 * MB)


class Patterns(GpuTest):
    # What all flows together move: the enforced rate of the links that they share.
    EXPECTED = ((("host-to-device",), 150), (("device-to-host",), 150), (("peer-read",), 500),
                (("peer-write", "--gpu", 1, "--peer-gpu", 0), 500), (("bidirectional",), 300),
                (("bidirectional", "--peer-gpu", 1), 1000))
    OF_EIGHT = ((("one-to-all", "--gpu", 2), 500), (("all-to-one", "--gpu", 6), 500), (("all-to-host", "--gpu", "all"), 400),
                (("host-to-all", "--gpu", "all"), 400))  # two uplinks of 200

    def together(self, m):
        rates = {name: metric["mean"] for name, metric in m["metrics"].items() if name.endswith("_bytes_per_s")}
        several = [rate for name, rate in rates.items() if re.search("all|with", name)]  # of all flows, over all their time
        self.assertEqual(len(several or rates), 1, rates)
        return several[0] if several else next(iter(rates.values()))

    def each(self, expected, *arguments, size="1MiB", duration="400ms"):
        for pattern, enforced in expected:
            with self.subTest(pattern=pattern):
                for attempt in range(3):  # a computer that is busy elsewhere may let streams run dry
                    m = self.fine("gpu.copy", "--pattern", *pattern, *arguments, "--size", size, "--duration", duration,
                                  "--target", 0)
                    self.assertIs(m["verified"], True)
                    if abs(self.together(m) / (enforced * MB) - 1) < 0.05:
                        break
                self.assertRate(self.together(m), enforced * MB, pattern)

    def test_copy_engines_reach_the_enforced_rate_in_each_pattern(self):
        self.each(self.EXPECTED)

    def test_kernels_reach_the_enforced_rate_in_each_pattern(self):
        self.each(self.EXPECTED, "--engine", "sm")

    def test_all_at_once_share_what_they_share(self):
        self.load("eight_gpus")
        self.each(self.OF_EIGHT, size="1MiB", duration="900ms")

    def test_the_throughput_of_the_whole_run_is_the_enforced_rate_too(self):
        for attempt in range(3):  # it counts the time of this computer's clock, which may be busy elsewhere
            m = self.fine("gpu.copy", "--pattern", "peer-read", "--size", "16MiB", "--duration", "1s", "--target", 0)
            if abs(m["throughput_bytes_per_s"]["mean"] / (500 * MB) - 1) < 0.05:
                break
        self.assertRate(m["throughput_bytes_per_s"]["mean"], 500 * MB)
        self.assertEqual((m["from"], m["to"]), ("gpu:1", "gpu:0"))

    def test_a_result_satisfies_the_schema(self):
        file = self.folder / "result.json"
        ended = self.run_it("measure", "gpu.copy", *QUICK, "--json", file, **self.standins())
        self.assertEqual(ended.code, 0, ended.err)
        self.assertSatisfiesSchema(file)
        self.assertIn("stand-in", ended.out)
        self.assertEqual(json.loads(file.read_text())["hosts"][0]["settings"]["machine-root"][:9], str(self.state)[:9])

    def test_far_memory_is_on_another_node(self):
        near, far = (self.fine("gpu.copy", "--memory", which, *QUICK) for which in ("near", "far"))
        self.assertEqual((near["from"], far["from"]), ("memory:0", "memory:1"))
        self.assertIn("placement-not-enforced", far["flags"])  # a played node is not here


class OwnMemoryAndLatency(GpuTest):
    def test_memory_counts_bytes_that_are_read_and_written(self):
        for operation in (("copy",), ("copy", "--engine", "copy-engine"), ("read",), ("write",)):
            with self.subTest(operation=operation):
                m = self.fine("gpu.memory", "--operation", *operation, "--size", "8MiB", "--duration", "500ms", "--target", 0)
                self.assertRate(self.rate(m, "gpu0_memory"), 1000 * MB, operation)
                self.assertEqual(m["verified"], True if operation[0] == "copy" else None)

    def test_a_size_that_the_cache_holds_is_said_to_be_in_it(self):
        self.assertIn("within-cache", self.fine("gpu.memory", *QUICK)["flags"])

    def test_an_access_takes_what_the_machine_says(self):
        for target, nanoseconds in (("host", 1200), ("peer", 900), ("own", 500)):
            with self.subTest(target=target):
                m = self.fine("gpu.latency", "--access", target, "--gpu", "all", "--steps", 2000, "--slot", "20ms",
                              "--duration", "400ms", "--target", 0)
                access = [value["p50"] for name, value in m["metrics"].items() if name.endswith("_access_s")]
                self.assertEqual(len(access), 2)
                for seconds in access:
                    self.assertAlmostEqual(seconds * 1e9, nanoseconds, delta=nanoseconds * 0.05)
                self.assertIs(m["verified"], True)


class Faults(GpuTest):
    """Each costs its own measurement, with a reason, in its time; the other GPU's goes on on the same machine."""

    def fail_alone(self, *more, reason, hint="", seconds=15, arguments=()):
        environment = self.standins()
        m = self.failed("gpu.copy", "--gpu", 1, *QUICK, "--timeout", "1s", "--deadline", "3s", *arguments, environment=environment)
        self.assertEqual(m["status"], "failed")
        self.assertRegex(m["reason"], reason)
        self.assertIn(hint, m["hint"])
        self.assertLess(m["duration_s"], seconds)
        other = self.fine("gpu.copy", "--gpu", 0, *QUICK, environment=environment)
        self.assertRate(self.rate(other, "host_to_gpu0"), 150 * MB)
        return m

    def test_an_error_from_the_fifth_copy_on_is_named(self):
        self.fault(library="cuda", call="cuMemcpyAsync", from_call=5, gpu=1, what="error", error="CUDA_ERROR_ECC_UNCORRECTABLE")
        self.fail_alone(reason=r"host_to_gpu1: .*CUDA_ERROR_ECC_UNCORRECTABLE \(214\): uncorrectable ECC error", hint="ROW_REMAPPER")

    def test_a_copy_that_hangs_is_given_up_after_the_time_out(self):
        self.fault(library="cuda", call="cuMemcpyAsync", from_call=8, gpu=1, what="hang")
        self.fail_alone(reason="host_to_gpu1: nothing that was queued ended within 1 s", hint="Xid")

    def test_a_kernel_that_hangs_is_given_up_after_the_time_out(self):
        self.fault(library="cuda", call="cuLaunchKernel", from_call=6, gpu=1, what="hang")
        self.fail_alone(reason="host_to_gpu1: nothing that was queued ended within 1 s", arguments=("--engine", "sm"))

    def test_a_call_that_never_returns_ends_with_its_worker(self):
        self.fault(library="cuda", call="cuMemAlloc", gpu=1, what="hang")
        self.fail_alone(reason="did not|3 s", seconds=20)

    def test_a_gpu_that_is_lost_is_named(self):
        self.fault(library="cuda", call="cuMemcpyAsync", from_call=6, gpu=1, what="lost")
        self.fail_alone(reason=r"host_to_gpu1: .*CUDA_ERROR_UNKNOWN \(999\): unknown error", hint="Xid")

    def test_wrong_data_fails_the_measurement_and_names_the_pair(self):
        self.fault(library="cuda", call="cuMemcpyAsync", gpu=1, from_call=3, what="wrong-data")
        m = self.fail_alone(reason="not the data that were sent")
        self.assertIs(m["verified"], False)
        self.assertIn("wrong-data:host_to_gpu1", m["flags"])

    def test_wrong_data_of_a_kernel_is_found_out(self):
        self.fault(library="cuda", call="cuLaunchKernel", gpu=1, from_call=2, what="wrong-data")
        self.fail_alone(reason="not the data that were sent", arguments=("--engine", "sm"))

    def test_a_slow_gpu_is_named_in_the_matrix(self):
        self.load("eight_gpus")
        self.description["gpus"] = self.description["gpus"][:4]
        self.fault(library="cuda", call="cuMemcpyAsync", gpu=2, what="slow", factor=4.0)
        m = self.fine("gpu.copy", "--pattern", "peer-write", "--gpu", "all", "--size", "1MiB", "--slot", "15ms", "--duration",
                      "3s", "--target", 0)
        self.assertRate(self.rate(m, "gpu2_to_gpu0"), 125 * MB)
        self.assertEqual([flag for flag in m["flags"] if flag.startswith("slow")],
                         ["slow-pair:0-2", "slow-pair:1-2", "slow-pair:2-3"])  # what it sends; what it gets is not slow


class BadInput(GpuTest):
    def test_a_gpu_that_does_not_exist_is_refused_with_those_that_do(self):
        for name in ("7", "0000:41:00.0", "41:00.0", "GPU-00000000-0000-4000-8000-000000000009", "first"):
            with self.subTest(name=name):
                self.refused("measure", "gpu.copy", "--gpu", name, what=f"there is no GPU '{name}' here",
                             hint="0 (0000:17:00.0), 1 (0000:97:00.0)", **self.standins())

    def test_a_gpu_has_several_names(self):
        for name in ("1", "gpu:1", "0000:97:00.0", "97:00.0", "00000000:97:00.0", "gpu-00000000-0000-4000-8000-000000000001"):
            with self.subTest(name=name):
                m = self.fine("gpu.copy", "--gpu", name, "--size", "64KiB", "--duration", "50ms", "--target", 0)
                self.assertEqual(m["to"], "gpu:1")

    def test_what_does_not_fit_the_gpu_is_refused_with_what_is_free(self):
        for probe in ("gpu.copy", "gpu.memory"):
            with self.subTest(probe=probe):
                self.refused("measure", probe, "--size", "4GiB", what="of gpu:0's memory, of which 1 GiB are free",
                             hint="a smaller --size", **self.standins())

    def test_a_gpu_is_no_peer_of_itself(self):
        self.refused("measure", "gpu.copy", "--pattern", "peer-read", "--gpu", 0, "--peer-gpu", 0, what="the same GPU",
                     hint="--peer-gpu all", **self.standins())

    def test_pairs_need_a_second_gpu(self):
        self.description["gpus"].pop()
        for arguments in (("gpu.copy", "--pattern", "one-to-all"), ("gpu.latency", "--access", "peer")):
            self.refused("measure", *arguments, what="needs a second GPU", **self.standins())

    def skipped(self, reason, hint, environment, *arguments):
        ended = self.run_it("measure", "gpu.copy", *arguments, **environment)
        self.assertEqual(ended.code, 3, ended.err)
        self.assertIn(reason, ended.err)
        self.assertIn(hint, ended.err)

    def test_a_driver_older_than_the_toolkit_is_told_so(self):
        self.description["driver"] = {"version": 12020, "name": "535.00"}
        self.skipped("the driver supports CUDA 12.2 at most, and this was built with CUDA 13.", "update the NVIDIA driver",
                     self.standins())

    def test_visible_devices_that_hide_all_are_named(self):
        self.skipped("CUDA_VISIBLE_DEVICES=\"\" hides every GPU: CUDA_ERROR_NO_DEVICE (100): no CUDA-capable device is detected",
                     "unset CUDA_VISIBLE_DEVICES", self.standins(CUDA_VISIBLE_DEVICES=""))

    def test_a_hidden_gpu_is_said_to_be_hidden_and_the_rest_keep_their_numbers(self):
        environment = self.standins(CUDA_VISIBLE_DEVICES="1")
        m = self.fine("gpu.copy", "--gpu", 1, "--size", "64KiB", "--duration", "50ms", environment=environment)
        self.assertEqual(m["to"], "gpu:1")
        self.refused("measure", "gpu.copy", "--gpu", 0, what='CUDA_VISIBLE_DEVICES is "1"', hint="there is 1", **environment)

    def test_a_driver_that_cannot_be_initialised_says_why(self):
        self.fault(library="cuda", call="cuInit", what="error", error="CUDA_ERROR_SYSTEM_DRIVER_MISMATCH")
        self.skipped("CUDA_ERROR_SYSTEM_DRIVER_MISMATCH (803)", "restart after a driver update", self.standins())

    def test_without_a_driver_the_module_is_unavailable(self):
        ended = self.run_it("probes")
        if "libcuda.so.1" not in ended.out:
            self.skipTest("this machine has a driver")
        self.assertIn("gpu: unavailable (libcuda.so.1: cannot open shared object file", ended.out)


class StandIn(GpuTest):
    def symbols(self, library):
        out = subprocess.run(["nm", "-D", "--defined-only", library], capture_output=True, text=True, check=True).stdout
        return {line.split()[2].split("@")[0] for line in out.splitlines() if len(line.split()) == 3}

    def test_libcuda_shows_nothing_that_the_vendors_has_not(self):
        cache = (BUILD / "CMakeCache.txt").read_text()
        stub = next(line.split("=", 1)[1] for line in cache.splitlines() if line.startswith("CUDA_cuda_driver_LIBRARY:"))
        played, real = self.symbols(LIBRARIES / "libcuda.so.1"), self.symbols(stub)
        self.assertGreater(len(played), 60)
        self.assertEqual(played - real, set())

    def test_the_core_needs_no_vendor_library(self):
        needed = subprocess.run(["readelf", "-d", BINARY], capture_output=True, text=True, check=True).stdout
        self.assertNotRegex(needed, "libcuda|libnvidia|libnccl|libcufile")


if __name__ == "__main__":
    main()
