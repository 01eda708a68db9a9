# SPDX-License-Identifier: Apache-2.0
"""`millrace run --peer` between two hosts that have RDMA: the cable by both ways, and a verdict that names it."""
import json
import pathlib
import tempfile
import unittest

import rdma_test as rdma
import verdicts_test as verdicts
from rack_host import HOST, address, millrace

LIMIT_S = 200
MEGABITS = 40
# Of a full packet's bytes on the cable, those that are the user's: soft-RoCE's path MTU is 1024; TCP's segments carry 1448
# of 1514.
SHARES = {"rdma.read": 1024 / 1082, "rdma.write": 1024 / 1082, "tcp.stream": 1448 / 1514}


class LinkRunTest(unittest.TestCase):
    setUp = rdma.RdmaTest.setUp

    def test_a_capped_cable_is_measured_by_rdma_and_tcp_and_starves_what_reads_over_it(self):
        rdma.cap(MEGABITS)
        self.addCleanup(rdma.shell, "tc qdisc del dev eth0 root 2>/dev/null || true")
        rdma.serve()
        if HOST == 1:
            return rdma.step()
        rdma.fresh_token()
        with verdicts.file_system_on(2) as point, tempfile.TemporaryDirectory() as work:
            verdicts.write_data_set(point, files=16)
            profile, result = pathlib.Path(work, "rack.json"), pathlib.Path(work, "result.json")
            profile.write_text(json.dumps(verdicts.workload(10 * verdicts.MB)))
            ended = millrace("run", "--dataset", point, "--for", profile, "--budget", "12s", "--repeats", 1, "--json", result,
                             "--peer", f"{address(1)}:7411", "--token-file", rdma.TOKEN, "--peer-is", "storage", patience_s=150)
            rdma.step()
            self.assertEqual(ended.returncode, 0)
            document = json.loads(result.read_text())
        alone = {}
        for m in document["measurements"]:
            if m["probe"] in SHARES and not m["concurrent_with"]:
                self.assertEqual(m["status"], "ok", m["reason"])
                alone.setdefault(m["probe"], []).append(m["throughput_bytes_per_s"]["mean"])
        print(alone, flush=True)
        self.assertEqual(set(alone), set(SHARES))
        for probe, rates in alone.items():
            for rate in rates:
                self.assertLess(abs(rate / (MEGABITS / 8 * 1e6 * SHARES[probe]) - 1), 0.06, probe)
        diagnosis = document["diagnoses"][0]
        self.assertEqual(diagnosis["verdict"], "starved")
        self.assertEqual([b["kind"] for b in diagnosis["bottlenecks"]], ["network"])
