# SPDX-License-Identifier: Apache-2.0
"""GPUDirect Storage as a user drives it, on a machine that stand-in drivers play: what is read and written is right,
the path is proven and never taken for granted, and each fault ends as a failed or flagged measurement."""
import os
import pathlib
import re
import subprocess
import sys

from command_line import BUILD, main
from standin import LIBRARIES, StandInTest

CALLS = ("sync", "batch", "stream")
QUICK = {"--file-size": "8MiB", "--block-size": "256KiB", "--queue-depth": 4, "--duration": "150ms", "--target": 0,
         "--repeats": 1, "--deadline": "10s"}


ONCE = ("--passes", 1, "--duration", "20s")  # 32 blocks, however busy the machine is


def quick(*arguments):
    """The arguments, and those of QUICK that they do not have."""
    return [*arguments, *(part for name, value in QUICK.items() if name not in arguments for part in (name, value))]


class GdsTest(StandInTest):
    needs = ("libcuda.so.1", "libcufile.so.0")
    module = "gds"

    def setUp(self):
        super().setUp()
        self.data = self.folder / "data"
        self.data.mkdir()
        try:
            os.close(os.open(self.data, os.O_TMPFILE | os.O_RDWR | os.O_DIRECT))
        except OSError as error:
            self.skipTest(f"no direct I/O in {self.data}: {error.strerror}")

    def gds(self, probe, *arguments, path=None, **environ):
        return self.measure(f"storage.gds_{probe}", "--path", path or self.data, *quick(*arguments),
                            **self.standins(**environ))

    def fine(self, probe, *arguments, **options):
        ended = self.gds(probe, *arguments, **options)
        self.assertEqual(ended.code, 0, ended.err + ended.out)
        m = ended.measurement
        self.assertEqual(m["status"], "ok", m["reason"])
        self.assertEqual(m["device"], "stand-in")
        paths = [flag for flag in m["flags"] if flag.startswith("gds-")]
        self.assertEqual(len(paths), 1, m["flags"])  # the path is always said, and once
        return m, paths[0]

    def failed(self, probe, *arguments, code=3, **options):
        ended = self.gds(probe, *arguments, **options)
        self.assertEqual(ended.code, code, ended.err + ended.out)
        self.assertIn(ended.measurement["status"], ("failed", "skipped"))
        self.assertFolderIsEmpty(self.data)
        return ended.measurement["reason"], ended


class Transfers(GdsTest):
    def test_each_kind_of_call_reads_what_was_written(self):
        for calls in CALLS:
            with self.subTest(calls=calls):
                m, path = self.fine("read", "--calls", calls, "--verify", "on", *ONCE)
                self.assertIs(m["verified"], True)
                self.assertEqual(path, "gds-direct")
                self.assertEqual(m["counters"]["worker:operations"], 32)
                self.assertEqual(m["counters"]["worker:bytes"], m["counters"]["worker:operations"] * (256 << 10))
                self.assertFolderIsEmpty(self.data)

    def test_each_kind_of_call_writes_what_is_read_back(self):
        for calls in CALLS:
            with self.subTest(calls=calls):
                m, path = self.fine("write", "--calls", calls, "--verify", "on", "--pattern", "random", "--fsync", "end", *ONCE)
                self.assertIs(m["verified"], True)
                self.assertEqual(path, "gds-direct")
                self.assertIn("fsync_s", m["metrics"])
                self.assertFolderIsEmpty(self.data)

    def test_reading_is_as_fast_as_the_link_that_is_played(self):
        # Four blocks of 26 ms are under way: a thread that wakes late leaves the link three others.
        self.description["gpus"][0]["pcie"]["bytes_per_s"] = 20_000_000
        rates = [self.fine("read", "--block-size", "512KiB", "--duration", "1500ms")[0]["throughput_bytes_per_s"]["mean"]
                 for _ in range(2)]
        self.assertAlmostEqual(max(rates) / 20e6, 1, delta=0.05)

    def test_passes_end_the_run_with_every_block_moved_once(self):
        for calls in CALLS:
            with self.subTest(calls=calls):
                m, _ = self.fine("read", "--calls", calls, *ONCE)
                self.assertEqual(m["counters"]["worker:bytes"], 8 << 20)

    def test_all_gpus_read_at_once_each_by_a_worker_of_its_own(self):
        m, path = self.fine("read", "--gpu", "all", "--verify", "on")
        self.assertEqual(len(m["participants"]), 2)
        self.assertTrue(all(one["throughput_bytes_per_s"] > 0 for one in m["participants"]))
        self.assertEqual(path, "gds-direct")

    def test_a_users_file_of_any_length_is_read_whole_and_stays_as_it_is(self):
        file = self.data / "mine.bin"
        file.write_bytes(os.urandom((3 << 20) + 1000))
        before = file.stat()
        m, _ = self.fine("read", "--passes", 1, "--duration", "10s", path=file)
        self.assertEqual(m["counters"]["worker:bytes"], (3 << 20) + 1000)
        after = file.stat()
        self.assertEqual((before.st_size, before.st_mtime_ns), (after.st_size, after.st_mtime_ns))


