# SPDX-License-Identifier: Apache-2.0
"""Two hosts without a launcher: both ends measure, and whatever goes wrong ends in time with a reason on both sides."""
import contextlib
import os
import pathlib
import re
import signal
import socket
import stat
import struct
import subprocess
import threading
import time

from command_line import BINARY, BUILD, CommandTest, children_of, environment, is_alive, main

TWO_ENDED = BUILD / "tests/modules/two_ended/modules"
SHORT = ("--duration", "500ms", "--target", "0", "--deadline", "2s")
GOOD = ("--duration", "500ms", "--target", "0", "--deadline", "30s")  # a machine may be busy
PROTOCOL = 1


def hello(protocol=PROTOCOL, answer=0, magic=b"MILLRACE"):
    return magic + struct.pack("<II", protocol, answer) + b"9.9.9".ljust(32, b"\0") + os.urandom(64)


class Peer:
    """A `millrace peer` of a test, with what it said."""

    def __init__(self, test, *arguments, listen="127.0.0.1:0", prefix=(), modules=TWO_ENDED, name="peer", **environ):
        self.test = test
        self.said = test.folder / f"{name}.out"
        self.token = test.folder / f"{name}.token"
        with self.said.open("w") as out:
            self.process = subprocess.Popen(
                [*map(str, prefix), str(BINARY), "peer", "--listen", listen, "--token-file", str(self.token),
                 *map(str, arguments)], cwd=test.folder, stdin=subprocess.DEVNULL, stdout=out,
                stderr=subprocess.STDOUT, env=environment(modules, **environ))
        test.addCleanup(self.kill)
        self.address = self.wait_for(r"listening on (\S+)")
        self.wait_for("token in")

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    @property
    def text(self):
        return self.said.read_text(errors="backslashreplace")

    def wait_for(self, pattern, patience=20):
        deadline = time.monotonic() + patience
        while not (found := re.search(pattern, self.text)):
            if self.process.poll() is not None and not re.search(pattern, self.text):
                self.test.fail(f"the peer ended with {self.process.returncode}: {self.text}")
            if time.monotonic() > deadline:
                self.test.fail(f"the peer does not say '{pattern}': {self.text}")
            time.sleep(0.02)
        return found.group(found.lastindex or 0)

    def ends(self, code=0, patience=30):
        try:
            self.process.wait(patience)
        except subprocess.TimeoutExpired:
            self.test.fail(f"the peer did not end: {self.text}")
        self.test.assertEqual(self.process.returncode, code, self.text)
        for bad in ("bug:", "Sanitizer", "runtime error:"):
            self.test.assertNotIn(bad, self.text)
        return self.text

    def connect(self):
        host, port = self.address.rsplit(":", 1)
        return socket.create_connection((host.strip("[]"), int(port)), timeout=20)


class PeerTest(CommandTest):
    modules = TWO_ENDED

    def flags(self, *peers):
        return [word for peer in peers for word in ("--peer", peer.address, "--token-file", peer.token)]

    def begin(self, *arguments, peer, prefix=(), **environ):
        peers = peer if isinstance(peer, (list, tuple)) else [peer]
        return self.start("measure", *arguments, *self.flags(*peers), "--quiet", "--json", "-", prefix=prefix, **environ)

    def pair(self, *arguments, peer, **options):
        ended = self.finish(self.begin(*arguments, peer=peer, **options))
        for bad in ("bug:", "Sanitizer", "runtime error:"):
            self.assertNotIn(bad, ended.err)
        return ended

    def assertPairs(self, peer):
        ended = self.pair("two_ended.steps", *GOOD, peer=peer)
        self.assertEqual(ended.code, 0, ended.err + ended.out + peer.text)

    def setUp(self):
        super().setUp()
        self.addCleanup(self.assertNoneLeft)  # after all other cleaning up


