# SPDX-License-Identifier: Apache-2.0
"""ingest.pipeline into GPUs that stand-in drivers play: staged and direct, into one and into all of them."""
import os

from command_line import main
from standin import StandInTest

RECORD = 1_000_000  # no multiple of 4 KiB: records begin and end anywhere


class GpuIngest(StandInTest):
    needs = ("libcuda.so.1", "libcufile.so.0")

    def setUp(self):
        super().setUp()
        self.data = self.folder / "data"
        self.data.mkdir()
        for i in range(4):
            (self.data / f"{i}.bin").write_bytes(os.urandom(4 * RECORD))
        try:
            os.close(os.open(self.data / "0.bin", os.O_RDONLY | os.O_DIRECT))
        except OSError as error:
            self.skipTest(f"no direct I/O in {self.data}: {error.strerror}")

    def pipeline(self, *arguments, environ=None):
        return self.measure("ingest.pipeline", "--dataset", self.data, "--record-size", RECORD, "--batch", 2, "--target",
                            0, "--repeats", 1, *(() if "--deadline" in arguments else ("--deadline", "10s")), *arguments, **(environ or self.standins()))

    def fine(self, *arguments, **options):
        ended = self.pipeline(*arguments, **options)
        self.assertEqual(ended.code, 0, ended.err + ended.out)
        self.assertEqual(ended.measurement["status"], "ok", ended.measurement["reason"])
        self.assertEqual(ended.measurement["device"], "stand-in")
        return ended.measurement

    def test_every_record_arrives_whole_in_one_gpu_and_in_all_either_way(self):
        for to, accelerators in (("gpu:1", 1), ("gpu:all", 2), ("gpu:0,gpu:1", 2)):
            for way in ("staged", "direct"):
                with self.subTest(to=to, way=way):
                    m = self.fine("--to", to, "--way", way, "--verify", "on", "--steps", 6, "--compute", "2ms",
                                  "--duration", "20s")
                    self.assertIs(m["verified"], True)
                    self.assertEqual(len(m["participants"]), accelerators)
                    self.assertEqual(m["counters"]["worker:bytes"], accelerators * 6 * 2 * RECORD)
                    self.assertEqual("gds-direct" in m["flags"], way == "direct")

    def test_each_gpus_own_link_bounds_its_pipeline_and_lock_step_the_others(self):
        for gpu, rate in zip(self.description["gpus"], (60_000_000, 30_000_000)):
            gpu["pcie"]["bytes_per_s"] = rate
        for way in ("staged", "direct"):
            with self.subTest(way=way):
                def best(to):
                    return max(self.fine("--to", to, "--way", way, "--duration", "700ms")["throughput_bytes_per_s"]["mean"]
                               for _ in range(2))
                alone, both = best("gpu:0"), best("gpu:all")
                self.assertLess(alone, 1.1 * 60e6)
                self.assertGreater(alone, 0.5 * 60e6)  # a busy machine wakes the stages late
                self.assertLess(both, 1.1 * 2 * 30e6)
                self.assertGreater(both, 0.5 * 2 * 30e6)

    def test_reading_and_copying_overlap_with_computing(self):
        self.description["gpus"][0]["pcie"]["bytes_per_s"] = 60_000_000
        # A batch takes 33 ms to copy, and 30 ms to compute on: one after the other would be 63 ms.
        m = self.fine("--to", "gpu:0", "--compute", "30ms", "--duration", "1200ms")
        self.assertLess(m["metrics"]["step_s"]["p50"], 0.050)
        self.assertGreater(m["metrics"]["step_s"]["p50"], 0.029)

    def test_a_direct_path_that_is_none_is_flagged(self):
        for cufile, flag in (({"direct": False}, "gds-compatibility"), ({"direct": True, "counts": False}, "gds-path-unproven")):
            with self.subTest(flag=flag):
                self.description["cufile"] = cufile
                flags = self.fine("--to", "gpu:0", "--way", "direct", "--steps", 4, "--duration", "10s")["flags"]
                self.assertIn(flag, flags)
                self.assertNotIn("gds-direct", flags)

    def test_faults_fail_the_measurement_in_time(self):
        for what, way, reason in (({"library": "cufile", "call": "cuFileRead", "what": "error", "error": "EIO"}, "direct", "EIO"),
                                  ({"library": "cufile", "call": "cuFileRead", "what": "hang"}, "direct", ""),
                                  ({"library": "cuda", "call": "cuMemcpyAsync", "what": "error",
                                    "error": "CUDA_ERROR_ECC_UNCORRECTABLE"}, "staged", "CUDA_ERROR_ECC_UNCORRECTABLE")):
            with self.subTest(fault=what):
                self.description["faults"] = [{"from_call": 6, "gpu": 1, **what}]
                ended = self.pipeline("--to", "gpu:all", "--way", way, "--duration", "2s", "--deadline", "3s")
                self.assertEqual(ended.code, 3, ended.err)
                self.assertEqual(ended.measurement["status"], "failed")
                self.assertIn(reason, ended.measurement["reason"])
                self.assertLess(ended.seconds, 25)

    def test_wrong_data_on_the_device_are_found(self):
        self.fault(library="cufile", call="cuFileRead", what="wrong-data", from_call=3)
        m = self.pipeline("--to", "gpu:0", "--way", "direct", "--verify", "on", "--steps", 6, "--duration", "20s").measurement
        self.assertIs(m["verified"], False)

    def test_what_cannot_be_is_refused_or_skipped_with_the_way_out(self):
        for arguments, what, hint in ((("--to", "gpu:7"), "there is no gpu:7", "gpu:0, gpu:1"),
                                      (("--to", "gpu:0", "--way", "direct", "--prep", "checksum"), "--way direct", "--prep none"),
                                      (("--to", "gpu:0", "--way", "direct", "--source", "cached"), "--way direct", "--source cold")):
            with self.subTest(arguments=arguments):
                self.refused("measure", "ingest.pipeline", "--dataset", self.data, "--record-size", RECORD, *arguments,
                             what=what, hint=hint, **self.standins())
        ended = self.pipeline("--to", "host", "--way", "direct", "--duration", "300ms")
        self.assertEqual(ended.code, 3, ended.err)
        self.assertEqual(ended.measurement["status"], "skipped")
        self.assertIn("nothing can be read directly into host", ended.measurement["reason"])


if __name__ == "__main__":
    main()
