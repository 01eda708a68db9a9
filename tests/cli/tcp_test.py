# SPDX-License-Identifier: Apache-2.0
"""tcp.stream and tcp.latency as a user drives them: on one host, and between two network namespaces whose cable the
test caps, shakes and cuts.
"""
import os
import signal
import statistics
import threading
import time

from command_line import CommandTest, main, workers_of
from namespaces import two_hosts_of

# What a segment costs besides its data, as tc-tbf counts it: an Ethernet header (14; the kernel's qdisc_pkt_len_init
# counts the headers of every segment of a large packet, and neither preamble nor checksum), an IPv4 header (20, RFC 791)
# and a TCP header with the time stamp option (20 + 12, RFC 9293 and 7323).
HEADER_BYTES = 14 + 20 + 32


def goodput(bits_per_s, mss_bytes):
    return bits_per_s / 8 * mss_bytes / (mss_bytes + HEADER_BYTES)


class OneHost(CommandTest):
    def test_a_stream_over_loopback_is_verified_and_said_to_be_one(self):
        file = self.folder / "result.json"
        ended = self.run_it("measure", "tcp.stream", "--streams", 2, "--direction", "both", "--duration", "1s", "--json", file)
        self.assertEqual(ended.code, 0, ended.err)
        self.assertSatisfiesSchema(file)
        self.assertIn("loopback", ended.out)
        self.assertIn("every byte that was checked is right", ended.out)

    def test_only_one_end_counts_a_stream(self):
        ended = self.measure("tcp.stream", "--duration", "500ms")
        self.assertEqual(ended.code, 0, ended.err)
        by_role = {p["role"]: p["throughput_bytes_per_s"] for p in ended.measurement["participants"]}
        self.assertEqual(by_role["client"], 0)
        self.assertGreater(by_role["server"], 0)

    def test_a_round_trip_and_half_of_one_say_which_they_are(self):
        whole = self.measure("tcp.latency", "--duration", "1s").measurement
        half = self.measure("tcp.latency", "--duration", "1s", "--report", "half").measurement
        self.assertIn("round_trip_s", whole["metrics"])
        self.assertIn("half_round_trip_s", half["metrics"])
        self.assertIn("half-round-trip", half["flags"])
        for m in (whole, half):
            self.assertTrue(m["verified"])
            name = "half_round_trip_s" if m is half else "round_trip_s"
            self.assertAlmostEqual(m["latency_s"]["p50"] / m["metrics"][name]["p50"], 1, delta=0.25)

    def test_half_of_a_latency_at_a_rate_is_refused(self):
        self.refused("measure", "tcp.latency", "--rate", "1k", "--report", "half", what="--report half and --rate exclude",
                     hint="leave --rate out")

    def test_an_address_of_another_machine_is_refused(self):
        self.refused("measure", "tcp.stream", "--peer-address", "192.0.2.1", what="192.0.2.1", hint="ip address")

    def test_more_streams_than_file_descriptors_are_refused(self):
        self.refused("measure", "tcp.stream", "--streams", 500, prefix=("prlimit", "--nofile=400:400"),
                     what="500 connections are more than", hint="ulimit -Hn")

    def test_a_port_in_use_is_refused(self):
        import socket
        with socket.create_server(("127.0.0.1", 0)) as taken:
            self.refused("measure", "tcp.latency", "--port", taken.getsockname()[1], what="EADDRINUSE", hint="--port")

    def test_an_end_that_is_killed_ends_the_measurement(self):
        process = self.start("measure", "tcp.stream", "--duration", "30s", "--quiet", "--json", "-")
        deadline = time.monotonic() + 20
        while len(workers_of(process.pid)) < 2 and time.monotonic() < deadline:
            time.sleep(0.05)
        time.sleep(0.5)
        began = time.monotonic()
        os.kill(workers_of(process.pid)[1], signal.SIGKILL)
        ended = self.finish(process)
        self.assertLess(time.monotonic() - began, 10)
        self.assertEqual(ended.code, 3, ended.err)
        self.assertRegex(ended.measurement["reason"], "SIGKILL|killed")
        if "SIGKILL" in ended.measurement["reason"]:
            self.assertIn("when memory runs out", ended.measurement["hint"])
        self.assertNoneLeft()