class TwoHosts(PeerTest):
    def together(self, *arguments, hosts=2, **options):
        peers = [Peer(self, name=f"peer{i}") for i in range(1, hosts)]
        ended = self.pair("two_ended.steps", "--ranks", 2, *arguments, *GOOD, peer=peers, **options)
        self.assertEqual(ended.code, 0, ended.err)
        for peer in peers:
            self.assertRegex(peer.ends(), r"two_ended.steps, repeat 1: ok after \S+ \S+ \(time limit\), 2 workers")
        m = ended.measurement
        self.assertEqual([p["host"] for p in m["participants"]], [h for h in range(hosts) for _ in range(2)])
        self.assertEqual([p["rank"] for p in m["participants"]], list(range(2 * hosts)))
        self.assertEqual([p["role"] for p in m["participants"]], ["asker"] * 2 + ["helper"] * 2 * (hosts - 1))
        stopped = m["metrics"]["stopped_at_iterations"]
        self.assertEqual(stopped["count"], 2 * hosts)
        self.assertEqual(stopped["min"], stopped["max"])
        self.assertGreater(stopped["min"], 100)
        self.assertEqual(m["counters"]["greeted"], 2)
        for host in range(1, hosts):
            self.assertEqual(m["counters"][f"host{host}/greeted"], 2)
        self.assertEqual(len(ended.document["hosts"]), hosts)
        (self.folder / "r.json").write_text(ended.out)
        self.assertSatisfiesSchema(self.folder / "r.json")
        return ended

    def test_ranks_of_two_hosts_hear_each_other_and_stop_at_one_iteration(self):
        self.together()

    def test_ranks_of_two_hosts_wait_for_each_other_at_a_barrier(self):
        self.together("--meet", "barrier")

    def test_one_host_measures_with_several_others(self):
        self.together("--meet", "barrier", hosts=4)

    def test_the_slowest_rank_does_not_wait_for_leave_to_go_on(self):
        ended = self.together()
        m = ended.measurement
        self.assertLess(m["metrics"]["waited_s"]["min"], 0.1)

    def test_repeats_use_one_session_and_fresh_workers(self):
        peer = Peer(self)
        ended = self.pair("two_ended.steps", "--repeats", 3, *GOOD, peer=peer)
        self.assertEqual(ended.code, 0, ended.err)
        said = peer.ends()
        for repeat in (1, 2, 3):
            self.assertIn(f"repeat {repeat}: ok", said)
        self.assertEqual(said.count("session with"), 1)
        self.assertEqual(len(ended.measurement["repeats"]), 3)
        self.assertEqual(ended.measurement["counters"]["host1/greeted"], 3)

    def test_what_the_other_host_records_decides_when_it_is_enough(self):
        peer = Peer(self)
        ended = self.pair("two_ended.steady", "--duration", "20s", peer=peer)
        self.assertEqual(ended.code, 0, ended.err)
        m = ended.measurement
        self.assertEqual(m["repeats"][0]["stop_reason"], "converged")
        self.assertLess(m["duration_s"], 15)
        # 1,000 bytes each 200 us.
        self.assertAlmostEqual(m["throughput_bytes_per_s"]["mean"], 5e6, delta=0.05 * 5e6)
        self.assertEqual(m["participants"][0]["throughput_bytes_per_s"], 0)
        self.assertAlmostEqual(m["latency_s"]["p50"], 200e-6, delta=2e-6)
        self.assertIn("host1/worker:user_s", m["counters"])
        self.assertIn("(converged)", peer.ends())

    def test_the_document_holds_both_topologies(self):
        peer = Peer(self)
        ended = self.pair("two_ended.steps", *GOOD, peer=peer)
        ids = {e["id"]: e["host"] for e in ended.document["topology"]["endpoints"]}
        self.assertEqual(ids["memory:0"], 0)
        self.assertEqual(ids["host1/memory:0"], 1)
        links = ended.document["topology"]["links"]
        self.assertTrue(all(link["from"].startswith("host1/") == link["to"].startswith("host1/") for link in links))
        peer.ends()

    def test_a_clock_that_is_far_ahead_is_told_and_taken_into_account(self):
        ahead = ("unshare", "--time", "--monotonic", "100000")
        if subprocess.run([*ahead, "true"], capture_output=True, check=False).returncode != 0:
            self.skipTest("this kernel or user cannot make time namespaces")
        peer = Peer(self, prefix=ahead)
        ended = self.pair("two_ended.steady", "--duration", "1s", "--target", 0, peer=peer)
        self.assertEqual(ended.code, 0, ended.err)
        offset = ended.document["hosts"][1]["clock_offset_s"]
        for end in ("start", "end"):
            self.assertAlmostEqual(offset[end], 1e5, delta=offset["error"] + 1e-3)
        self.assertLess(offset["error"], 0.1)
        m = ended.measurement
        self.assertAlmostEqual(m["throughput_bytes_per_s"]["mean"], 5e6, delta=0.05 * 5e6)
        self.assertLess(m["duration_s"], 10)
        self.assertLess(m["participants"][1]["skew_s"], 0.5)
        self.assertGreater(m["metrics"]["began_s"]["max"] - m["metrics"]["began_s"]["min"], 99_000)
        peer.ends()

    def test_an_exchange_over_hosts_costs_about_a_round_trip(self):
        peer = Peer(self)
        ended = self.pair("two_ended.talk", *GOOD, peer=peer)
        self.assertEqual(ended.code, 0, ended.err + peer.text)
        # The core's tick is 10 ms: an exchange that waited for it would show.
        self.assertLess(ended.measurement["latency_s"]["p50"], 0.005)
        peer.ends()

    def test_one_host_alone_runs_both_ends_as_before(self):
        ended = self.measure("two_ended.steps", "--ranks", 2, *GOOD)
        self.assertEqual(ended.code, 0, ended.err)
        self.assertEqual(len(ended.document["hosts"]), 1)
        self.assertNotIn("clock_offset_s", ended.document["hosts"][0])

    def test_a_session_by_ipv6(self):
        with socket.socket(socket.AF_INET6) as probe:
            try:
                probe.bind(("::1", 0))
            except OSError as error:
                self.skipTest(f"no IPv6: {error}")
        peer = Peer(self, listen="[::1]:0")
        self.assertRegex(peer.address, r"^\[::1\]:\d+$")
        self.assertPairs(peer)
        peer.ends()


