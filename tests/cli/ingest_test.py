# SPDX-License-Identifier: Apache-2.0
"""Accelerators in lock-step: each a worker of its own, all stepping together, none waiting for one that failed."""
import os
import time

from command_line import CommandTest, main

RECORD = 1 << 20


class Ingest(CommandTest):
    def make_files(self, count, records=4):
        data = self.folder / "data"
        data.mkdir()
        for i in range(count):
            (data / f"{i:02}.bin").write_bytes(os.urandom(records * RECORD))
        return data

    def pipeline(self, *arguments):
        return self.measure("ingest.pipeline", *arguments, "--duration", "20s", "--target", 0, "--deadline", "20s")

    def test_two_accelerators_take_as_many_steps_and_share_their_pace(self):
        steps = 60
        ended = self.pipeline("--source", "synthetic", "--record-size", "64KiB", "--batch", 4, "--compute", "5ms",
                              "--accelerators", 2, "--steps", steps)
        self.assertEqual(ended.code, 0, ended.err)
        m = ended.measurement
        self.assertEqual(len(m["participants"]), 2)
        # The first step, which fills the pipeline, does not count.
        self.assertEqual(m["metrics"]["step_s"]["count"], 2 * (steps - 1))
        self.assertEqual(m["counters"]["worker:bytes"], 2 * steps * 4 * 65536)
        self.assertGreaterEqual(m["metrics"]["step_s"]["mean"], 0.005)

    def test_accelerators_with_data_of_their_own_keep_step(self):
        data = self.make_files(2)
        ended = self.pipeline("--dataset", data, "--record-size", "1MiB", "--batch", 2, "--compute", "10ms",
                              "--accelerators", 2, "--steps", 40, "--prep", "checksum", "--prep-passes", 20)
        self.assertEqual(ended.code, 0, ended.err)
        rates = [one["throughput_bytes_per_s"] for one in ended.measurement["participants"]]
        self.assertEqual(len(rates), 2)
        self.assertLess(abs(rates[0] - rates[1]), 0.05 * rates[0])

    def test_an_accelerator_whose_data_are_cut_short_ends_the_others_too(self):
        data = self.make_files(2, records=16)
        began = time.monotonic()
        process = self.start("measure", "ingest.pipeline", "--dataset", data, "--record-size", "1MiB", "--batch", 2,
                             "--compute", "20ms", "--accelerators", 2, "--duration", "20s", "--target", 0,
                             "--deadline", "20s", "--quiet", "--json", "-")
        time.sleep(1.5)
        os.truncate(data / "01.bin", RECORD + 512)
        ended = self.finish(process, began)
        self.assertEqual(ended.code, 3, ended.err)
        self.assertEqual(ended.measurement["status"], "failed")
        self.assertIn("01.bin", ended.measurement["reason"])
        self.assertLess(ended.seconds, 10, "the other accelerator waited")
        self.assertNoneLeft()

    def test_data_in_several_folders_are_read_from_all_of_them(self):
        for name in ("one", "two"):
            folder = self.folder / name
            folder.mkdir()
            (folder / "data.bin").write_bytes(os.urandom(4 * RECORD))
        ended = self.pipeline("--dataset", self.folder / "one", "--dataset", self.folder / "two", "--record-size",
                              "1MiB", "--steps", 8, "--verify")
        self.assertEqual(ended.code, 0, ended.err)
        self.assertTrue(ended.measurement["verified"])
        self.assertEqual(ended.measurement["counters"]["worker:bytes"], 8 * RECORD)


if __name__ == "__main__":
    main()
