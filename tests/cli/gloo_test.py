# SPDX-License-Identifier: Apache-2.0
"""Collectives over host memory as a user drives them: on one host over loopback, and between two network namespaces."""
import os
import signal
import time

from command_line import BUILD, CommandTest, main, workers_of
from namespaces import two_hosts_of

COLLECTIVES = ("all_reduce", "all_gather", "reduce_scatter", "broadcast", "alltoall")
# nccl-tests, doc/PERFORMANCE.md
BUS_FACTOR = {"all_reduce": lambda n: 2 * (n - 1) / n, "all_gather": lambda n: (n - 1) / n,
              "reduce_scatter": lambda n: (n - 1) / n, "broadcast": lambda n: 1, "alltoall": lambda n: (n - 1) / n}
SHORT = ("--size", "256KiB", "--region", 0, "--duration", "300ms", "--target", 0)


class GlooTest(CommandTest):
    def setUp(self):
        super().setUp()
        if not (BUILD / "lib/millrace/modules/gloo.so").exists():
            self.skipTest("the module gloo is not built: libgloo-dev is not installed")

    def fine(self, *arguments):
        ended = self.measure(*arguments)
        self.assertEqual(ended.code, 0, ended.err + ended.out)
        return ended.measurement

    def assertVerified(self, m, total):
        self.assertEqual(m["status"], "ok", m["reason"])
        self.assertIs(m["verified"], True)
        self.assertEqual([p["rank"] for p in m["participants"]], list(range(total)))
        metrics = m["metrics"]
        ratio = m["bus_bytes_per_s"]["mean"] / m["algorithm_bytes_per_s"]["mean"]
        self.assertAlmostEqual(ratio, BUS_FACTOR[m["probe"].split(".")[1]](total), places=6)
        self.assertEqual(metrics["rank_time_s"]["count"] % total, 0)
        self.assertGreaterEqual(metrics["arrival_skew_s"]["min"], 0)


class OneHost(GlooTest):
    def each(self, ranks):
        for collective in COLLECTIVES:
            with self.subTest(collective=collective):
                self.assertVerified(self.fine(f"gloo.{collective}", "--ranks", ranks, *SHORT), ranks)

    def test_each_collective_of_two_ranks_is_right_to_the_bit(self):
        self.each(2)

    def test_each_collective_of_three_ranks_is_right_to_the_bit(self):
        self.each(3)

    def test_every_operation_on_every_type_is_right_to_the_bit(self):
        quick = ("--size", "100000", "--region", 0, "--duration", "30ms", "--ranks", 3)
        kinds, operations = ("int8", "int32", "half", "float", "double"), ("sum", "prod", "min", "max")
        asked = [("gloo.all_reduce", kind, operation) for kind in kinds for operation in operations]
        asked += [("gloo.reduce_scatter", kind, operations[i % 4]) for i, kind in enumerate(kinds)]
        for probe, kind, operation in asked:
            with self.subTest(probe=probe, type=kind, op=operation):
                m = self.fine(probe, "--type", kind, "--op", operation, *quick)
                self.assertIs(m["verified"], True)

    def test_in_place_bcube_and_other_roots_are_right_to_the_bit(self):
        for arguments in (("all_reduce", "--in-place", "on"), ("all_reduce", "--algorithm", "bcube"),
                          ("all_gather", "--in-place", "on"), ("broadcast", "--in-place", "on", "--root", 2),
                          ("broadcast", "--root", 1, "--type", "bf16")):
            with self.subTest(arguments=arguments):
                self.assertVerified(self.fine(f"gloo.{arguments[0]}", *arguments[1:], "--ranks", 3, *SHORT), 3)

    def test_a_result_satisfies_the_schema_and_says_that_it_is_loopback(self):
        file = self.folder / "result.json"
        ended = self.run_it("measure", "gloo.all_reduce", *SHORT, "--json", file)
        self.assertEqual(ended.code, 0, ended.err)
        self.assertSatisfiesSchema(file)
        self.assertIn("loopback", ended.out)
        self.assertIn("every byte that was checked is right", ended.out)

    def test_only_arrays_that_the_cache_holds_are_said_to_be_in_it(self):
        self.assertIn("cache-warm", self.fine("gloo.broadcast", *SHORT)["flags"])
        rotated = self.fine("gloo.broadcast", "--size", "1MiB", "--duration", "300ms", "--region", "512MiB")
        self.assertGreaterEqual(rotated["metrics"]["rotation_bytes"]["max"], 512 << 20)
        self.assertNotIn("cache-warm", rotated["flags"])

    def test_bytes_are_counted_once_however_many_ranks_there_are(self):
        m = self.fine("gloo.all_gather", "--ranks", 3, *SHORT)
        moved = (256 << 10) // 12 * 12  # as many whole floats for each of three ranks
        self.assertEqual(m["counters"]["worker:bytes"], moved * m["counters"]["worker:operations"])

    def test_what_gloo_cannot_is_skipped_with_its_reason_and_a_way_out(self):
        for arguments, reason, hint in (
                (("gloo.all_reduce", "--type", "bf16"), "bf16", "--type half"),
                (("gloo.reduce_scatter", "--op", "avg"), "avg", "--op sum"),
                (("gloo.reduce_scatter", "--in-place", "off"), "in place only", "--in-place on"),
                (("gloo.alltoall", "--in-place", "on"), "does not work in place", "--in-place off")):
            with self.subTest(arguments=arguments):
                ended = self.run_it("measure", *arguments, *SHORT)
                self.assertEqual(ended.code, 3, ended.err)
                self.assertIn(reason, ended.out + ended.err)
                self.assertIn(hint, ended.out + ended.err)

    def test_what_makes_no_sense_is_refused(self):
        for arguments, what, hint in (
                (("gloo.all_gather", "--size", "8", "--ranks", 3), "too small for all_gather", "--size 12"),
                (("gloo.all_reduce", "--size", "4", "--type", "double"), "too small", "--size 8"),
                (("gloo.all_reduce", "--ranks", 1), "two ranks", "--ranks 2"),
                (("gloo.broadcast", "--root", 2), "--root 2 is none of the 2 ranks", "0 to 1"),
                (("gloo.reduce_scatter", "--size", "2GiB"), "at most 1 GiB", "smaller"),
                (("gloo.all_reduce", "--address", "localhost"), "no numeric IP address", "10.0.0.1"),
                (("gloo.all_reduce", "--address", "192.0.2.1"), "192.0.2.1", "ip address")):
            with self.subTest(arguments=arguments):
                self.refused("measure", *arguments, what=what, hint=hint)