class Namespaces(PeerTest):
    """Two hosts as far as the network goes."""

    def setUp(self):
        super().setUp()
        self.names = [f"millrace-{os.getpid()}-{i}" for i in (0, 1)]
        for name in self.names:
            if subprocess.run(["ip", "netns", "add", name], capture_output=True, check=False).returncode != 0:
                self.skipTest("network namespaces cannot be made here")
            self.addCleanup(subprocess.run, ["ip", "netns", "del", name], check=False)
        self.ip("link", "add", "left", "netns", self.names[0], "type", "veth", "peer", "name", "right", "netns",
                self.names[1])
        for i, device in enumerate(("left", "right")):
            self.inside(i, "ip", "link", "set", "lo", "up")
            self.inside(i, "ip", "address", "add", f"10.77.0.{i + 1}/24", "dev", device)
            self.inside(i, "ip", "-6", "address", "add", f"fd77::{i + 1}/64", "dev", device, "nodad")
            self.inside(i, "ip", "link", "set", device, "up")

    def ip(self, *arguments):
        subprocess.run(["ip", *arguments], check=True, capture_output=True)

    def within(self, i):
        return ("ip", "netns", "exec", self.names[i])

    def inside(self, i, *command):
        done = subprocess.run([*self.within(i), *command], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            self.skipTest(f"{' '.join(command)}: {done.stderr}")

    def test_both_ends_agree_on_the_addresses_of_the_control_connection(self):
        for listen in ("10.77.0.2:0", "[fd77::2]:0"):
            peer = Peer(self, listen=listen, prefix=self.within(1), name=f"peer{len(listen)}")
            ended = self.pair("two_ended.steps", "--ranks", 2, *GOOD, "-v", peer=peer, prefix=self.within(0))
            self.assertEqual(ended.code, 0, ended.err)
            self.assertEqual(ended.measurement["counters"]["host1/greeted"], 2)
            self.assertIn("10.77.0.1" if "." in listen else "fd77::1", peer.ends())

    def test_a_peer_listens_only_where_it_was_told(self):
        peer = Peer(self, listen="10.77.0.2:0", prefix=self.within(1))
        listening = subprocess.run([*self.within(1), "cat", "/proc/net/tcp", "/proc/net/tcp6"], capture_output=True,
                                   text=True, check=True).stdout
        ends = re.findall(r"(?m)^ *\d+: ([0-9A-F]+):([0-9A-F]{4}) \S+ 0A ", listening)
        self.assertEqual(ends, [("02004D0A", f"{int(peer.address.split(':')[1]):04X}")])
        peer.process.send_signal(signal.SIGTERM)
        peer.ends(130)

    def test_a_link_that_goes_down_ends_both_sides_in_time(self):
        peer = Peer(self, listen="10.77.0.2:0", prefix=self.within(1))
        process = self.begin("two_ended.steps", "--duration", "60s", "--deadline", "2s", peer=peer,
                             prefix=self.within(0))
        peer.wait_for("session with")
        time.sleep(1)
        began = time.monotonic()
        self.inside(1, "ip", "link", "set", "right", "down")
        ended = self.finish(process)
        self.assertEqual(ended.code, 3, ended.err)
        self.assertRegex(ended.measurement["reason"], r"the connection to .* was lost")
        self.assertRegex(peer.ends(0), "the connection to the host that asked was lost")
        self.assertLess(time.monotonic() - began, 25)

    def test_a_host_that_does_not_answer_at_all_is_given_up(self):
        self.inside(0, "ip", "neigh", "add", "10.77.0.9", "lladdr", "02:00:00:00:00:09", "dev", "left")
        (self.folder / "token").write_text("A" * 42 + "A\n")
        ended = self.finish(self.start("measure", "two_ended.steps", "--peer", "10.77.0.9:7411", "--token-file", "token",
                                       "--json", "-", prefix=self.within(0)))
        self.assertEqual(ended.code, 3, ended.err)
        self.assertIn("10.77.0.9:7411 cannot be reached: Connection timed out", ended.err)
        self.assertLess(ended.seconds, 15)


class Door(PeerTest):
    """Who is let in."""

    def test_a_wrong_token_is_refused_slowly_and_without_detail(self):
        peer = Peer(self)
        (self.folder / "wrong").write_text("A" * 43)
        ended = self.finish(self.start("measure", "two_ended.steps", "--peer", peer.address, "--token-file", "wrong"))
        self.assertEqual(ended.code, 2, ended.err)
        self.assertRegex(ended.err, r"error: the peer \S+ refused the token\n  hint: ")
        self.assertGreater(ended.seconds, 1)
        peer.wait_for("127.0.0.1:.* gave a wrong token")
        # The right one is still good.
        self.assertPairs(peer)
        peer.ends()

    def test_guessing_ends_the_peer(self):
        peer = Peer(self)
        (self.folder / "wrong").write_text("A" * 43)
        guesses = [self.start("measure", "two_ended.steps", "--peer", peer.address, "--token-file", "wrong")
                   for _ in range(5)]
        self.assertEqual([self.finish(guess).code for guess in guesses][:4].count(0), 0)
        self.assertIn("5 wrong tokens were given", peer.ends(2))

    def test_a_token_is_good_for_one_session(self):
        peer = Peer(self, "--sessions", 2)
        first = peer.token.read_text()
        self.assertPairs(peer)
        peer.wait_for(r"(?s)the session is over.*token in")
        self.assertNotEqual(peer.token.read_text(), first)
        (self.folder / "old").write_text(first)
        again = self.finish(self.start("measure", "two_ended.steps", "--peer", peer.address, "--token-file", "old"))
        self.assertEqual(again.code, 2, again.err)
        self.assertPairs(peer)
        peer.ends()

    def test_a_token_by_the_environment(self):
        peer = Peer(self)
        ended = self.finish(self.start("measure", "two_ended.steps", *GOOD, "--peer", peer.address,
                                       MILLRACE_TOKEN=peer.token.read_text()))
        self.assertEqual(ended.code, 0, ended.err)
        peer.ends()

    def test_a_second_session_is_politely_refused_while_one_is_on(self):
        peer = Peer(self)
        process = self.begin("two_ended.steps", "--duration", "3s", "--target", 0, peer=peer)
        peer.wait_for("session with")
        ended = self.finish(self.start("measure", "two_ended.steps", "--peer", peer.address, "--token-file", peer.token,
                                       MILLRACE_TOKEN="A" * 43) if peer.token.exists() else
                            self.start("measure", "two_ended.steps", "--peer", peer.address, MILLRACE_TOKEN="A" * 43))
        self.assertEqual(ended.code, 3, ended.err)
        self.assertIn(f"the peer {peer.address} serves another session", ended.err)
        self.assertLess(ended.seconds, 5)
        self.assertEqual(self.finish(process).code, 0)
        peer.ends()

    def test_the_tokens_file_is_for_its_owner_alone_and_goes_away(self):
        peer = Peer(self)
        self.assertEqual(stat.S_IMODE(peer.token.stat().st_mode), 0o600)
        self.assertRegex(peer.token.read_text(), r"^[A-Za-z0-9_-]{43}\n$")
        self.assertNotIn(peer.token.read_text().strip(), peer.text)
        self.assertNotIn(peer.token.read_text().strip(),
                         pathlib.Path(f"/proc/{peer.process.pid}/cmdline").read_text())
        peer.process.send_signal(signal.SIGINT)
        peer.ends(130)
        self.assertFalse(peer.token.exists())

    def test_a_file_with_something_else_is_not_overwritten_by_a_token(self):
        (self.folder / "precious").write_text("precious")
        self.refused("peer", "--listen", "127.0.0.1:0", "--token-file", "precious", what="something else than a token",
                     hint="does not exist")
        self.assertEqual((self.folder / "precious").read_text(), "precious")

    def test_a_token_is_printed_where_no_file_is_named(self):
        process = self.start("peer", "--listen", "127.0.0.1:0", "--idle", "1s")
        ended = self.finish(process)
        self.assertEqual(ended.code, 0, ended.err)
        self.assertRegex(ended.out, r"^listening on 127\.0\.0\.1:\d+\ntoken [A-Za-z0-9_-]{43}\nnobody came within 1 s\n$")

    def test_garbage_is_sent_away_and_the_peer_goes_on(self):
        peer = Peer(self)
        for junk in (b"GET / HTTP/1.1\r\n\r\n", os.urandom(4096), b"\0" * 200, hello(magic=b"MILLRACF"),
                     hello() + os.urandom(56), hello()[:48], hello()[:47], hello()[:48] + b"\0" * 64 + os.urandom(56)):
            with peer.connect() as connection, contextlib.suppress(OSError):  # it may have hung up already
                connection.sendall(junk)
                connection.shutdown(socket.SHUT_WR)
                while connection.recv(4096):
                    pass
        self.assertPairs(peer)
        self.assertNotIn("HTTP", peer.ends())

    def test_those_who_say_nothing_do_not_keep_others_out_and_are_sent_away(self):
        peer = Peer(self)
        began = time.monotonic()
        silent = [peer.connect() for _ in range(5)]
        slow = peer.connect()
        self.assertPairs(peer)
        for connection in silent:
            with contextlib.suppress(ConnectionError):
                self.assertEqual(connection.recv(1), b"")
            connection.close()
        slow.close()
        peer.ends()
        self.assertLess(time.monotonic() - began, 15)

    def test_one_who_speaks_a_byte_at_a_time_is_sent_away_in_time(self):
        peer = Peer(self)
        began = time.monotonic()
        with peer.connect() as connection:
            with contextlib.suppress(ConnectionError):
                for byte in hello():
                    connection.sendall(bytes([byte]))
                    connection.settimeout(0.2)
                    try:
                        if connection.recv(1) == b"":
                            break
                    except TimeoutError:
                        pass
        self.assertLess(time.monotonic() - began, 10)
        peer.process.send_signal(signal.SIGINT)
        peer.ends(130)

    def test_more_callers_than_there_is_room_for_do_no_harm(self):
        peer = Peer(self)
        crowd = [peer.connect() for _ in range(40)]
        self.assertPairs(peer)
        for connection in crowd:
            connection.close()
        peer.ends()

    def test_a_caller_of_another_protocol_is_told_both_versions(self):
        peer = Peer(self)
        with peer.connect() as connection:
            connection.sendall(hello(protocol=7)[:48])
            answer = connection.recv(112, socket.MSG_WAITALL)
            self.assertEqual(answer[:8], b"MILLRACE")
            self.assertEqual(struct.unpack("<II", answer[8:16]), (PROTOCOL, 2))
            self.assertEqual(connection.recv(1), b"")
        peer.wait_for(rf"it speaks protocol 7 \(millrace 9\.9\.9\), this one protocol {PROTOCOL} \(millrace \d")
        peer.process.send_signal(signal.SIGINT)
        peer.ends(130)

    def listener(self, answer, hold=0.0):
        """Something else that listens, says this once it is spoken to, and closes."""
        server = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(server.close)

        def serve():
            with contextlib.suppress(OSError):
                connection, _ = server.accept()
                with connection:
                    connection.recv(112)
                    connection.sendall(answer)
                    time.sleep(hold)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        self.addCleanup(thread.join, 20)
        return f"127.0.0.1:{server.getsockname()[1]}"

    def against(self, address, what, code=3):
        ended = self.finish(self.start("measure", "two_ended.steps", "--peer", address, "--json", "-",
                                       MILLRACE_TOKEN="A" * 43))
        self.assertEqual(ended.code, code, ended.err)
        self.assertRegex(ended.err, what)
        self.assertLess(ended.seconds, 15)
        if code == 3:
            self.assertEqual(ended.measurement["status"], "skipped")
            self.assertRegex(ended.measurement["reason"], what)
        return ended

    def test_a_peer_of_another_protocol_is_named_with_both_versions(self):
        self.against(self.listener(hello(protocol=7, answer=2)),
                     rf"speaks protocol 7 \(millrace 9\.9\.9\), this one protocol {PROTOCOL} \(millrace \d")

    def test_what_is_no_peer_is_said_to_be_none(self):
        self.against(self.listener(b"HTTP/1.1 400 Bad Request\r\n\r\n" * 10), "does not answer as a peer of Millrace")

    def test_what_closes_at_once_is_said_to_be_no_peer(self):
        self.against(self.listener(b""), "does not answer as a peer of Millrace")

    def test_what_never_answers_is_given_up(self):
        self.against(self.listener(b"", hold=14), "does not answer as a peer of Millrace")

    def test_what_says_yes_without_knowing_the_token_is_not_trusted(self):
        self.against(self.listener(hello()[:16] + b"9".ljust(32, b"\0") + os.urandom(64) + b"\1" + os.urandom(56)),
                     "does not know the token")

    def test_a_port_where_nobody_listens(self):
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]
        self.against(f"127.0.0.1:{port}", "cannot be reached: Connection refused")


