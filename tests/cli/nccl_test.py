# SPDX-License-Identifier: Apache-2.0
"""Collectives between GPUs as a user drives them, on stand-in drivers: libnccl.so.2 and libcuda.so.1 that play a
machine whose NVLinks they enforce in time. It proves the plumbing, not hardware."""

from command_line import main
from namespaces import two_hosts_of
from standin import LIBRARIES, StandInTest

# nccl-tests, doc/PERFORMANCE.md
BUS_FACTOR = {"all_reduce": lambda n: 2 * (n - 1) / n, "all_gather": lambda n: (n - 1) / n,
              "reduce_scatter": lambda n: (n - 1) / n, "alltoall": lambda n: (n - 1) / n,
              "gather": lambda n: (n - 1) / n, "scatter": lambda n: (n - 1) / n,
              "broadcast": lambda n: 1, "reduce": lambda n: 1, "sendrecv": lambda n: 1}
SHORT = ("--size", "256KiB", "--region", 0, "--duration", "150ms", "--target", 0)
BRIEF = ("--size", "60000", "--region", 0, "--duration", "20ms", "--target", 0)
NVLINK = 500e6  # bytes/s of a stand-in GPU: two NVLinks


class NcclTest(StandInTest):
    module = "nccl"
    needs = ("libcuda.so.1", "libnccl.so.2")

    def fine(self, *arguments, **more):
        ended = self.measure(*arguments, **self.standins(**more))
        self.assertEqual(ended.code, 0, ended.err + ended.out)
        return ended.measurement

    def failed(self, *arguments, within=30, code=3):
        ended = self.measure(*arguments, **self.standins())
        self.assertEqual(ended.code, code, ended.err + ended.out)
        self.assertLess(ended.seconds, within)
        self.assertEqual(ended.measurement["status"], "failed")
        return ended.measurement

    def assertVerified(self, m, total):
        self.assertEqual(m["status"], "ok", m["reason"])
        self.assertIs(m["verified"], True)
        self.assertEqual(m["device"], "stand-in")
        self.assertEqual([p["rank"] for p in m["participants"]], list(range(total)))
        ratio = m["bus_bytes_per_s"]["mean"] / m["algorithm_bytes_per_s"]["mean"]
        self.assertAlmostEqual(ratio, BUS_FACTOR[m["probe"].split(".")[1]](total), places=6)