class Paths(GdsTest):
    def test_nothing_but_counts_makes_it_direct(self):
        for cufile, expected in (({"direct": True}, "gds-direct"), ({"direct": True, "by": "p2p"}, "gds-direct"),
                                 ({"direct": False}, "gds-compatibility"),
                                 ({"direct": True, "bounces": 7}, "gds-compatibility"),
                                 ({"direct": True, "counts": False}, "gds-path-unproven"),
                                 ({"direct": False, "counts": False}, "gds-path-unproven")):
            for probe in ("read", "write") if cufile.get("counts", True) and "bounces" not in cufile else ("read",):
                with self.subTest(cufile=cufile, probe=probe):
                    self.description["cufile"] = cufile
                    m, path = self.fine(probe, *ONCE)
                    self.assertEqual(path, expected)
                    if expected == "gds-direct":
                        way = "p2p" if cufile.get("by") == "p2p" else "nvidia_fs"
                        self.assertEqual(m["counters"][f"cufile:{way}_operations"], m["counters"]["worker:operations"])

    def test_each_kind_of_call_is_proven_and_its_fallback_seen(self):
        for direct, expected in ((True, "gds-direct"), (False, "gds-compatibility")):
            for calls in ("batch", "stream"):
                with self.subTest(direct=direct, calls=calls):
                    self.description["cufile"] = {"direct": direct}
                    m, path = self.fine("read", "--calls", calls, *ONCE)
                    self.assertEqual(path, expected)
                    self.assertEqual("cache-not-bypassed" in m["flags"], not direct and calls == "batch", m["flags"])

    def test_direct_only_is_skipped_where_there_is_no_direct_path(self):
        self.description["cufile"] = {"direct": False}
        reason, ended = self.failed("read", "--mode", "direct")
        self.assertEqual(ended.measurement["status"], "skipped")
        self.assertIn("CU_FILE_DRIVER_NOT_INITIALIZED (5001)", reason)

    def test_the_way_through_host_memory_can_be_asked_for(self):
        self.assertEqual(self.fine("read", "--mode", "compatibility")[1], "gds-compatibility")

    def test_a_result_satisfies_the_schema(self):
        file = self.folder / "result.json"
        ended = self.run_it("measure", "storage.gds_read", "--path", self.data, *quick(), "--json", file, **self.standins())
        self.assertEqual(ended.code, 0, ended.err)
        self.assertSatisfiesSchema(file)
        self.assertIn("stand-in", ended.out)


