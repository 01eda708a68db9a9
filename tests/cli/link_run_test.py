# SPDX-License-Identifier: Apache-2.0
"""The main job with a peer: the link between two hosts, which are network namespaces, alone and beside the storage."""
import json
import time

from command_line import CommandTest, main
from namespaces import two_hosts_of

CAP = 40_000_000  # bytes/s, of the cable
WORKLOAD = {
    "schema": "millrace.workload/1", "model": "linked", "description": "twice what the cable lets through",
    "source": "made by the test", "kind": "training-input",
    "input": {"record_bytes": 500_000, "batch_samples": 8, "prep": "none", "read_threads": 2, "prep_threads": 1,
              "prefetch_batches": 2},
    "utilization_wanted": 0.9, "accelerators": {"any": {"compute_s": 0.05}}}
LOST = "the connection to .* was lost"


class LinkRun(CommandTest):
    def setUp(self):
        super().setUp()
        self.near, self.far = two_hosts_of(self)
        (self.folder / "store").mkdir()
        (self.folder / "linked.json").write_text(json.dumps(WORKLOAD))

    def start_peer(self, *arguments):
        peer = self.start("peer", "--listen", f"{self.far.address}:0", "--token-file", "token", *arguments,
                          prefix=self.far.prefix())
        self.addCleanup(peer.stdout.close)
        lines = [peer.stdout.readline().split() for _ in range(2)]
        self.assertEqual([line[0] for line in lines], ["listening", "token"])
        return peer, ("--peer", lines[0][-1], "--token-file", "token")

    def start_run(self, *arguments):
        return self.start("run", "--path", "store", "--for", "linked.json", "--repeats", 1, "--size-cap", "256MiB", "--json", "r.json",
                          *arguments,
                          prefix=self.near.prefix())

    def document(self):
        self.assertSatisfiesSchema(self.folder / "r.json")
        return json.loads((self.folder / "r.json").read_text())

    def test_the_link_is_measured_alone_and_beside_the_storage_and_starves_what_reads_over_it(self):
        self.near.cap(8 * CAP)
        self.far.cap(8 * CAP)
        # What is measured before it takes longer than the peer waits for somebody who says nothing.
        peer, flags = self.start_peer("--idle", "2s")
        ended = self.finish(self.start_run("--budget", "7s", *flags, "--peer-is", "storage"))
        self.assertEqual(ended.code, 0, ended.err)
        self.assertRegex(ended.out, r"Link to .*\n.*\n  m\d+ tcp.stream, receive +3\d(\.\d+)? MB/s")
        at_peer = self.finish(peer)
        self.assertEqual(at_peer.code, 0, at_peer.err)
        self.assertEqual(at_peer.out.count("session with"), 1)
        document = self.document()
        self.assertEqual([m["reason"] for m in document["measurements"] if m["status"] != "ok"], [])
        self.assertEqual(len(document["hosts"]), 2)
        self.assertIn("clock_offset_s", document["hosts"][1])
        links = [m for m in document["measurements"] if m["probe"] in ("tcp.stream", "tcp.latency")]
        self.assertEqual({m["label"] for m in links}, {"storage"})
        alone = {m["parameters"].get("direction", "round trip"): m for m in links if not m["concurrent_with"]}
        self.assertEqual(set(alone), {"receive", "send", "round trip"})
        for way in ("receive", "send"):
            self.assertAlmostEqual(alone[way]["throughput_bytes_per_s"]["mean"] / CAP, 0.95, delta=0.1)
        beside = {(m["probe"], other["probe"]) for m in links for other in document["measurements"]
                  if other["id"] in m["concurrent_with"]}
        self.assertLessEqual({("tcp.stream", "storage.read"), ("tcp.stream", "ingest.pipeline")}, beside)
        by_id = {m["id"]: m["probe"] for m in document["measurements"]}
        pairs = {(by_id[pair["victim"]], by_id[pair["aggressor"]]) for pair in document["interference"]}
        self.assertLessEqual({("tcp.stream", "storage.read"), ("storage.read", "tcp.stream")}, pairs)
        verdict = document["diagnoses"][0]
        self.assertEqual(verdict["verdict"], "starved")
        self.assertEqual([b["kind"] for b in verdict["bottlenecks"]], ["network"])
        self.assertEqual(verdict["bottlenecks"][0]["evidence"], [alone["receive"]["id"]])

    def test_a_peer_that_is_lost_costs_the_link_and_nothing_else(self):
        peer, flags = self.start_peer()
        run = self.start_run("--budget", "2s", *flags)
        while "tcp.stream, repeat 1: ok" not in (line := peer.stdout.readline()):
            self.assertNotEqual(line, "", "the peer ended early")
        peer.kill()
        killed = time.monotonic()
        self.finish(peer)
        ended = self.finish(run)
        self.assertLess(time.monotonic() - killed, 30)
        document = self.document()
        self.assertEndedAsItsVerdicts(ended, document)
        self.assertRegex(ended.err, LOST + ".*: what was left to measure of the link is missing")
        self.assertTrue(document["complete"])
        diagnosis = document["diagnoses"][0]
        self.assertIsNotNone(diagnosis["measured"])  # which verdict it is, what else the machine does decides
        self.assertNotIn("network", [b["kind"] for b in diagnosis["bottlenecks"]])
        failed = [m for m in document["measurements"] if m["status"] != "ok"]
        self.assertTrue(failed)
        for m in failed:
            self.assertIn(m["probe"], ("tcp.stream", "tcp.latency"))
            self.assertRegex(m["reason"], LOST)

    def test_a_run_that_cannot_have_its_link_does_not_begin(self):
        for arguments, words in (
            (("--token-file", "token"), "--token-file is given without --peer"),
            (("--peer-is", "storage"), "--peer"),
            (("--peer", "nowhere"), "--peer: "),
            (("--peer", "127.0.0.1:1"), "--peer needs the token"),
        ):
            with self.subTest(arguments):
                ended = self.finish(self.start_run(*arguments))
                self.assertEqual(ended.code, 2, ended.err)
                self.assertIn(words, ended.err)
        (self.folder / "token").write_text(43 * "A" + "\n")
        ended = self.finish(self.start_run("--peer", "127.0.0.1:1", "--token-file", "token"))
        self.assertNotEqual(ended.code, 0)
        self.assertIn("127.0.0.1:1", ended.err)
        self.assertFalse(list(self.folder.glob("*journal*")))
        self.assertFalse((self.folder / "r.json").exists())


if __name__ == "__main__":
    main()
