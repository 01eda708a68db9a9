# SPDX-License-Identifier: Apache-2.0
"""rdma.* between two hosts over soft-RoCE, side by side with perftest: the same figures, every byte verified, faults told.

Host 0 measures and judges; host 1 serves: with `millrace peer`, or with perftest's server. Both go through the same steps."""
import contextlib
import json
import os
import pathlib
import re
import signal
import subprocess
import time
import unittest

from rack_host import BINARY, HOST, address, barrier, millrace, scratch, shell

# How often the faults that take long are gone through: once in CI, ten times in `ctest -C soak -L soak`.
GOES = int(os.environ.get("MILLRACE_RACK_GOES", "1"))
LIMIT_S = 200 if GOES == 1 else 900
# A second. At the usual 67 ms a write once failed here with "remote invalid request". The likely cause, not proved: an
# emulated host is late, packets are sent again, and soft-RoCE of Linux 6.1 goes wrong about the rest of the message.
ACK_TIMEOUT = 18
TOKEN = scratch() / "rdma-token"
SAID = pathlib.Path("/run/rdma-peer.said")  # what the peer of this host printed
PEER = {"process": None, "token": ""}
STEPS = [0]  # of this test


def step():
    STEPS[0] += 1
    barrier(f"step{STEPS[0]}", patience_s=120)


def serve(*allowed):
    """Host 1: a peer that answers until it is ended; `allowed`: addresses besides those of the session."""
    if HOST == 1 and PEER["process"] is None:
        with SAID.open("w") as said:
            PEER["process"] = subprocess.Popen([BINARY, "peer", "--listen", f"{address(1)}:7411", "--token-file", str(TOKEN),
                                                "--sessions", "1000", "--idle", "5min",
                                                *(word for one in allowed for word in ("--allow-address", one))], stdin=subprocess.DEVNULL, stdout=said,
                                               stderr=subprocess.STDOUT)


def end_service():
    if PEER["process"] is not None:
        PEER["process"].kill()
        PEER["process"].wait()
        PEER["process"] = None
        print(SAID.read_text(), end="", flush=True)
        TOKEN.unlink(missing_ok=True)  # of a session that will never be


def fresh_token(patience_s=60):
    """Each session has a token of its own."""
    until = time.monotonic() + patience_s
    while time.monotonic() < until:
        with contextlib.suppress(OSError):
            if (text := TOKEN.read_text()) and text != PEER["token"]:
                PEER["token"] = text
                return
        time.sleep(0.05)
    raise AssertionError("the peer wrote no new token")


def asked(probe, *arguments, seconds=2, ack_timeout=ACK_TIMEOUT):
    """The command line of a measurement with the peer, with a token that is good."""
    fresh_token()
    return ["measure", probe, "--peer", f"{address(1)}:7411", "--token-file", TOKEN, "--target", "0", "--repeats", "1",
            "--duration", f"{seconds}s", "--ack-timeout", ack_timeout, *arguments]


def ours(probe, *arguments, seconds=2, status="ok"):
    """On host 0 the measurement, on host 1 nothing."""
    serve()
    measurement = None
    if HOST == 0:
        ended = millrace(*asked(probe, *arguments, seconds=seconds), "--json", "-")
        measurement = json.loads(ended.stdout)["measurements"][0]
        told = {key: measurement.get(key) for key in ("status", "reason", "flags", "verified", "latency_s")}
        counted = {key: value for key, value in measurement.get("counters", {}).items() if value and "rdma" in key}
        print(json.dumps(told), json.dumps(counted), f"{rate(measurement):.0f} B/s", flush=True)
        assert measurement["status"] == status, measurement
    step()
    return measurement


def rate(measurement):
    return measurement["throughput_bytes_per_s"]["mean"]