class Collectives(NcclTest):
    def test_each_collective_of_two_gpus_is_right_to_the_bit(self):
        for collective in BUS_FACTOR:
            with self.subTest(collective=collective):
                self.assertVerified(self.fine(f"nccl.{collective}", *SHORT), 2)

    def test_each_collective_in_place_and_from_another_root_is_right_to_the_bit(self):
        for collective in ("all_reduce", "all_gather", "reduce_scatter", "broadcast", "reduce", "gather", "scatter"):
            rooted = collective in ("broadcast", "reduce", "gather", "scatter")
            with self.subTest(collective=collective):
                self.assertVerified(self.fine(f"nccl.{collective}", "--in-place", "on", *SHORT,
                                              *(("--root", 1) if rooted else ())), 2)

    def test_every_type_and_operation_is_right_to_the_bit(self):
        kinds, operations = ("int8", "int32", "half", "bf16", "float", "double"), ("sum", "prod", "min", "max", "avg")
        # Every type and every operation twice over, in other company each time.
        asked = {(kinds[i % 6], operations[(i + i // 6) % 5]) for i in range(12)}
        for kind, operation in sorted(asked):
            with self.subTest(type=kind, op=operation):
                m = self.fine("nccl.all_reduce", "--type", kind, "--op", operation, *BRIEF)
                self.assertIs(m["verified"], True)

    def test_graphs_registered_buffers_and_blocking_calls_are_right_to_the_bit(self):
        for more in (("--graph", "on"), ("--buffers", "registered"), ("--blocking", "on"),
                     ("--graph", "on", "--buffers", "registered", "--in-place", "on")):
            with self.subTest(more=more):
                self.assertVerified(self.fine("nccl.all_reduce", *more, *SHORT), 2)

    def test_grouped_sends_stand_in_for_calls_of_newer_libraries(self):
        for collective in ("alltoall", "gather", "scatter"):
            with self.subTest(collective=collective):
                self.assertVerified(self.fine(f"nccl.{collective}", "--form", "grouped", *SHORT), 2)

    def without(self, *names):
        """The environment with a libnccl.so.2 that has none of these symbols, as an older one."""
        library = (LIBRARIES / "libnccl.so.2").read_bytes()
        for name in names:
            self.assertIn(b"\0" + name.encode() + b"\0", library)
            library = library.replace(b"\0" + name.encode() + b"\0", b"\0x" + name[1:].encode() + b"\0")
        (self.folder / "libnccl.so.2").write_bytes(library)
        played = self.standins()
        played["LD_LIBRARY_PATH"] = f"{self.folder}:{LIBRARIES}"
        return played

    def test_a_library_without_the_newer_calls_costs_a_parameter_and_not_the_module(self):
        ended = self.measure("nccl.alltoall", *SHORT, **self.without("ncclAlltoAll", "ncclGather", "ncclScatter"))
        self.assertEqual(ended.code, 0, ended.err)
        self.assertVerified(ended.measurement, 2)
        self.assertIn("grouped-sends", ended.measurement["flags"])
        ended = self.run_it("measure", "nccl.all_reduce", "--buffers", "registered", *SHORT,
                            **self.without("ncclCommRegister"))
        self.assertEqual(ended.code, 3, ended.err)
        self.assertIn("that came with 2.19", ended.out + ended.err)

    def test_a_result_satisfies_the_schema_and_says_that_a_stand_in_took_the_gpus_place(self):
        file = self.folder / "result.json"
        ended = self.run_it("measure", "nccl.all_reduce", *SHORT, "--json", file, **self.standins())
        self.assertEqual(ended.code, 0, ended.err)
        self.assertSatisfiesSchema(file)
        self.assertIn("stand-in", ended.out)
        self.assertRegex(ended.out, r"(?m)^  bus  ")

    def test_sizes_are_swept_in_one_document(self):
        ended = self.measure("nccl.all_reduce", "--sweep", "size=16KiB..128KiB", "--region", 0, "--duration", "100ms",
                             "--target", 0, "--repeats", 2, **self.standins())
        self.assertEqual(ended.code, 0, ended.err)
        measured = ended.document["measurements"]
        self.assertEqual([m["parameters"]["size"] for m in measured], [16 << 10, 64 << 10, 128 << 10])
        self.assertEqual([m["id"] for m in measured], ["m1", "m2", "m3"])
        for m in measured:
            self.assertVerified(m, 2)
            self.assertEqual(len(m["repeats"]), 2)
        self.refused("measure", "nccl.all_reduce", "--sweep", "size=1MiB..1KiB", what="from more to less",
                     hint="--sweep size=64KiB..64MiB", **self.standins())

    def test_gpus_are_chosen_by_index_and_by_address(self):
        self.load("eight_gpus")
        chosen = self.description["gpus"]
        m = self.fine("nccl.all_gather", "--gpus", f"5,{chosen[2]['pci']},gpu:7", *SHORT)
        self.assertVerified(m, 3)


class Rates(NcclTest):
    # An array of this size takes some milliseconds of an NVLink, beside which waking late is little.
    def bus(self, *arguments, size="4MiB"):
        m = self.fine(*arguments, "--size", size, "--region", 0, "--duration", "600ms", "--target", 0)
        return m, m["bus_bytes_per_s"]["p50"]

    def assertNear(self, rate, measure):
        """The best of three: on a busy machine a rate may be lower than the links allow, never higher."""
        for _ in range(3):
            best = measure()
            self.assertLess(best, 1.05 * rate)
            if best > 0.95 * rate:
                return
        self.fail(f"{best / 1e6:.1f} MB/s, of {rate / 1e6:.1f}")

    def test_the_bus_bandwidth_is_that_of_the_links(self):
        for collective in ("all_reduce", "all_gather", "broadcast", "sendrecv"):
            with self.subTest(collective=collective):
                self.assertNear(NVLINK, lambda name=collective: self.bus(f"nccl.{name}")[1])

    def test_of_eight_gpus_the_slowest_link_sets_the_pace(self):
        self.load("half_link")
        # Bytes are spread evenly over a GPU's links, so that the slowest one holds up the others.
        slowest = min(len(gpu["nvlinks"]) * min(link["bytes_per_s"] for link in gpu["nvlinks"])
                      for gpu in self.description["gpus"])
        self.assertEqual(slowest, NVLINK / 2)

        def verified():
            m, bus = self.bus("nccl.reduce_scatter", size="2MiB")
            self.assertVerified(m, 8)
            return bus

        self.assertNear(slowest, verified)

    def test_the_wire_rate_is_told_where_the_algorithm_is_known(self):
        m = self.fine("nccl.all_reduce", "--algorithm", "ring", *SHORT)
        wire, bus = m["metrics"]["wire_bytes_per_s"]["mean"], m["bus_bytes_per_s"]["mean"]
        self.assertAlmostEqual(wire / bus, 1, places=6)
        self.assertNotIn("wire_bytes_per_s", self.fine("nccl.all_reduce", *SHORT)["metrics"])

    def test_only_arrays_that_the_cache_holds_are_said_to_be_in_it(self):
        self.assertIn("cache-warm", self.fine("nccl.broadcast", *SHORT)["flags"])
        m = self.fine("nccl.broadcast", "--size", "4MiB", "--region", "16MiB", "--duration", "300ms")
        self.assertNotIn("cache-warm", m["flags"])
        self.assertGreaterEqual(m["metrics"]["rotation_bytes"]["max"], 16 << 20)


class Pairs(NcclTest):
    def rates(self, m):
        """The best of a pair's few transfers: on a busy machine one of the two hosts may be late to launch."""
        return {name[:-len("_bytes_per_s")]: metric["max"] for name, metric in m["metrics"].items() if "_to_" in name}

    def test_every_pair_has_its_rate(self):
        for _ in range(3):
            m = self.fine("nccl.pairs", "--size", "3MiB", "--duration", "600ms", "--target", 0)
            self.assertIs(m["verified"], True)
            rates = self.rates(m)
            self.assertEqual(set(rates), {"gpu0_to_gpu1", "gpu1_to_gpu0"})
            if all(abs(rate / NVLINK - 1) < 0.05 for rate in rates.values()):
                return
        self.fail(f"{rates}, of {NVLINK}")

    def test_of_eight_gpus_the_one_whose_link_is_at_half_is_named(self):
        self.load("half_link")
        halved = [g["index"] for g in self.description["gpus"] if sum(l["bytes_per_s"] for l in g["nvlinks"]) < NVLINK]
        self.assertEqual(len(halved), 1)

        def wrong(m):
            """What of the matrix is not as the links are, to within 5 %."""
            rates = self.rates(m)
            enforced = {name: NVLINK / 2 if f"gpu{halved[0]}" in name else NVLINK for name in rates}
            return {name: f"{rate / 1e6:.1f} MB/s" for name, rate in rates.items()
                    if abs(rate / enforced[name] - 1) >= 0.05}

        # Of three: where all the tests run at once, the hosts of some pairs may come late each time.
        for _ in range(3):
            m = self.fine("nccl.pairs", "--size", "3MiB", "--duration", "4s", "--target", 0, "--verify", "off")
            seen = len(self.rates(m)), wrong(m), {f for f in m["flags"] if f.startswith("slow: ")}
            if seen == (right := (56, {}, {f"slow: from gpu:{halved[0]}", f"slow: to gpu:{halved[0]}"})):
                break
        self.assertEqual(seen, right)


class Faults(NcclTest):
    RUN = ("--size", "256KiB", "--region", 0, "--duration", "10s", "--target", 0, "--deadline", "5s")

    def test_an_error_of_a_call_is_said_with_its_name_and_text(self):
        self.fault(library="nccl", call="ncclAllReduce", from_call=4, gpu=1, what="error", error="ncclInternalError")
        m = self.failed("nccl.all_reduce", *self.RUN)
        self.assertRegex(m["reason"], r"rank 1, all_reduce: ncclInternalError \(3\): internal error")

    def test_a_rank_that_hangs_is_given_up_within_the_time_out(self):
        self.fault(library="nccl", call="ncclAllReduce", from_call=4, gpu=1, what="hang")
        m = self.failed("nccl.all_reduce", "--timeout", "2s", *self.RUN, within=25)
        self.assertRegex(m["reason"], r"rank [01], all_reduce: not over after 2 s")
        self.assertIn("--timeout", m["hint"])

    def test_a_rank_that_never_connects_is_given_up_within_the_time_out(self):
        self.fault(library="nccl", call="ncclCommInitRankConfig", gpu=0, what="hang")
        m = self.failed("nccl.all_reduce", "--timeout", "2s", *self.RUN, within=25)
        self.assertRegex(m["reason"], "rank [01], connecting .*: not over after 2 s")

    def test_a_gpu_that_is_lost_ends_the_measurement(self):
        self.fault(library="nccl", call="ncclAllReduce", from_call=10, gpu=1, what="lost")
        m = self.failed("nccl.all_reduce", "--timeout", "5s", *self.RUN)
        self.assertRegex(m["reason"], r"ncclUnhandledCudaError \(1\)|CUDA_ERROR_|ncclRemoteError \(6\)")

    def test_wrong_data_are_noticed_at_once(self):
        self.fault(library="nccl", call="ncclAllGather", gpu=1, what="wrong-data")
        m = self.failed("nccl.all_gather", *self.RUN)
        self.assertRegex(m["reason"], r"rank 1: element \d+ of the result is not that of rank \d's input")
        self.assertIs(m["verified"], False)

    def test_wrong_data_that_come_later_are_noticed_at_the_end(self):
        self.fault(library="nccl", call="ncclAllReduce", from_call=5, gpu=0, what="wrong-data")
        m = self.failed("nccl.all_reduce", *SHORT)
        self.assertRegex(m["reason"], r"rank 0: element \d+ of the result")
        self.assertIs(m["verified"], False)

    def test_a_rank_whose_host_is_slow_is_the_one_that_comes_late(self):
        self.fault(library="nccl", call="ncclAllReduce", gpu=1, what="slow", factor=2.0)
        m = self.fine("nccl.all_reduce", "--size", "256KiB", "--region", 0, "--duration", "1s", "--target", 0)
        late = {rank: m["counters"].get(f"collective:rank{rank}_was_latest", 0) for rank in (0, 1)}
        self.assertGreater(late[1], 5 * late[0])
        self.assertGreater(m["metrics"]["arrival_skew_s"]["p50"], 0.004)

    def test_an_error_at_the_very_end_is_said_too(self):
        self.fault(library="nccl", call="ncclCommFinalize", gpu=0, what="error", error="ncclInternalError")
        m = self.failed("nccl.all_reduce", "--timeout", "2s", *SHORT, within=25)
        self.assertRegex(m["reason"], "closing .*ncclInternalError")


class TwoNamespaces(NcclTest):
    def setUp(self):
        super().setUp()
        self.near, self.far = two_hosts_of(self)

    def over_both(self, **environment):
        # Both play the same machine; each host sees one of its GPUs.
        played = self.standins()
        peer = self.start("peer", "--listen", f"{self.far.address}:0", prefix=self.far.prefix(), **played,
                          CUDA_VISIBLE_DEVICES="1")
        lines = [peer.stdout.readline().split() for _ in range(2)]
        self.assertEqual([line[0] for line in lines], ["listening", "token"])
        process = self.start("measure", "nccl.all_reduce", *SHORT, "--peer", lines[0][-1], "--quiet", "--json", "-",
                             prefix=self.near.prefix(), **played, CUDA_VISIBLE_DEVICES="0", MILLRACE_TOKEN=lines[1][-1],
                             **environment)
        ended = self.finish(process, patience=60)
        at_peer = self.finish(peer, patience=60)
        self.assertEqual(at_peer.code, 0, at_peer.err)
        return ended

    def test_a_rank_that_waits_at_no_address_of_the_session_is_not_gone_to(self):
        ended = self.over_both(NCCL_SOCKET_IFNAME="=lo")
        self.assertEqual(ended.code, 3, ended.err + ended.out)
        self.assertRegex(ended.measurement["reason"], "rank 0 waits at 127.0.0.1: neither an address of the session nor one that "
                         "this peer allows")
        self.assertIn("NCCL_SOCKET_IFNAME", ended.measurement["hint"])

    def test_ranks_of_two_hosts_reduce_together(self):
        ended = self.over_both()
        self.assertEqual(ended.code, 0, ended.err + ended.out)
        m = ended.measurement
        self.assertVerified(m, 2)
        self.assertEqual([p["host"] for p in m["participants"]], [0, 1])
        self.assertGreater(m["metrics"]["wire_floor_bytes_per_s"]["p50"], 0)


class Refusals(NcclTest):
    def test_what_makes_no_sense_is_refused(self):
        for arguments, what, hint in (
                (("nccl.all_reduce", "--gpus", "0,9"), "9", "1 (0000:97:00.0)"),
                (("nccl.all_reduce", "--gpus", "0000:ff:00.0,0"), "0000:ff:00.0", "0 (0000:17:00.0)"),
                (("nccl.all_reduce", "--gpus", "0,0"), "names gpu:0 twice", "one rank on each GPU"),
                (("nccl.all_reduce", "--gpus", "1"), "two ranks", "--gpus 0,1"),
                (("nccl.all_reduce", "--type", "fp8"), "fp8", ""),
                (("nccl.broadcast", "--root", 2), "--root 2 is none of the 2 ranks", "0 to 1"),
                (("nccl.alltoall", "--size", "4"), "too small for alltoall", "--size 8"),
                (("nccl.all_reduce", "--size", "3GiB"), "do not fit into gpu:0", "smaller --size")):
            with self.subTest(arguments=arguments):
                self.refused("measure", *arguments, what=what, hint=hint, **self.standins())

    def test_what_cannot_be_is_skipped_with_its_reason_and_a_way_out(self):
        for arguments, environment, reason, hint in (
                (("nccl.alltoall", "--in-place", "on"), {}, "does not work in place", "--in-place off"),
                (("nccl.all_reduce",), {"CUDA_VISIBLE_DEVICES": "0"}, "this host shows one", "CUDA_VISIBLE_DEVICES"),
                (("nccl.all_reduce",), {"CUDA_VISIBLE_DEVICES": ""}, "CUDA_VISIBLE_DEVICES", "CUDA_VISIBLE_DEVICES")):
            with self.subTest(arguments=arguments, environment=environment):
                ended = self.run_it("measure", *arguments, *SHORT, **self.standins(**environment))
                self.assertEqual(ended.code, 3, ended.err)
                self.assertIn(reason, ended.out + ended.err)
                self.assertIn(hint, ended.out + ended.err)

    def test_a_driver_older_than_the_toolkit_is_said_to_be_so(self):
        self.description["driver"]["version"] = 11040
        ended = self.run_it("measure", "nccl.all_reduce", *SHORT, **self.standins())
        self.assertEqual(ended.code, 3, ended.err)
        self.assertIn("11.4", ended.out + ended.err)


if __name__ == "__main__":
    main()
