# SPDX-License-Identifier: Apache-2.0
"""strict_test.py FOLDER MACHINE: the stand-in libnccl.so.2 in FOLDER refuses what the vendor's refuses, and aborts where
the vendor's would hang or corrupt. Each rank is a process of its own, as it is in use."""
import ctypes
import os
import pathlib
import shutil
import signal
import sys
import tempfile
import unittest

LIBRARIES, MACHINE = map(pathlib.Path, sys.argv[1:3])
FLOAT, DOUBLE, SUM = 7, 8, 0  # nccl.h
INVALID_ARGUMENT, INVALID_USAGE, IN_PROGRESS = 4, 5, 7
COUNT = 1000


class UniqueId(ctypes.Structure):
    _fields_ = [("internal", ctypes.c_char * 128)]


class Config(ctypes.Structure):  # ncclConfig_t up to `blocking`; what follows stays undefined
    _fields_ = [("size", ctypes.c_size_t), ("magic", ctypes.c_uint), ("version", ctypes.c_uint),
                ("blocking", ctypes.c_int)]


class Rank:
    """One GPU, a stream and two arrays, through ctypes."""

    def __init__(self, gpu):
        self.cuda = ctypes.CDLL(str(LIBRARIES / "libcuda.so.1"), mode=ctypes.RTLD_GLOBAL)
        self.nccl = ctypes.CDLL(str(LIBRARIES / "libnccl.so.2"))
        self.ok(self.cuda.cuInit(0))
        self.context = self.use(gpu)
        self.stream = self.new_stream()
        self.array = ctypes.c_uint64()
        self.ok(self.cuda.cuMemAlloc_v2(ctypes.byref(self.array), ctypes.c_size_t(64 * COUNT)))
        self.comm = ctypes.c_void_p()

    @staticmethod
    def ok(result):
        if result != 0:
            sys.stderr.write(f"unexpected result {result}\n")
            os._exit(99)

    def use(self, gpu):
        context = ctypes.c_void_p()
        self.ok(self.cuda.cuDevicePrimaryCtxRetain(ctypes.byref(context), gpu))
        self.ok(self.cuda.cuCtxSetCurrent(context))
        return context

    def new_stream(self):
        stream = ctypes.c_void_p()
        self.ok(self.cuda.cuStreamCreate(ctypes.byref(stream), 1))
        return stream

    def connect(self, rank, ranks, name, blocking=1):
        config = Config(ctypes.sizeof(Config), 0xcafebeef, 22809, blocking)
        return self.nccl.ncclCommInitRankConfig(ctypes.byref(self.comm), ranks, UniqueId(bytes(40) + name.encode()), rank,
                                                ctypes.byref(config))

    def all_reduce(self, count=COUNT, kind=FLOAT, stream=None, array=None, operation=SUM):
        at = ctypes.c_void_p((array or self.array).value)
        return self.nccl.ncclAllReduce(at, at, ctypes.c_size_t(count), kind, operation, self.comm, stream or self.stream)

    def wait(self):
        return self.cuda.cuStreamSynchronize(self.stream)

    def finalize(self):
        return self.nccl.ncclCommFinalize(self.comm)

    def destroy(self):
        return self.nccl.ncclCommDestroy(self.comm)