def perftest(tool, *arguments):
    """The columns of perftest's last line, on host 0. Host 1 serves until host 0 has them: a client that came too early, or
    ended before its time, finds a server again."""
    command = [tool, "-d", "rxe0", "-u", str(ACK_TIMEOUT), *map(str, arguments)]
    had = scratch() / f".{os.environ['RACK_TEST']}.had{STEPS[0]}"
    until = time.monotonic() + 60
    columns = None
    if HOST == 1:
        while not had.exists() and time.monotonic() < until:
            with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL) as server:
                while server.poll() is None and not had.exists() and time.monotonic() < until:
                    time.sleep(0.05)
                server.kill()
    else:
        while columns is None:
            ended = subprocess.run([*command, address(1)], capture_output=True, text=True, check=False, timeout=60)
            if found := re.findall(r"^ *(\d+ +\d+ +[\d. ]+?) *$", ended.stdout.replace("\t", " "), re.M):
                columns = [float(word) for word in found[-1].split()]
                had.touch()
            elif time.monotonic() > until:
                raise AssertionError(f"{tool}: {ended.stdout}{ended.stderr}")
            else:
                if "Couldn't connect" not in ended.stdout + ended.stderr:
                    print("again:", *command, ended.stdout, ended.stderr, flush=True)
                time.sleep(0.1)  # the server is not there yet
        print("$", *command, "->", columns, flush=True)
    step()
    return columns


def bandwidth(tool, seconds=2):
    """By the messages that perftest counted in the seconds that it was given. Its own column divides by a time that it takes
    from the CPU's counter and a frequency that it estimates: on an emulated CPU up to 6 % off, above what the cap lets by."""
    columns = perftest(tool, "-s", 65536, "-D", seconds, "-f", 0)
    return columns and columns[1] * columns[0] / seconds


def agreed(mine):
    """What host 0 says, on both hosts."""
    note = scratch() / f".{os.environ['RACK_TEST']}.said{STEPS[0]}"
    if HOST == 0:
        note.with_suffix(".new").write_text(str(int(mine)))
        note.with_suffix(".new").rename(note)
    step()
    return note.read_text() == "1"


def cap(megabits):
    shell("tc qdisc del dev eth0 root 2>/dev/null || true" if megabits is None else
          f"tc qdisc replace dev eth0 root tbf rate {megabits}mbit burst 128k latency 200ms")
    step()


def workers():
    """The processes of this host that measure."""
    found = []
    for process in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):  # it ended meanwhile
            if pathlib.Path(f"/proc/{process}/comm").read_text() == "millrace-worker\n":
                found.append(int(process))
    return found


def packets_sent(device="rxe0"):
    return int(pathlib.Path(f"/sys/class/infiniband/{device}/ports/1/hw_counters/sent_pkts").read_text())


def left_behind(patience_s=5):
    """What of ours is still there: workers, and queue pairs of theirs."""
    until = time.monotonic() + patience_s
    while workers() and time.monotonic() < until:
        time.sleep(0.1)
    return [*workers(), *re.findall(".*comm millrace.*", shell("rdma resource show qp"))]