class Faults(PeerTest):
    def failed(self, *arguments, reason, said="", status="failed", code=3, patience=10, peer_code=0):
        peer = Peer(self)
        ended = self.pair("two_ended.steps", *arguments, *SHORT, peer=peer)
        self.assertEqual(ended.code, code, ended.err)
        if code == 3:
            self.assertEqual(ended.measurement["status"], status)
            self.assertRegex(ended.measurement["reason"], reason)
        else:
            self.assertRegex(ended.err, reason)
        self.assertLess(ended.seconds, patience)
        self.assertRegex(peer.ends(peer_code), said)
        return ended

    def test_a_failure_over_there_comes_here_with_its_host(self):
        for phase in ("open", "run", "close"):
            ended = self.failed("--deed", "fail", "--phase", phase, reason=r"on \S+ \(127\S+\): the flux capacitor is cold",
                                said="the flux capacitor is cold")
            self.assertEqual(ended.measurement["hint"], "warm it")

    def test_a_failure_here_is_told_over_there(self):
        for phase in ("open", "run", "close"):
            self.failed("--deed", "fail", "--phase", phase, "--on-host", 0, reason="^the flux capacitor is cold",
                        said="stopped by the host that asked: the flux capacitor|repeat 1: ok")

    def test_an_end_that_waits_for_one_that_failed_is_told_that_it_has(self):
        peer = Peer(self)
        ended = self.pair("two_ended.steady", "--lingers", "--deed", "fail", "--on-host", 0, "--duration", "30s", "--target", 0,
                          peer=peer)
        self.assertEqual(ended.measurement["reason"], "the flux capacitor is cold")
        self.assertLess(ended.seconds, 5)  # what the core leaves those that must be ended
        said = peer.ends()
        self.assertIn("stopped by the host that asked: the flux capacitor is cold", said)
        self.assertNotIn("did not end", said)

    def test_a_failure_to_describe_over_there_is_the_users_to_mend(self):
        self.failed("--deed", "fail", "--phase", "describe", reason=r"error: on \S+ \(127\S+\): .*flux capacitor is cold",
                    code=2, said="flux capacitor")

    def test_what_is_unavailable_over_there_is_skipped(self):
        for phase in ("describe", "open"):
            self.failed("--deed", "unavailable", "--phase", phase, status="skipped",
                        reason=r"on \S+ \(127\S+\): .*there is no flux capacitor here", said="no flux capacitor")

    def test_a_crash_over_there_is_named(self):
        for phase in ("describe", "open", "run", "close"):
            self.failed("--deed", "crash", "--phase", phase, reason=r"on \S+ \(127\S+\): .*crashed \(SIGSEGV\)",
                        said="SIGSEGV")

    def test_a_crash_here_ends_the_workers_over_there(self):
        self.failed("--deed", "crash", "--on-host", 0, "--ranks", 2, reason=r"^two_ended.steps: the worker crashed",
                    said="stopped by the host that asked: two_ended.steps: the worker crashed")

    def test_a_hang_over_there_is_ended_at_the_deadline(self):
        for phase, what in (("describe", "did not answer within 2 s"), ("open", "not set up within 2 s"),
                            ("run", "did not end after the measuring"), ("close", "did not end after the measuring")):
            self.failed("--deed", "hang", "--phase", phase, reason=rf"on \S+ \(127\S+\): .*{what}", said=what, patience=15)

    def test_a_hang_here_is_ended_at_the_deadline(self):
        self.failed("--deed", "hang", "--phase", "open", "--on-host", 0, reason="^it was not set up within 2 s",
                    said="stopped by the host that asked: it was not set up within 2 s", patience=15)

    def test_a_module_that_is_missing_over_there_is_named(self):
        peer = Peer(self, modules=None)
        ended = self.pair("two_ended.steps", *SHORT, peer=peer)
        self.assertIn(ended.code, (2, 3))
        self.assertRegex(ended.err, r"on \S+ \(127\S+\): there is no probe 'two_ended.steps'")
        self.assertIn("there is no probe", peer.ends())

    def test_a_probe_that_is_given_paths_is_refused_by_the_peer(self):
        peer = Peer(self)
        ended = self.pair("two_ended.file", "--path", self.folder, *SHORT, peer=peer)
        self.assertEqual(ended.code, 3, ended.err)
        self.assertRegex(ended.measurement["reason"], r"takes a path \(--path\), and a peer touches no files")
        self.assertIn("refused: two_ended.file takes a path", peer.ends())

    def test_a_storage_probe_is_refused_by_the_peer(self):
        peer = Peer(self)
        ended = self.pair("storage.read", "--path", self.folder, *SHORT, peer=peer)
        self.assertEqual(ended.code, 3, ended.err)
        self.assertRegex(ended.measurement["reason"], "a peer touches no files for another host")
        peer.ends()

    def test_a_file_that_a_probe_would_make_over_there_is_refused(self):
        self.failed("--deed", "write", "--phase", "open", reason="a peer makes no files for another host",
                    said="may not be created")
        self.assertFalse(os.path.exists("/tmp/millrace-two-ended"))

    def test_an_address_that_the_peer_did_not_allow_is_not_used_there(self):
        for probe, parameter in (("tcp.stream", "peer-address"), ("tcp.latency", "address"), ("gloo.all_reduce", "peer-address")):
            peer = Peer(self, "--allow-address", "127.0.0.3")
            ended = self.pair(probe, f"--{parameter}", "127.0.0.2", *SHORT, peer=peer)
            self.assertEqual(ended.code, 3, ended.err)
            self.assertRegex(ended.measurement["reason"], rf"on \S+ \(127\S+\): --{parameter} 127.0.0.2 is neither an address of "
                             "the session nor one that this peer allows")
            self.assertIn("--allow-address 127.0.0.2", ended.measurement["hint"])
            self.assertRegex(peer.ends(), f"refused: --{parameter} 127.0.0.2 is neither")

    def test_an_address_that_the_peer_allowed_is_used_there(self):
        peer = Peer(self, "--allow-address", "127.0.0.2", "--allow-address", "::1")
        ended = self.pair("tcp.stream", "--peer-address", "127.0.0.2", *GOOD, peer=peer)
        self.assertEqual(ended.code, 0, ended.err + ended.out + peer.text)
        self.assertTrue(ended.measurement["verified"])

    def test_an_address_of_a_network_that_the_peer_allowed_is_used_there(self):
        peer = Peer(self, "--allow-address", "127.0.2.0/24")
        ended = self.pair("tcp.stream", "--peer-address", "127.0.2.77", *GOOD, peer=peer)
        self.assertEqual(ended.code, 0, ended.err + ended.out + peer.text)
        for command in (("measure", "tcp.stream"), ("run",)):
            self.refused(*command, "--peer", "127.0.0.1:1", "--allow-address", "10.0.0.0/33", what="--allow-address: '10.0.0.0/33' is no ")
            self.refused(*command, "--allow-address", "10.0.0.0/8", what="--allow-address is given without --peer")
        self.refused("peer", "--listen", "127.0.0.1:0", "--allow-address", "127.0.0.0/0", what="--allow-address: '127.0.0.0/0' is no "
                     "network", hint="10.1.0.0/16")

    def test_a_third_host_is_dealt_with_only_where_it_was_allowed(self):
        """Each rank of Gloo's connects to all others: to the third host's address, which only the one that asks knows."""
        for allowed, code in (((), 3), (("127.0.0.2", "127.0.0.3"), 0)):
            peers = [Peer(self, *(word for address in allowed for word in ("--allow-address", address)),
                          listen=f"127.0.0.{number}:0", name=f"peer{number}-{code}") for number in (2, 3)]
            ended = self.pair("gloo.all_reduce", "--ranks", 1, "--size", "4KiB", *GOOD, peer=peers)
            self.assertEqual(ended.code, code, ended.err + ended.out)
            if code == 0:
                self.assertEqual(len(ended.measurement["participants"]), 3)
                self.assertTrue(ended.measurement["verified"])
            else:
                self.assertRegex(ended.measurement["reason"], "did not agree to deal with host [12] of this measurement")
                self.assertIn("--allow-address", ended.measurement["hint"])
            for peer in peers:
                peer.ends()

    def test_a_peer_listens_at_no_other_ports_than_those_that_it_was_given(self):
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            ended = self.pair("tcp.stream", *SHORT, peer=(peer := Peer(self, "--ports", f"{port}-{port}")))
            self.assertEqual(ended.code, 3, ended.err)
            self.assertRegex(ended.measurement["reason"], f"no port from {port} to {port} is free on 127.0.0.1")
            peer.ends()
            ended = self.pair("tcp.stream", "--port", port - 1, *SHORT, peer=(peer := Peer(self, "--ports", f"{port}-{port + 9}")))
            self.assertEqual(ended.code, 3, ended.err)
            self.assertRegex(ended.measurement["reason"], f"--port {port - 1} is none of the ports")
            peer.ends()
            ended = self.pair("tcp.stream", *GOOD, peer=Peer(self, "--ports", f"{port}-{min(port + 30, 65535)}"))
            self.assertEqual(ended.code, 0, ended.err + ended.out)
        for wrong in ("0", "7520-7500", "any"):
            self.refused("peer", "--listen", "127.0.0.1:0", "--ports", wrong, what=f"--ports: '{wrong}' is no range of ports",
                         hint="7500-7520")

    def test_every_address_of_a_host_is_no_address(self):
        for wildcard in ("0.0.0.0", "::", "::ffff:0.0.0.0"):
            self.refused("measure", "tcp.stream", "--peer-address", wildcard, what="is every address of a host", hint="ip address")
            self.refused("peer", "--listen", "127.0.0.1:0", "--allow-address", wildcard, what="is every address of a host",
                         hint="ip address")

    def test_a_peer_on_every_address_does_not_say_that_it_is_reached_there(self):
        self.assertRegex(Peer(self, listen="0.0.0.0:0").wait_for(r"on the other host: .*"), "--peer ADDRESS:[0-9]+ ")

    def test_what_was_mistyped_costs_no_session(self):
        peer = Peer(self)
        for arguments, what in ((("--rank", 2), "did you mean --ranks"), (("--ranks", 65), "out of bounds"),
                                (("--meet", "barier"), "did you mean 'barrier'"), (("--deadline", "soon"), "--deadline: ")):
            ended = self.pair("two_ended.steps", *arguments, peer=peer)
            self.assertEqual(ended.code, 2)
            self.assertIn(what, ended.err)
        ended = self.pair("two_stroke.steps", peer=peer)
        self.assertEqual(ended.code, 2, ended.err)
        self.assertNotIn("session", peer.text)
        self.assertPairs(peer)


