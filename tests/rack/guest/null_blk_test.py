# SPDX-License-Identifier: Apache-2.0
"""storage.read beside fio at its best on a block device that does nothing: what is left is what the tools cost."""
import json
import statistics
import unittest

from rack_host import document, shell

SECONDS, PAIRS, WANTED = 1, 8, 1.3
DEVICE = "/dev/nullb0"


def ours():
    measurement = document("measure", "storage.read", "--path", DEVICE, "--pattern", "random", "--block-size", "4KiB",
                           "--queue-depth", "64", "--threads", "1", "--duration", f"{SECONDS}s", "--target", "0",
                           "--repeats", "1")["measurements"][0]
    return measurement["operations_per_s"]["mean"]


def theirs():
    text = shell(f"fio --name=peer --filename={DEVICE} --readonly --ioengine=io_uring --direct=1 --thread "
                 "--rw=randread --bs=4k --registerfiles --fixedbufs --iodepth_batch_submit=16 "
                 f"--iodepth_batch_complete_min=16 --iodepth=64 --time_based --runtime={SECONDS} --randrepeat=0 "
                 "--norandommap --output-format=json")
    return json.loads(text[text.index("{"):text.rindex("}") + 1])["jobs"][0]["read"]["iops"]


class NullBlkTest(unittest.TestCase):
    def test_operations_per_second_are_those_of_fio_at_its_best_and_a_third_more(self):
        shell("modprobe null_blk nr_devices=1 irqmode=0 && [ -b /dev/nullb0 ]")
        self.addCleanup(shell, "rmmod null_blk")
        ours(), theirs()
        ratios = []
        for turn in range(PAIRS):  # ABBA: a drift of the machine hits both alike
            first, second = (ours, theirs) if turn % 2 == 0 else (theirs, ours)
            figures = {first: first(), second: second()}
            ratios.append(figures[ours] / figures[theirs])
            print(f"pair {turn + 1}: {figures[ours]:.0f} / {figures[theirs]:.0f} = {ratios[-1]:.2f}", flush=True)
        # Of 8 values the second smallest lies below the median, and the second largest above it, with a confidence of
        # 96.5 % each (sign test: 9 of 256).
        low, high = sorted(ratios)[1], sorted(ratios)[-2]
        print(f"median {statistics.median(ratios):.2f}, between {low:.2f} and {high:.2f}")
        self.assertGreaterEqual(high, WANTED)
        if low < WANTED:
            self.skipTest(f"inconclusive: the ratio's median lies between {low:.2f} and {high:.2f}; wanted {WANTED}")