class Faults(GlooTest):
    def running(self, *arguments):
        process = self.start("measure", "gloo.all_reduce", "--ranks", 3, "--size", "4MiB", "--region", 0, "--duration",
                             "60s", "--target", 0, "--deadline", "5s", "--quiet", "--json", "-", *arguments)
        deadline = time.monotonic() + 20
        while len(workers_of(process.pid)) < 3 and time.monotonic() < deadline:
            time.sleep(0.05)
        time.sleep(1.5)
        return process, workers_of(process.pid)

    def ended_soon(self, process, began, seconds):
        ended = self.finish(process)
        self.assertLess(time.monotonic() - began, seconds)
        self.assertEqual(ended.code, 3, ended.err)
        self.assertEqual(ended.measurement["status"], "failed")
        self.assertNoneLeft()
        return ended.measurement

    def test_a_rank_that_is_killed_ends_the_measurement(self):
        process, workers = self.running()
        began = time.monotonic()
        os.kill(workers[1], signal.SIGKILL)
        self.assertRegex(self.ended_soon(process, began, 10)["reason"], "SIGKILL|killed")

    def test_a_rank_that_stands_still_is_given_up_within_the_time_out(self):
        process, workers = self.running("--timeout", "2s")
        began = time.monotonic()
        os.kill(workers[1], signal.SIGSTOP)
        m = self.ended_soon(process, began, 25)
        self.assertRegex(m["reason"], "rank [02], all_reduce: Timed out waiting 2000ms")
        self.assertIn("--timeout", m["hint"])


class TwoNamespaces(GlooTest):
    def setUp(self):
        super().setUp()
        self.near, self.far = two_hosts_of(self)

    def pair(self, *arguments):
        peer = self.start("peer", "--listen", f"{self.far.address}:0", prefix=self.far.prefix())
        lines = [peer.stdout.readline().split() for _ in range(2)]
        self.assertEqual([line[0] for line in lines], ["listening", "token"])
        process = self.start("measure", *arguments, "--peer", lines[0][-1], "--quiet", "--json", "-",
                             prefix=self.near.prefix(), MILLRACE_TOKEN=lines[1][-1])
        ended = self.finish(process, patience=60)
        at_peer = self.finish(peer, patience=60)
        self.assertNoneLeft()
        self.assertEqual(ended.code, 0, ended.err + ended.out)
        self.assertEqual(at_peer.code, 0, at_peer.err)
        return ended.measurement

    def test_ranks_of_two_hosts_reduce_together(self):
        m = self.pair("gloo.all_reduce", "--ranks", 2, *SHORT)
        self.assertVerified(m, 4)
        self.assertEqual([p["host"] for p in m["participants"]], [0, 0, 1, 1])
        self.assertNotIn("loopback", m["flags"])
        floor, bus = m["metrics"]["wire_floor_bytes_per_s"]["p50"], m["bus_bytes_per_s"]["p50"]
        self.assertAlmostEqual(floor / bus, 1 / 3, delta=0.2)

    def test_a_broadcast_is_no_faster_than_the_cable(self):
        self.near.cap(80_000_000)
        m = self.pair("gloo.broadcast", "--ranks", 1, "--size", "1MiB", "--region", 0, "--duration", "3s", "--target", 0)
        self.assertVerified(m, 2)
        rate = m["algorithm_bytes_per_s"]["p50"]
        self.assertLess(abs(rate / (80_000_000 / 8 * 1448 / 1514) - 1), 0.05, f"{rate / 1e6:.2f} MB/s")


if __name__ == "__main__":
    main()