class RdmaTest(unittest.TestCase):
    def setUp(self):
        STEPS[0] = 0
        if not os.path.exists("/sys/class/infiniband/rxe0"):
            shell("rdma link add rxe0 type rxe netdev eth0")
        step()
        self.addCleanup(end_service)

    def assertNear(self, figure, other, share, what=""):
        self.assertLess(abs(figure / other - 1), share, f"{what}: {figure:.4g} against {other:.4g}")

    def capped(self, megabits, operation):
        """Our rate and the nearest of perftest's, whose own runs under one cap were seen to lie up to 6 % apart: at most
        three goes of both. A skip where perftest never filled the cap: the emulated hosts were too slow then."""
        # Of each packet's 1082 bytes (Ethernet 14, IPv4 20, UDP 8, BTH 12, ICRC 4), 1024 are the message's.
        full = megabits * 1e6 / 8 * 1024 / 1082
        peers = []
        for _ in range(3):
            measured, peer = ours(f"rdma.{operation}", seconds=3), bandwidth(f"ib_{operation}_bw", 3)
            peers.append(peer)
            if agreed(HOST == 0 and rate(measured) > 0.97 * full
                      and 0.97 * min(peers) < rate(measured) < 1.03 * max(peers)):
                break
        else:
            if agreed(HOST == 0 and max(peers) < 0.96 * full):
                self.skipTest(f"the emulated hosts did not fill {megabits} Mbit/s: {rate(measured):.4g} and {peers} B/s"
                              if HOST == 0 else "see host 0")
        if HOST == 1:
            return 1, 1
        print(f"{megabits} Mbit/s, {operation}: {rate(measured):.5g} against {peers} B/s, {full:.5g} calculated",
              flush=True)
        self.assertTrue(measured["verified"])
        self.assertNear(rate(measured), full, 0.03, f"{operation} against the cap")
        return rate(measured), min(peers, key=lambda peer: abs(peer - rate(measured)))

    def test_under_a_cap_writes_reads_and_sends_agree_with_perftest(self):
        serve()
        cap(40)
        self.addCleanup(shell, "tc qdisc del dev eth0 root 2>/dev/null || true")
        pairs = {operation: self.capped(40, operation) for operation in ("write", "read", "send")}
        if HOST == 0:
            for operation, (measured, peer) in pairs.items():
                self.assertNear(measured, peer, 0.03, operation)

    def test_half_the_cap_is_half_the_rate(self):
        serve()
        self.addCleanup(shell, "tc qdisc del dev eth0 root 2>/dev/null || true")
        rates = []
        for megabits in (40, 80):
            cap(megabits)
            measured, peer = self.capped(megabits, "write")
            self.assertNear(measured, peer, 0.05, megabits)
            rates.append(measured)
        if HOST == 0:
            self.assertNear(rates[1] / rates[0], 2, 0.05)

    def test_without_a_cap_rates_lie_within_the_scatter_of_perftests(self):
        serve()
        for operation in ("write", "read", "send"):
            peers, measured = [], []
            for _ in range(2):
                peers.append(bandwidth(f"ib_{operation}_bw", 1))
                measured.append(ours(f"rdma.{operation}", seconds=1))
            if HOST == 0:
                rates = [rate(m) for m in measured]
                print(operation, "ours", rates, "perftest", peers)
                self.assertTrue(all(m["verified"] for m in measured))
                # perftest's own runs of one boot were seen to differ by a factor of 1.6.
                self.assertGreater(max(rates), min(peers) / 1.6)

    def test_latency_is_half_of_the_round_trip_as_perftest_has_it(self):
        serve()
        peers, measured = [], []
        for _ in range(2):
            peers.append(perftest("ib_write_lat", "-s", 8, "-n", 300))
            measured.append(ours("rdma.write", "--mode", "latency", seconds=2))
        if HOST == 1:
            return
        typical, ours_p50 = [p[4] * 1e-6 for p in peers], [m["latency_s"]["p50"] for m in measured]
        print("ours", ours_p50, "perftest", typical)
        for m in measured:
            self.assertIn("half-round-trip", m["flags"])
            self.assertTrue(m["verified"])
        # Emulated, either differs from itself by more than a factor of two.
        self.assertLess(min(ours_p50), 3 * max(typical))
        self.assertGreater(max(ours_p50), min(typical) / 3)

    def test_a_link_that_flaps_is_unsteady_and_its_time_series_shows_it(self):
        serve()
        if HOST == 0:
            flapping = subprocess.Popen(["bash", "-c", """while :; do for rate in 2 20; do
                tc qdisc replace dev eth0 root tbf rate ${rate}mbit burst 8k limit 1m; sleep 1; done; done"""])
            self.addCleanup(shell, "tc qdisc del dev eth0 root 2>/dev/null || true")
            self.addCleanup(flapping.wait)
            self.addCleanup(flapping.kill)
        for _ in range(2):  # hosts that are kept from their CPUs flap by themselves, out of step
            measured = ours("rdma.write", "--size", "1KiB", "--signal-every", "1", "--post-list", "1", "--queue-depth", "16",
                            seconds=12)
            if agreed(HOST == 0 and "unsteady" in measured["flags"]):
                break
        if HOST == 1:
            return
        series = measured["slices"]["bytes"]
        half = max(int(0.5 / measured["slices"]["period_s"]), 1)
        halves = sorted(sum(series[at:at + half]) for at in range(0, len(series) - half, half))
        print("bytes of half seconds", halves)
        self.assertGreater(halves[-len(halves) // 4], 3 * halves[len(halves) // 4])
        self.assertIn("unsteady", measured["flags"])

    def test_every_way_to_move_messages_verifies_every_byte(self):
        serve()
        for probe, *arguments in (
                ["rdma.write", "--connect", "rdma_cm", "--queue-pairs", "4", "--initiator", "both", "--size", "4KiB"],
                ["rdma.send", "--transport", "ud", "--size", "1000"],
                ["rdma.send", "--mode", "latency", "--transport", "ud"],
                ["rdma.write", "--mode", "latency", "--notice", "immediate", "--report", "round-trip"],
                ["rdma.read", "--initiator", "peer", "--queue-pairs", "2", "--sizes", "64,4KiB", "--sweep-time", "100ms"]):
            measured = ours(probe, *arguments, seconds=1)
            if HOST == 1:
                continue
            self.assertTrue(measured["verified"], arguments)
            if "--sizes" in arguments:
                for size in (64, 4096):
                    self.assertGreater(measured["metrics"][f"size_{size}_bytes_per_s"]["mean"], 0)
            if "round-trip" in arguments:
                self.assertIn("round-trip", measured["flags"])
            if "both" in arguments:
                self.assertEqual(len(measured["participants"]), 4)

    def test_what_was_used_is_said(self):
        """Lists, inline, huge pages and ordering as parameters; and what they came to where nobody said."""
        shell("sysctl -q vm.nr_hugepages=32")
        self.addCleanup(shell, "sysctl -q vm.nr_hugepages=0")
        serve()
        small = ours("rdma.write", "--size", "64", "--inline", "64", "--post-list", "8", "--signal-every", "16", "--huge-pages",
                     "--relaxed-ordering", "off", seconds=1)
        large = ours("rdma.send", "--size", "4KiB", "--inline", "4KiB", "--relaxed-ordering", "on", seconds=1)
        plain = ours("rdma.write", seconds=1)
        if HOST == 1:
            return
        for m, wanted in (
                (small, {"size": 64, "inline": 64, "post-list": 8, "signal-every": 16, "relaxed-ordering": "off"}),
                (large, {"size": 4096, "inline": 0, "post-list": 16, "relaxed-ordering": "on"}),
                (plain, {"size": 65536, "inline": 0, "post-list": 1, "signal-every": 1, "queue-depth": 128, "mtu": "1024",
                         "relaxed-ordering": "on", "addressing": "gid", "device": "rxe0:1", "peer-device": "rxe0:1",
                         "gid": address(0), "peer-gid": address(1)})):
            self.assertEqual({key: m["parameters"].get(key) for key in wanted}, wanted)
            self.assertIsInstance(m["parameters"]["gid-index"], int)
            self.assertTrue(m["verified"])
            self.assertNotIn("no-huge-pages", m["flags"])
        self.assertEqual([("inline-refused" in m["flags"]) for m in (small, large, plain)], [False, True, False])
        # What soft-RoCE says of its rate is made up.
        self.assertIsNone(plain["limit_bytes_per_s"])
        self.assertIn("software over eth0", plain["limit_source"])

    def test_several_links_are_measured_together_and_summed(self):
        shell("rdma link add rxe1 type rxe netdev eth1")
        self.addCleanup(shell, "rdma link delete rxe1")
        step()
        both = ("--device", "rxe0", "--device", "rxe1")
        serve()
        if HOST == 0:  # the second cable's addresses are none of the session
            self.refused(f"rxe1 port 1 has .*{address(1, 1)}.*: neither an address of the session nor one that this peer allows", *both)
        step()
        end_service()
        step()
        # This host's own there and not the other one's: nor goes it where it was not told that it may.
        serve(address(1, 1))
        if HOST == 0:
            self.refused(f"rxe1 port 1 of {address(0)} has {address(0, 1)}: neither an address of the session", *both)
        step()
        end_service()
        if HOST == 1:  # a peer that would lead this host out of the networks that it is attached to
            self.addCleanup(shell, f"ip address replace {address(1, 1)}/24 dev eth1")
            shell("ip address flush dev eth1 scope global && ip address add 10.77.0.2/24 dev eth1 && "
                  "ip route add 10.9.1.0/24 dev eth1")
        step()
        serve("10.77.0.0/24", address(0, 1))
        if HOST == 0:
            self.refused("rxe1 port 1 of .* has 10.77.0.2: .*nor in a network that this host is attached to",
                         "--device", "rxe1", "--peer-device", "rxe1")
        step()
        end_service()
        if HOST == 1:
            shell(f"ip address flush dev eth1 scope global && ip address add {address(1, 1)}/24 dev eth1")
        step()
        serve("10.9.1.0/24")
        rails = ours("rdma.write", *both, "--sizes", "16KiB", "--sweep-time", "500ms", "--huge-pages", seconds=2)
        many_to_one = ours("rdma.write", "--device", "rxe0", "--peer-device", "rxe0", "--peer-device", "rxe0", "--initiator",
                           "peer", seconds=1)
        if HOST == 0:
            self.assertEqual([m["verified"] for m in (rails, many_to_one)], [True, True])
            self.assertEqual(rails["parameters"]["device"], "rxe0:1, rxe1:1")
            self.assertIn("no-huge-pages", rails["flags"])
            swept = rails["metrics"]["size_16384_bytes_per_s"]
            each = [p["throughput_bytes_per_s"] for p in rails["participants"] if p["throughput_bytes_per_s"]]
            print("of both links", swept, "each", each, flush=True)
            self.assertEqual((len(each), swept["count"]), (2, 1))
            self.assertGreater(swept["mean"], max(each))
            roles = {(p["host"], p["role"]) for p in many_to_one["participants"] if p["throughput_bytes_per_s"]}
            self.assertEqual(roles, {(1, "initiator 1.0r"), (1, "initiator 1.1r")})
            # One port here cannot reach two networks.
            self.refused(r"rxe[01] port 1 of .* cannot reach rxe[01] port 1 of .*: that address is in no network of eth[01]",
                         "--device", "rxe0", "--peer-device", "rxe0", "--peer-device", "rxe1", patience_s=10)
        step()

    def refused(self, reason, *arguments, local=False, prefix=(), patience_s=30, environment=None):
        """Ends soon, with such a reason and a way out, and leaves nothing behind."""
        if local:
            command = [*prefix, BINARY, "measure", "rdma.write", "--duration", "1s", *arguments]
        else:
            command = [BINARY, *map(str, asked("rdma.write", *arguments, seconds=1)), "--json", "-"]
        began = time.monotonic()
        ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60,
                               env={**os.environ, **(environment or {})})
        took = time.monotonic() - began
        reasons = [m["reason"] for m in json.loads(ended.stdout)["measurements"]] if ended.stdout.startswith("{") else []
        print("$", *command, ended.stderr, reasons, ended.returncode, f"{took:.1f} s", flush=True)
        self.assertIn(ended.returncode, (2, 3))
        self.assertLess(took, patience_s)
        told = " ".join([*reasons, ended.stdout if local else "", ended.stderr])
        self.assertRegex(told, reason)
        self.assertRegex(told, "hint:|way out")
        self.assertEqual(workers(), [])

    def test_what_cannot_work_is_refused_ten_times_over_with_its_reason(self):
        if HOST == 1:
            return
        shell("ip link add dummy0 type dummy && ip addr add 10.8.0.1/24 dev dummy0 && ip link set dummy0 up && "
              "rdma link add rxe1 type rxe netdev dummy0")
        self.addCleanup(shell, "rdma link delete rxe1; ip link delete dummy0")
        for _ in range(10):
            self.refused("no RDMA device 'rxe7'.*rxe0", "--device", "rxe7", local=True)
            self.refused("rxe0 has no port 2", "--device", "rxe0:2", local=True)
        for _ in range(max(3, GOES)):  # these go as far as to the workers
            self.refused("has no GID of index 77", "--device", "rxe1", "--gid-index", "77", local=True)
            # Without the privilege to lock what it likes.
            self.refused(r"RLIMIT_MEMLOCK|ulimit -l", "--device", "rxe1", "--size", "1MiB", local=True,
                         prefix=("prlimit", "--memlock=65536", "setpriv", "--bounding-set=-ipc_lock", "--inh-caps=-ipc_lock"))
        shell("ip link set dummy0 down")
        for _ in range(10):
            self.refused("rxe1 port 1 is DOWN, not ACTIVE", "--device", "rxe1", local=True)
        self.assertEqual(left_behind(), [])

    def test_what_the_peer_lacks_is_told_here(self):
        serve()
        for _ in range(GOES if HOST == 0 else 0):
            self.refused("no RDMA device 'rxe7'", "--peer-device", "rxe7")
            there = ("--peer", f"{address(1)}:7411")
            self.refused("refused the token", *there, local=True,
                         environment={"MILLRACE_TOKEN": PEER["token"]})  # of a session that is over
            self.refused("10.9.0.77.* cannot be reached", "--peer", "10.9.0.77:7411", local=True,
                         environment={"MILLRACE_TOKEN": PEER["token"]})
        step()
        if HOST == 1:
            self.addCleanup(shell, "ip link set eth0 mtu 1500")
            shell("ip link set eth0 mtu 4200")
        step()
        for _ in range(GOES if HOST == 0 else 0):
            self.refused("the MTUs differ: rxe0 port 1 of [0-9.]* has (1024|4096), rxe0 port 1 of [0-9.]* has (1024|4096)")
        step()

    def endless(self, probe, *arguments, device="rxe0"):
        """A measurement on host 0 that would take a minute, once it is under way."""
        before = packets_sent(device)
        running = subprocess.Popen([BINARY, *map(str, asked(probe, "--verify", "off", *arguments, seconds=60, ack_timeout=14)),
                                    "--json", "-"],
                                   stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.addCleanup(running.kill)
        until = time.monotonic() + 30
        while packets_sent(device) < before + 1000 and running.poll() is None:
            self.assertLess(time.monotonic(), until, "nothing was sent")
            time.sleep(0.1)
        return running

    def ends_soon(self, running, go, patience_s=15):
        began = time.monotonic()
        out, _ = running.communicate(timeout=60)
        took = time.monotonic() - began
        measurement = json.loads(out)["measurements"][0]
        print(f"go {go}: {took:.1f} s, exit {running.returncode}: {measurement['reason']} ({measurement['hint']})", flush=True)
        self.assertEqual(running.returncode, 3)
        self.assertLess(took, patience_s)
        return measurement

    def test_a_peer_killed_in_the_middle_ends_the_measurement_soon_ten_times_over(self):
        for go in range(10):
            serve()
            running = None
            if HOST == 0:
                running = self.endless("rdma.write")
            step()
            if HOST == 1 and go % 2 == 0:  # the process that is written to; its keeper lives, and says so
                for pid in workers():
                    os.kill(pid, signal.SIGKILL)
            elif HOST == 1:
                end_service()
            if HOST == 0:
                reason = self.ends_soon(running, go)["reason"]
                self.assertRegex(reason, "did not acknowledge|SIGKILL|was lost|ended without")
                self.assertEqual(workers(), [])
            step()
        self.assertEqual(left_behind(), [])

    def test_a_path_that_dies_is_blamed_at_both_ends_and_no_end_is(self):
        """The second cable's, so that nothing but the probe's own traffic can tell: it loses what host 1 sends, then the port
        of host 0 goes down."""
        shell("modprobe sch_netem && rdma link add rxe1 type rxe netdev eth1")
        self.addCleanup(shell, "rdma link delete rxe1; ip link set eth1 up; tc qdisc del dev eth1 root 2>/dev/null || true")
        step()
        serve("10.9.1.0/24")
        for go, (cut_at, cut, mend, reason, hint) in enumerate(GOES * (
                (1, "tc qdisc add dev eth1 root netem loss 100%", "tc qdisc del dev eth1 root", "the peer did not acknowledge",
                 "is the peer alive, is the path lossless (PFC, ECN, cables), do the MTUs agree?"),
                (0, "ip link set eth1 down", "ip link set eth1 up", "rxe1 port 1 of 10.9.0.1 is DOWN now", "its cable"))):
            running = self.endless("rdma.send", "--device", "rxe1", device="rxe1") if HOST == 0 else None
            step()
            if HOST == cut_at:
                shell(cut)
            if HOST == 0:
                # A port counts as down after 3 s. In one go of some forty, soft-RoCE then keeps whoever gives back a queue pair
                # for 50 s (__rxe_cleanup); the core leaves such a worker behind after 11 s.
                told = self.ends_soon(running, go, patience_s=20)
                self.assertIn(reason, told["reason"])
                self.assertIn(hint, told["hint"])
            step()
            if HOST == 1:
                said = SAID.read_text()
                print(said, flush=True)
                self.assertRegex(said, f"(stopped by the host that asked|failed): .*({reason}|did not acknowledge)")
                self.assertNotIn("was ended", said)
            if HOST == cut_at:
                shell(mend)
            step()
        self.assertEqual(left_behind(patience_s=60), [])