class Strict(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="millrace-strict-", dir="/dev/shm"))
        self.addCleanup(shutil.rmtree, self.folder, True)
        os.environ.update(MILLRACE_STANDIN_MACHINE=str(MACHINE), MILLRACE_STANDIN_STATE=str(self.folder / "state"))

    def play(self, *ranks):
        """Runs each function in a process of its own; how they ended, and what they printed together."""
        pids = []
        errors = os.open(self.folder / "stderr", os.O_RDWR | os.O_CREAT | os.O_APPEND)
        for number, body in enumerate(ranks):
            pid = os.fork()
            if pid == 0:
                signal.alarm(6)
                os.dup2(errors, 2)
                rank = Rank(number)
                os._exit(body(rank) or 0)
            pids.append(pid)
        ends = [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in pids]
        os.close(errors)
        return ends, (self.folder / "stderr").read_text()

    def both(self, first, second):
        def as_rank(number, body):
            def run(rank):
                rank.ok(rank.connect(number, 2, "strict"))
                return body(rank)
            return run
        return self.play(as_rank(0, first), as_rank(1, second))

    def assertAborted(self, played, text):
        ends, errors = played
        self.assertIn(-signal.SIGABRT, ends, errors)
        self.assertNotIn(99, ends, errors)
        self.assertIn(text, errors)

    def test_what_is_used_as_it_should_be_is_let_pass(self):
        def well(rank):
            rank.ok(rank.all_reduce())
            rank.ok(rank.wait())
            rank.ok(rank.finalize())
            rank.ok(rank.destroy())
        ends, errors = self.both(well, well)
        self.assertEqual((ends, errors), ([0, 0], ""))

    def test_counts_that_differ_are_no_collective(self):
        self.assertAborted(self.both(lambda r: r.all_reduce() + r.wait(), lambda r: r.all_reduce(2 * COUNT) + r.wait()),
                           "ranks want different things")

    def test_types_that_differ_are_no_collective(self):
        self.assertAborted(self.both(lambda r: r.all_reduce() + r.wait(), lambda r: r.all_reduce(kind=DOUBLE) + r.wait()),
                           "ranks want different things")

    def test_a_collective_that_one_rank_does_not_call_is_noticed(self):
        self.assertAborted(self.both(lambda r: r.all_reduce() + r.wait(), lambda r: r.finalize()), "called by too few ranks")

    def test_a_communicator_is_not_used_after_its_end(self):
        def late(rank):
            rank.ok(rank.finalize())
            rank.ok(rank.destroy())
            return rank.all_reduce()
        self.assertAborted(self.both(late, late), "used after ncclCommDestroy")

    def alone(self, body):
        def run(rank):
            rank.ok(rank.connect(0, 1, "alone"))
            return body(rank)
        (end,), errors = self.play(run)
        return end, errors

    def test_a_stream_of_another_context_is_refused(self):
        def foreign(rank):
            other = rank.use(1)
            stream = rank.new_stream()
            rank.ok(rank.cuda.cuCtxSetCurrent(rank.context))
            return rank.all_reduce(stream=stream) if other.value != rank.context.value else 98
        end, errors = self.alone(foreign)
        self.assertEqual(end, INVALID_ARGUMENT, errors)
        self.assertIn("the stream is of another context", errors)

    def test_memory_that_was_freed_or_is_too_short_is_refused(self):
        def freed(rank):
            rank.ok(rank.cuda.cuMemFree_v2(rank.array))
            return rank.all_reduce()
        for body in (freed, lambda rank: rank.all_reduce(count=1_000_000)):
            end, errors = self.alone(body)
            self.assertEqual(end, INVALID_ARGUMENT, errors)
            self.assertIn("is no memory of a GPU, or runs beyond it", errors)

    def test_types_and_operations_that_there_are_not_are_refused(self):
        self.assertEqual(self.alone(lambda rank: rank.all_reduce(kind=77))[0], INVALID_ARGUMENT)
        self.assertEqual(self.alone(lambda rank: rank.all_reduce(operation=9))[0], INVALID_ARGUMENT)

    def test_a_call_that_is_in_progress_must_be_asked_after(self):
        def hasty(rank):
            if rank.connect(0, 1, "hasty", blocking=0) != IN_PROGRESS:
                return 97
            state = ctypes.c_int(IN_PROGRESS)
            while state.value == IN_PROGRESS:
                rank.ok(rank.nccl.ncclCommGetAsyncError(rank.comm, ctypes.byref(state)))
            if rank.all_reduce() != IN_PROGRESS:
                return 96
            return rank.all_reduce()
        (end,), errors = self.play(hasty)
        self.assertEqual(end, INVALID_USAGE, errors)
        self.assertIn("still in progress", errors)

    def test_two_ranks_on_one_gpu_are_refused(self):
        def on_the_first(number):
            def run(rank):
                rank.context = rank.use(0)
                return rank.connect(number, 2, "double")
            return run
        ends, errors = self.play(on_the_first(0), on_the_first(1))
        self.assertEqual(ends, [INVALID_USAGE, INVALID_USAGE], errors)
        self.assertIn("Duplicate GPU", errors)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
