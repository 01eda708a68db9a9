# SPDX-License-Identifier: Apache-2.0
"""Faults of TCP links between two network namespaces, each a hundred times over ($MILLRACE_SOAK says otherwise): every time
both sides end in time with a reason, and no process, socket or, under the address sanitizer, memory is left."""
import os
import secrets
import signal
import subprocess

from command_line import main
from tcp_test import TwoNamespaces as TcpPair, workers_of

TIMES = int(os.environ.get("MILLRACE_SOAK", "100"))
LEAKS = {"ASAN_OPTIONS": "handle_segv=0:handle_abort=0:detect_leaks=1", "LSAN_OPTIONS": "exitcode=99"}


class Soak(TcpPair):
    def setUp(self):
        super().setUp()
        # After what environment() says of sanitizers, so that this one decides.
        os.environ["ASAN_OPTIONS"] = LEAKS["ASAN_OPTIONS"]
        os.environ["LSAN_OPTIONS"] = LEAKS["LSAN_OPTIONS"]

    def over_and_over(self, fault):
        for time in range(TIMES):
            with self.subTest(time=time):
                fault()
                self.assertNoneLeft()
                for side in (self.near, self.far):
                    left = subprocess.run([*side.prefix(), "ss", "--tcp", "--listening", "--processes", "--no-header"],
                                          capture_output=True, text=True, check=True).stdout
                    self.assertEqual(left, "")

    def clean(self, *ended):
        for each in ended:
            self.assertNotIn("Sanitizer", each.err)
            self.assertNotIn("runtime error", each.err)
            self.assertNotEqual(each.code, 99, each.err)

    def asks(self, where, token, *arguments, patience=60):
        """Exit 3 or 2 with a reason, on this side alone."""
        ended = self.finish(self.start("measure", "tcp.stream", "--duration", "200ms", "--peer", where, "--quiet", *arguments,
                                       prefix=self.near.prefix(), MILLRACE_TOKEN=token), patience=patience)
        self.clean(ended)
        self.assertIn(ended.code, (2, 3), ended.err)
        self.assertIn("millrace: error: ", ended.err + ended.out)
        return ended

    def end_peer(self, peer):
        peer.send_signal(signal.SIGTERM)
        ended = self.finish(peer)
        self.clean(ended)
        return ended

    def test_nobody_listens(self):
        self.over_and_over(lambda: self.asks(f"{self.far.address}:7411", secrets.token_urlsafe(32)))

    def test_a_wrong_token(self):
        def fault():
            peer, where, _ = self.start_peer()
            ended = self.asks(where, secrets.token_urlsafe(32))
            self.assertIn("token", ended.err)
            self.end_peer(peer)
        self.over_and_over(fault)

    def over_there(self, port, then):
        """A program of the other host that listens there."""
        program = subprocess.Popen([*self.far.prefix(), "python3", "-c", f"""
import socket, time
with socket.create_server(("{self.far.address}", {port})) as server:
    print("ready", flush=True)
    while True: {then}
"""], stdout=subprocess.PIPE, text=True)
        self.addCleanup(program.communicate)
        self.addCleanup(program.kill)
        self.assertEqual(program.stdout.readline(), "ready\n")

    def test_another_protocol(self):
        """What answers speaks something else."""
        self.over_there(7412, 'server.accept()[0].sendall(b"SSH-2.0-something\\r\\n")')
        for time in range(TIMES):
            with self.subTest(time=time):
                ended = self.asks(f"{self.far.address}:7412", secrets.token_urlsafe(32))
                self.assertIn("does not answer as a peer of Millrace", ended.err)

    def test_a_port_that_is_taken(self):
        """Of the probe's own traffic."""
        self.over_there(7413, "time.sleep(1)")
        for time in range(TIMES):
            with self.subTest(time=time):
                ended, at_peer = self.finished(self.start_pair("tcp.stream", "--port", 7413, "--duration", "200ms"))
                self.clean(ended, at_peer)
                self.assertEqual(ended.code, 2, ended.err)
                self.assertIn("EADDRINUSE", ended.err)

    def finished(self, pair):
        peer, process = pair
        ended = self.finish(process, patience=60)
        return ended, self.finish(peer, patience=60)

    def test_a_peer_killed_in_the_middle(self):
        def harm(peer, _):
            for victim in [*workers_of(peer.pid), peer.pid]:
                os.kill(victim, signal.SIGKILL)
        self.over_and_over(lambda: self.lost(harm, "tcp.stream"))

    def test_a_worker_of_the_peer_killed_in_the_middle(self):
        self.over_and_over(
            lambda: self.lost(lambda peer, _: os.kill(workers_of(peer.pid)[0], signal.SIGKILL), "tcp.latency"))

    def test_a_cable_pulled_in_the_middle(self):
        def fault():
            try:
                self.lost(lambda *_: self.far.cut(), "tcp.stream", "--silence", "1s")
            finally:
                self.far.mend()
                self.near.forget_neighbours()
        self.over_and_over(fault)

    def test_a_host_that_cannot_be_reached(self):
        self.far.cut()
        self.over_and_over(lambda: self.asks(f"{self.far.address}:7411", secrets.token_urlsafe(32)))

    def test_an_interrupted_measurement(self):
        def fault():
            peer, process = self.start_pair("tcp.stream", "--duration", "60s")
            self.wait_for_workers(peer, process)
            process.send_signal(signal.SIGINT)
            ended, at_peer = self.finished((peer, process))
            self.clean(ended, at_peer)
            self.assertEqual(ended.code, 130, ended.err)
        self.over_and_over(fault)


if __name__ == "__main__":
    main()