class Ends(PeerTest):
    """One side ends in the middle."""

    def running(self, *arguments, duration="60s"):
        peer = Peer(self)
        process = self.begin("two_ended.steps", "--ranks", 2, "--duration", duration, "--target", 0, "--deadline", "2s",
                             *arguments, peer=peer)
        deadline = time.monotonic() + 20
        while len(children_of(peer.process.pid)) < 2 or len(children_of(process.pid)) < 2:
            self.assertLess(time.monotonic(), deadline, "the workers do not start")
            time.sleep(0.02)
        time.sleep(0.3)
        return peer, process, children_of(peer.process.pid)

    def assertGone(self, workers, patience=10):
        deadline = time.monotonic() + patience
        while any(is_alive(pid) for pid in workers):
            self.assertLess(time.monotonic(), deadline, "workers are left")
            time.sleep(0.02)

    def test_a_peer_that_is_killed_fails_the_measurement(self):
        peer, process, workers = self.running()
        began = time.monotonic()
        peer.process.kill()
        ended = self.finish(process)
        self.assertEqual(ended.code, 3, ended.err)
        self.assertRegex(ended.measurement["reason"], r"the connection to \S+ \(127\S+\) was lost: ")
        self.assertIn("did `millrace peer`", ended.measurement["hint"])
        self.assertLess(time.monotonic() - began, 10)
        self.assertGone(workers)
        peer.process.wait()

    def test_a_killed_measurement_ends_the_peers_workers(self):
        peer, process, workers = self.running()
        process.kill()
        process.communicate()
        self.assertGone(workers)
        self.assertRegex(peer.ends(0, patience=12), "failed: the connection to the host that asked was lost")

    def test_an_interrupted_measurement_tells_the_peer(self):
        peer, process, workers = self.running()
        process.send_signal(signal.SIGINT)
        ended = self.finish(process)
        self.assertEqual(ended.code, 130)
        self.assertLess(ended.seconds, 15)
        self.assertIn("stopped by the host that asked: it was interrupted", peer.ends())
        self.assertGone(workers)

    def test_an_interrupted_peer_fails_the_measurement(self):
        peer, process, workers = self.running()
        peer.process.send_signal(signal.SIGINT)
        ended = self.finish(process)
        self.assertEqual(ended.code, 3, ended.err)
        self.assertRegex(ended.measurement["reason"], r"on \S+ \(127\S+\): it was interrupted there")
        peer.ends(130)
        self.assertGone(workers)

    def test_a_peer_that_is_frozen_is_given_up(self):
        peer, process, workers = self.running()
        began = time.monotonic()
        peer.process.send_signal(signal.SIGSTOP)
        ended = self.finish(process)
        self.assertEqual(ended.code, 3, ended.err)
        self.assertRegex(ended.measurement["reason"], "nothing came from it for 10 s")
        self.assertLess(time.monotonic() - began, 25)
        peer.process.send_signal(signal.SIGCONT)
        self.assertRegex(peer.ends(0, patience=12), "was lost")
        self.assertGone(workers)

    def test_a_measurement_that_is_frozen_is_given_up(self):
        peer, process, workers = self.running()
        process.send_signal(signal.SIGSTOP)
        said = peer.ends(0, patience=25)
        self.assertRegex(said, "was lost: nothing came from it for 10 s")
        self.assertGone(workers)
        process.send_signal(signal.SIGCONT)
        self.assertEqual(self.finish(process).code, 3)

    def test_a_byte_that_is_changed_on_the_way_ends_both_sides(self):
        for backwards in (False, True):
            with self.subTest(backwards=backwards):
                self.tampered(backwards)

    def tampered(self, backwards):
        peer = Peer(self, name=f"peer{backwards}")
        host, port = peer.address.split(":")
        server = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(server.close)

        def forward(source, sink, spoil_after):
            passed = 0
            with contextlib.suppress(OSError):
                while data := source.recv(65536):
                    if spoil_after is not None and passed <= spoil_after < passed + len(data):
                        at = spoil_after - passed
                        data = data[:at] + bytes([data[at] ^ 1]) + data[at + 1:]
                    passed += len(data)
                    sink.sendall(data)
            for end in (source, sink):
                with contextlib.suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)

        def relay():
            inner, _ = server.accept()
            outer = socket.create_connection((host, int(port)))
            threads = [threading.Thread(target=forward, args=(inner, outer, None if backwards else 200), daemon=True),
                       threading.Thread(target=forward, args=(outer, inner, 250 if backwards else None), daemon=True)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            inner.close()
            outer.close()

        thread = threading.Thread(target=relay, daemon=True)
        thread.start()
        ended = self.finish(self.start("measure", "two_ended.steps", *SHORT, "--peer",
                                       f"127.0.0.1:{server.getsockname()[1]}", "--token-file", peer.token))
        self.assertEqual(ended.code, 3, ended.err)
        self.assertRegex(ended.err, "was lost")
        self.assertLess(ended.seconds, 15)
        self.assertRegex(peer.ends(), "the connection was lost|the session is over")
        thread.join(10)
        self.assertFalse(thread.is_alive())

    def test_an_idle_peer_ends_by_itself(self):
        began = time.monotonic()
        peer = Peer(self, "--idle", "1s")
        self.assertIn("nobody came within 1 s", peer.ends(0, patience=10))
        self.assertLess(time.monotonic() - began, 10)
        self.assertFalse(peer.token.exists())


class Usage(PeerTest):
    def test_a_peer_without_a_token_is_told_where_to_give_it(self):
        self.refused("measure", "two_ended.steps", "--peer", "127.0.0.1:1", what="needs the token", hint="MILLRACE_TOKEN")

    def test_a_token_without_a_peer_is_odd(self):
        (self.folder / "token").write_text("A" * 43)
        self.refused("measure", "two_ended.steps", "--token-file", "token", what="without --peer", hint="--peer")

    def test_what_is_no_token_is_said_to_be_none(self):
        for text in ("", "secret", "A" * 44, "A" * 42 + "!"):
            (self.folder / "token").write_text(text)
            self.refused("measure", "two_ended.steps", "--peer", "127.0.0.1:1", "--token-file", "token",
                         what="token", hint="millrace peer")
        self.refused("measure", "two_ended.steps", "--peer", "127.0.0.1:1", "--token-file", "missing",
                     what="missing: No such file")

    def test_as_many_tokens_as_peers_are_wanted(self):
        (self.folder / "token").write_text("A" * 43)
        self.refused("measure", "two_ended.steps", "--peer", "127.0.0.1:1", "--peer", "127.0.0.1:2", "--token-file",
                     "token", what="2 peers are given, and 1 token", hint="one token a peer")

    def test_an_address_without_a_port_or_with_none_is_refused(self):
        for address, what in (("127.0.0.1", "has no port"), ("127.0.0.1:x", "is no port"), ("::1:7", "in brackets"),
                              ("127.0.0.1:99999", "is no port"), (":7", "has no port"), ("[]:7", "has no address")):
            self.refused("peer", "--listen", address, what=what, hint="ADDRESS:PORT")
            self.refused("measure", "two_ended.steps", "--peer", address, what=what, hint="ADDRESS:PORT",
                         MILLRACE_TOKEN="A" * 43)

    def test_a_peer_listens_on_an_address_of_this_host_only(self):
        self.refused("peer", "--listen", "192.0.2.1:0", what="Cannot assign requested address", hint="ip address")
        self.refused("peer", "--listen", "localhost:0", what="localhost", hint="numeric")

    def test_a_port_that_is_taken_is_said_to_be(self):
        with socket.create_server(("127.0.0.1", 0)) as server:
            self.refused("peer", "--listen", f"127.0.0.1:{server.getsockname()[1]}", what="Address already in use",
                         hint="port 0")


if __name__ == "__main__":
    main()