class Faults(GdsTest):
    NAMES = {"sync": ("cuFileRead", "cuFileWrite"), "batch": ("cuFileBatchIOSubmit",) * 2,
             "stream": ("cuFileReadAsync", "cuFileWriteAsync")}

    def broken(self, calls, which, **what):
        self.description["faults"] = [{"library": "cufile", "call": self.NAMES[calls][which], "from_call": 5, **what}]

    def test_an_error_of_any_call_fails_the_measurement_by_its_name(self):
        for calls in CALLS:
            for which, probe in enumerate(("read", "write")):
                with self.subTest(calls=calls, probe=probe):
                    self.broken(calls, which, what="error", error="CU_FILE_IO_ERROR")
                    reason, _ = self.failed(probe, "--calls", calls, *ONCE)
                    self.assertIn("CU_FILE_IO_ERROR (5044)", reason)
                    self.assertIn("offset", reason)

    def test_an_error_of_the_file_system_is_said_by_its_name(self):
        self.broken("sync", 0, what="error", error="EIO")
        reason, _ = self.failed("read", *ONCE)
        self.assertIn("EIO (Input/output error)", reason)

    def test_wrong_data_are_found(self):
        for calls in CALLS:
            for which, probe in enumerate(("read", "write")):
                with self.subTest(calls=calls, probe=probe):
                    self.broken(calls, which, **{"what": "wrong-data"})
                    reason, _ = self.failed(probe, "--calls", calls, "--verify", "on", *ONCE)
                    self.assertIn("wrong data", reason)

    def test_a_call_that_hangs_costs_its_time_out_and_nothing_more(self):
        for calls in CALLS:
            with self.subTest(calls=calls):
                self.broken(calls, 0, what="hang")
                reason, ended = self.failed("read", "--calls", calls, "--timeout", "500ms", "--deadline", "1s")
                self.assertLess(ended.seconds, 15)
                if calls != "sync":
                    self.assertIn("did not end within 500 ms", reason)

    def test_a_slow_gpu_shows_in_its_rate_alone(self):
        self.description["faults"] = [{"library": "cufile", "call": "cuFileRead", "what": "slow", "factor": 4, "gpu": 1}]

        def best(gpu):
            return max(self.fine("read", "--gpu", gpu, *ONCE)[0]["throughput_bytes_per_s"]["mean"] for _ in range(3))
        usual = self.description["gpus"][0]["pcie"]["bytes_per_s"]
        self.assertLess(best(1), 1.15 * usual / 4)
        self.assertGreater(best(0), 1.3 * usual / 4)

    def test_a_lost_gpu_fails_the_measurement(self):
        self.broken("sync", 0, what="lost")
        reason, ended = self.failed("read", *ONCE)
        self.assertIn("CU_FILE_CUDA_DRIVER_ERROR (5011)", reason)
        self.assertLess(ended.seconds, 15)

    def test_a_driver_that_does_not_open_is_a_reason_to_skip(self):
        self.fault(library="cufile", call="cuFileDriverOpen", what="error", error="CU_FILE_PLATFORM_NOT_SUPPORTED")
        reason, ended = self.failed("read")
        self.assertEqual(ended.measurement["status"], "skipped")
        self.assertIn("CU_FILE_PLATFORM_NOT_SUPPORTED (5007)", reason)


MISUSE = """
import ctypes, os, sys
class Error(ctypes.Structure):
    _fields_ = [("err", ctypes.c_int), ("cuda", ctypes.c_int)]
class Descriptor(ctypes.Structure):
    _fields_ = [("type", ctypes.c_int), ("fd", ctypes.c_int64), ("operations", ctypes.c_void_p)]
cuda, cufile = ctypes.CDLL("libcuda.so.1"), ctypes.CDLL("libcufile.so.0")
for name in ("cuFileDriverOpen", "cuFileDriverClose_v2", "cuFileHandleRegister", "cuFileBufRegister", "cuFileBufDeregister"):
    getattr(cufile, name).restype = Error
cufile.cuFileRead.restype = ctypes.c_ssize_t
cufile.cuFileHandleDeregister.restype = None
context, memory, handle = ctypes.c_void_p(), ctypes.c_uint64(), ctypes.c_void_p()
assert cuda.cuInit(0) == 0 and cuda.cuDevicePrimaryCtxRetain(ctypes.byref(context), 0) == 0
assert cuda.cuCtxSetCurrent(context) == 0 and cuda.cuMemAlloc_v2(ctypes.byref(memory), ctypes.c_size_t(1 << 20)) == 0
base = ctypes.c_void_p(memory.value)
def register(flags):
    descriptor = Descriptor(1, os.open(sys.argv[1], os.O_RDONLY | flags), None)
    return cufile.cuFileHandleRegister(ctypes.byref(handle), ctypes.byref(descriptor)).err
def read(size=8192, offset=0, at=0):
    return cufile.cuFileRead(handle, base, ctypes.c_size_t(size), ctypes.c_long(offset), ctypes.c_long(at))
def pin(size=1 << 20):
    return cufile.cuFileBufRegister(base, ctypes.c_size_t(size), 0).err
"""
OPENED = "assert cufile.cuFileDriverOpen().err == 0 and register(os.O_DIRECT) == 0 and pin() == 0 and read() == 8192\n"