class TwoNamespaces(CommandTest):
    def setUp(self):
        super().setUp()
        self.near, self.far = two_hosts_of(self)

    def start_peer(self):
        """The other host's process, where it listens, and its token."""
        peer = self.start("peer", "--listen", f"{self.far.address}:0", prefix=self.far.prefix())
        lines = [peer.stdout.readline().split() for _ in range(2)]
        self.assertEqual([line[0] for line in lines], ["listening", "token"])
        return peer, lines[0][-1], lines[1][-1]

    def start_pair(self, *arguments):
        peer, where, token = self.start_peer()
        process = self.start("measure", *arguments, "--peer", where, "--quiet", "--json", "-", prefix=self.near.prefix(),
                             MILLRACE_TOKEN=token)
        return peer, process

    def end_pair(self, pair, patience=60):
        peer, process = pair
        ended = self.finish(process, patience=patience)
        at_peer = self.finish(peer, patience=patience)
        self.assertNoneLeft()
        for output in (ended.err, at_peer.err):
            self.assertNotIn("Sanitizer", output)
            self.assertNotIn("bug", output)
        return ended, at_peer

    def pair(self, *arguments):
        ended, at_peer = self.end_pair(self.start_pair(*arguments))
        self.assertEqual(ended.code, 0, ended.err + ended.out)
        self.assertEqual(at_peer.code, 0, at_peer.err)
        return ended.measurement

    def assertKeepsTo(self, bits_per_s):
        """The rate under a cap, within 3 % of what it leaves for data. A busy machine may starve the sender, or us, for longer
        than what waits before the cap lasts: so there are three tries."""
        self.near.cap(bits_per_s)
        seen = []
        for _ in range(3):
            m = self.pair("tcp.stream", "--duration", "4s", "--target", 0, "--verify-size", "256KiB")
            self.assertTrue(m["verified"])
            rate, truth = m["throughput_bytes_per_s"]["mean"], goodput(bits_per_s, m["metrics"]["mss_bytes"]["p50"])
            seen.append(f"{rate / 1e6:.3f} MB/s, {truth / 1e6:.3f} MB/s is true")
            print(seen[-1])
            self.assertLess(rate, 1.03 * truth)
            if rate > 0.97 * truth:
                return rate
        return self.fail("; ".join(seen))

    def test_streams_both_ways_between_two_hosts(self):
        m = self.pair("tcp.stream", "--streams", 2, "--direction", "both", "--duration", "1s")
        self.assertTrue(m["verified"])
        self.assertEqual([p["host"] for p in m["participants"]], [0, 1])
        self.assertTrue(all(p["throughput_bytes_per_s"] > 0 for p in m["participants"]))
        self.assertEqual(m["counters"]["tcp:connections_via_cable0"], 4)
        self.assertNotIn("loopback", m["flags"])

    def test_a_capped_link_measures_as_its_cap_less_headers(self):
        self.assertKeepsTo(200_000_000)

    def test_twice_the_cap_is_twice_the_rate(self):
        slow = self.assertKeepsTo(40_000_000)
        self.assertLess(abs(self.assertKeepsTo(80_000_000) / slow / 2 - 1), 0.04)

    def test_a_flapping_link_shows_and_is_flagged(self):
        self.near.cap(200_000_000)
        pair = self.start_pair("tcp.stream", "--duration", "8s", "--target", 0, "--verify-size", "256KiB")
        over = threading.Event()

        def flap():
            while not over.is_set():
                for rate in (20_000_000, 200_000_000):
                    self.near.cap(rate)
                    over.wait(1)

        flapping = threading.Thread(target=flap)
        flapping.start()
        try:
            ended, _ = self.end_pair(pair)
        finally:
            over.set()
            flapping.join()
        self.assertEqual(ended.code, 0, ended.err)
        m = ended.measurement
        self.assertIn("unsteady", m["flags"])
        # Tenths of a second at either level are there to be seen.
        series, period = m["slices"]["bytes"], m["slices"]["period_s"]
        whole = max(round(0.1 / period), 1)
        rates = [sum(series[i:i + whole]) / (whole * period) for i in range(0, len(series) - whole, whole)]
        low = [rate for rate in rates if rate < 5e6]
        high = [rate for rate in rates if rate > 15e6]
        self.assertGreater(len(low), len(rates) / 5, rates)
        self.assertGreater(len(high), len(rates) / 5, rates)
        self.assertGreater(statistics.median(high), 4 * statistics.median(low))

    def test_round_trips_between_two_hosts(self):
        m = self.pair("tcp.latency", "--duration", "1s")
        self.assertTrue(m["verified"])
        self.assertGreater(m["latency_s"]["p50"], 1e-6)
        self.assertLess(m["latency_s"]["p50"], 0.1)

    def test_requests_at_a_rate_between_two_hosts(self):
        m = self.pair("tcp.latency", "--rate", 1000, "--duration", "2s", "--target", 0)
        self.assertLess(abs(m["operations_per_s"]["mean"] / 1000 - 1), 0.15)

    def wait_for_workers(self, *pair):
        """Until both ends measure."""
        deadline = time.monotonic() + 20
        while not all(workers_of(end.pid) for end in pair):
            gone = [end for end in pair if end.poll() is not None]
            if gone or time.monotonic() > deadline:
                for end in pair:
                    end.kill()
                self.fail(f"not both ends measure: {[end.communicate() for end in pair]}")
            time.sleep(0.05)
        time.sleep(1)

    def lost(self, harm, probe, *arguments):
        pair = self.start_pair(probe, "--duration", "60s", *arguments)
        self.wait_for_workers(*pair)
        began = time.monotonic()
        harm(*pair)
        ended, at_peer = self.end_pair(pair)
        self.assertLess(time.monotonic() - began, 40)
        self.assertEqual(ended.code, 3, ended.err + ended.out)
        self.assertEqual(ended.measurement["status"], "failed")
        self.assertTrue(ended.measurement["reason"])
        return ended.measurement, at_peer

    def test_a_peer_that_is_killed_ends_the_measurement(self):
        def harm(peer, _):
            for victim in [*workers_of(peer.pid), peer.pid]:
                os.kill(victim, signal.SIGKILL)
        self.lost(harm, "tcp.stream")
        self.lost(harm, "tcp.latency")

    def test_a_killed_worker_of_the_peer_is_the_reason(self):
        m, _ = self.lost(lambda peer, _: os.kill(workers_of(peer.pid)[0], signal.SIGKILL), "tcp.stream")
        self.assertRegex(m["reason"], "SIGKILL|killed|closed the connection")

    def test_a_cable_that_is_pulled_ends_a_stream_on_both_sides(self):
        self.lost(lambda *_: self.far.cut(), "tcp.stream", "--silence", "2s")

    def test_a_cable_that_is_pulled_ends_round_trips_on_both_sides(self):
        self.lost(lambda *_: self.far.cut(), "tcp.latency", "--silence", "2s")


if __name__ == "__main__":
    main()