class Strictness(GdsTest):
    """What the vendor's library refuses is refused, and what it would quietly do through host memory ends the process."""

    def setUp(self):
        super().setUp()
        if re.search(r"^MILLRACE_SANITIZE:STRING=.+$", (BUILD / "CMakeCache.txt").read_text(), re.MULTILINE):
            self.skipTest("the stand-ins are built with a sanitizer, which Python itself is not")

    def play(self, text):
        file = self.data / "file"
        file.write_bytes(bytes(64 << 10))
        return subprocess.run([sys.executable, "-c", MISUSE + text, file], capture_output=True, text=True, check=False,
                              env={**os.environ, **self.standins()}, timeout=60)

    def test_what_is_right_is_done(self):
        ended = self.play(OPENED + "assert read(1 << 20) == 65536\n"  # to the end of the file
                          "cufile.cuFileHandleDeregister(handle)\nassert cufile.cuFileBufDeregister(base).err == 0\n"
                          "assert cufile.cuFileDriverClose_v2().err == 0\nprint('fine')")
        self.assertEqual((ended.returncode, ended.stdout), (0, "fine\n"), ended.stderr)

    def test_what_the_vendor_refuses_is_refused_by_the_vendors_error(self):
        for text, error in (("print(register(os.O_DIRECT))", 5001), ("print(read())", -5001),
                            ("cufile.cuFileDriverOpen(); print(register(0))", 5019),
                            ("cufile.cuFileDriverOpen(); base = ctypes.c_void_p(4096); print(pin())", 5012),
                            ("cufile.cuFileDriverOpen(); print(pin(2 << 20))", 5014),
                            (OPENED + "print(pin())", 5023), (OPENED + "print(read(at=1 << 20))", -5017)):
            with self.subTest(text=text):
                ended = self.play(text)
                self.assertEqual(ended.stdout.strip(), str(error), ended.stderr)

    def test_misuse_ends_the_process_with_a_word(self):
        for text, word in (("read(1000)", "no multiple of 4096"), ("read(offset=512)", "no multiple of 4096"),
                           ("read(at=512)", "no multiple of 4096"),
                           ("cufile.cuFileBufDeregister(base); read()", "not registered"),
                           ("cufile.cuFileHandleDeregister(handle); read()", "not registered, or not any more"),
                           ("cuda.cuMemFree_v2(memory); read()", "was freed"),
                           ("cufile.cuFileDriverClose_v2()", "still registered"),
                           ("pid = os.fork()\nif pid == 0: read()\nos.abort() if os.waitpid(pid, 0)[1] else 0", "fork")):
            with self.subTest(text=text):
                ended = self.play(OPENED + text)
                self.assertEqual(ended.returncode, -6, ended.stdout + ended.stderr)  # SIGABRT
                self.assertIn("stand-in cuFile: ", ended.stderr)
                self.assertIn(word, ended.stderr)


class BadInput(GdsTest):
    def test_what_makes_no_sense_is_refused(self):
        file = self.data / "mine.bin"
        file.write_bytes(bytes(8192))
        for arguments, what, hint in (
                (("read", "--gpu", 7), "7", "0"),
                (("read", "--gpu", "0000:ff:00.0"), "0000:ff:00.0", ""),
                (("read", "--block-size", "5000"), "--block-size 5000 is no multiple of 4096", "4 KiB"),
                (("read", "--file-size", "4KiB"), "less than one block", "--file-size"),
                (("write", "--verify", "on", "--prefill", "off"), "--prefill on", ""),
                (("read", "--queue-depth", 300), "more than 256", "--calls batch")):
            with self.subTest(arguments=arguments):
                self.refused("measure", f"storage.gds_{arguments[0]}", "--path", self.data, *arguments[1:], what=what,
                             hint=hint, **self.standins())
        self.refused("measure", "storage.gds_write", "--path", file, what="nothing that is there already is written",
                     hint="folder", **self.standins())
        self.assertEqual(file.read_bytes(), bytes(8192))

    def test_without_libcufile_the_module_says_so(self):
        only_cuda = self.folder / "lib"
        only_cuda.mkdir()
        (only_cuda / "libcuda.so.1").symlink_to(LIBRARIES / "libcuda.so.1")
        environ = {**self.standins(), "LD_LIBRARY_PATH": str(only_cuda)}
        ended = self.run_it("probes", **environ)
        if "gds 1.0: ready" in ended.out:
            self.skipTest("this machine has a libcufile of its own")
        self.assertRegex(ended.out, r"gds 1\.0: unavailable \(libcufile\.so\.0: cannot open")

    def test_the_stand_in_shows_nothing_that_the_vendors_library_has_not(self):
        cache = (BUILD / "CMakeCache.txt").read_text()
        vendor = re.search(r"^MILLRACE_CUFILE_LIBRARY:FILEPATH=(.*)$", cache, re.MULTILINE)
        if not vendor or not pathlib.Path(vendor[1]).exists():
            self.skipTest("there is no libcufile of the vendor's")

        def shown(library):
            listing = subprocess.run(["nm", "-D", "--defined-only", library], capture_output=True, text=True, check=True)
            return {line.split()[-1].split("@")[0] for line in listing.stdout.splitlines()}
        ours = {name for name in shown(LIBRARIES / "libcufile.so.0") if not name.startswith("_")}
        self.assertIn("cuFileRead", ours)
        self.assertEqual(ours - shown(vendor[1]), set())


if __name__ == "__main__":
    main()
