#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""storage.read beside fio, and beside fio's t/io_uring where that binary is given.

  benchmarks/peers/storage.py --millrace build/release/bin/millrace [--t-io-uring PATH] [--only random,sequential]

random      4 KiB random reads, depth 64, one thread, O_DIRECT, on a loop device over tmpfs that holds real data
            (over a sparse file everything looks 1.8 times too fast); root is needed for the loop device. How many
            completions are gathered for one system call is a choice of either tool: --batch and --fio-batch
open-loop   the same device at a given rate with Poisson arrivals, far from saturation: the 99th percentile of latency.
            Runs are short and many, since a hiccup of the machine spoils the percentile of the run that it falls into
            and the median over the pairs passes over it. Like with like is from the submission on, as fio counts:
            Millrace's service_p99_s. Its own latency counts from the intended start, with whatever made it late. The tools
            get the highest CPU, and the kernel's threads that serve the device the others (/sys/devices/virtual/workqueue;
            root): else whoever watches the clock stands in their way on a machine of two CPUs, and who sleeps does not.
sequential  1 MiB sequential reads, depth 32, O_DIRECT, of a file on the disk below --folder
"""

import argparse
import json
import os
import pathlib
import shutil
import sys
import tempfile
from contextlib import contextmanager
from functools import partial

import pairs
from pairs import Claim, Figures, measured, output_of

MIB = 1 << 20


def write_real_data(path: str, size: int) -> None:
    with open(path, "wb") as file:
        for _ in range(size // MIB):
            file.write(os.urandom(MIB))
        file.flush()
        os.fsync(file.fileno())


@contextmanager
def real_file(folder: str, size: int):
    handle, path = tempfile.mkstemp(prefix="millrace-peers-", dir=folder)
    os.close(handle)
    try:
        write_real_data(path, size)
        yield path
    finally:
        os.unlink(path)


@contextmanager
def loop_device(folder: str, size: int):
    with real_file(folder, size) as backing:
        device = output_of(["losetup", "--direct-io=on", "--find", "--show", backing]).strip()
        try:
            yield device
        finally:
            output_of(["losetup", "--detach", device])


def millrace(arguments, path: str, *parameters: str) -> Figures:
    measurement = measured(arguments.millrace, "storage.read", "--path", path, *parameters, seconds=arguments.seconds,
                           cpus=arguments.cpus)
    counters, latency = measurement["counters"], measurement["latency_s"] or {}
    operations = counters["worker:operations"]
    return {
        "operations_per_s": measurement["operations_per_s"]["mean"],
        "bytes_per_s": measurement["throughput_bytes_per_s"]["mean"],
        "user_s_per_operation": counters["worker:user_s"] / operations,
        "cpu_s_per_operation": (counters["worker:user_s"] + counters["worker:system_s"]) / operations,
        "p99_s": latency.get("p99") or 0.0,
        "service_p99_s": measurement["metrics"].get("service_p99_s", {}).get("mean", 0.0),
    }


def fio(arguments, path: str, *options: str) -> Figures:
    text = output_of([
        *(pairs.on_cpus(arguments.cpus) if arguments.cpus else []), "fio", "--name=peer", f"--filename={path}", "--readonly", "--ioengine=io_uring", "--direct=1", "--thread",
        "--registerfiles", "--fixedbufs", "--time_based", f"--runtime={round(arguments.seconds * 1000)}ms", "--randrepeat=0",
        "--norandommap", "--lat_percentiles=1", "--output-format=json", *options
    ])
    job = json.loads(text[text.index("{"):])["jobs"][0]
    read = job["read"]
    seconds, operations = read["runtime"] / 1e3, read["total_ios"]
    user, system = (job[key] / 100 * seconds for key in ("usr_cpu", "sys_cpu"))
    return {
        "operations_per_s": read["iops"],
        "bytes_per_s": read["bw_bytes"],
        "user_s_per_operation": user / operations,
        "cpu_s_per_operation": (user + system) / operations,
        **dict.fromkeys(("p99_s", "service_p99_s"), read["lat_ns"]["percentile"]["99.000000"] * 1e-9),
    }


def t_io_uring(arguments, path: str) -> Figures:
    """Its per-second figures, without the first second; SI suffixes as it prints them."""
    text = output_of([arguments.t_io_uring, "-d64", "-s16", "-c16", "-b4096", "-p0", "-B1", "-F1", "-X1", "-n1",
                      f"-r{max(arguments.seconds, 3)}", path])
    scale = {"K": 1e3, "M": 1e6}
    figures = []
    for line in text.splitlines():
        if line.startswith("IOPS="):
            figure = line[len("IOPS="):].split(",")[0]
            figures.append(float(figure.rstrip("KM")) * scale.get(figure[-1], 1))
    figures = figures[1:]
    return {"operations_per_s": sum(figures) / len(figures)}


RANDOM = ["--pattern", "random", "--block-size", "4KiB", "--queue-depth", "64", "--threads", "1"]
FIO_RANDOM = ["--rw=randread", "--bs=4k", "--iodepth=64"]


def compare_random(arguments, say) -> list[pairs.Judgement]:
    with loop_device(arguments.memory_folder, arguments.size_mib * MIB) as device:
        ours = lambda: millrace(arguments, device, *RANDOM, "--batch", str(arguments.batch))
        batches = [f"--iodepth_batch_submit={arguments.fio_batch}", f"--iodepth_batch_complete_min={arguments.fio_batch}"]
        results = pairs.take_turns(ours, lambda: fio(arguments, device, *FIO_RANDOM, *batches), arguments.pairs, say)
        judgements = pairs.judge(f"random 4 KiB by {arguments.batch}, fio by {arguments.fio_batch}", results, [
            Claim("operations_per_s", "operations per second", least=0.95),
            Claim("user_s_per_operation", "user CPU per operation", most=0.35),
            Claim("cpu_s_per_operation", "all CPU of the thread per operation", most=0.8),
        ])
        if arguments.t_io_uring:
            results = pairs.take_turns(ours, lambda: t_io_uring(arguments, device), arguments.pairs, say)
            judgements += pairs.judge(f"random 4 KiB by {arguments.batch}, t/io_uring by 16", results,
                                      [Claim("operations_per_s", "operations per second", least=0.95)])
        return judgements


WORK_QUEUES = pathlib.Path("/sys/devices/virtual/workqueue/cpumask")


@contextmanager
def kernel_threads_elsewhere():
    """Unbound work queues (a loop device's is one) stay off the highest CPU."""
    before = WORK_QUEUES.read_text()
    highest = max(os.sched_getaffinity(0))
    mask = int(before.replace(",", ""), 16) & ~(1 << highest)
    text = f"{mask:x}"
    WORK_QUEUES.write_text(",".join([text[max(at - 8, 0):at] for at in range(len(text), 0, -8)][::-1]) if mask else before)
    try:
        yield
    finally:
        WORK_QUEUES.write_text(before)


SHARE_OF_SATURATION = 0.1
OPEN_LOOP_RUNS = 4  # short ones, for each run that --pairs and --seconds ask for


def compare_open_loop(arguments, say) -> list[pairs.Judgement]:
    with loop_device(arguments.memory_folder, arguments.size_mib * MIB) as device, kernel_threads_elsewhere():
        rate = arguments.rate or int(millrace(arguments, device, *RANDOM)["operations_per_s"] * SHARE_OF_SATURATION)
        say(f"rate {rate} operations per second")
        short = argparse.Namespace(**{**vars(arguments), "seconds": arguments.seconds / OPEN_LOOP_RUNS, "cpus": 1})
        results = pairs.take_turns(
            lambda: millrace(short, device, *RANDOM, "--rate", str(rate)),
            lambda: fio(short, device, *FIO_RANDOM, f"--rate_iops={rate}", "--rate_process=poisson"),
            arguments.pairs * OPEN_LOOP_RUNS, say)
        return pairs.judge(f"open loop {rate}/s, fio", results, [
            Claim("service_p99_s", "99th percentile from the submission on", most=1.1),
            Claim("p99_s", "the same from the intended start, fio's from the submission", most=1.1),
        ])


def compare_sequential(arguments, say) -> list[pairs.Judgement]:
    with real_file(arguments.folder, arguments.size_mib * MIB) as path:
        results = pairs.take_turns(
            lambda: millrace(arguments, path, "--pattern", "sequential", "--block-size", "1MiB", "--queue-depth", "32"),
            lambda: fio(arguments, path, "--rw=read", "--bs=1M", "--iodepth=32"), arguments.pairs, say)
        return pairs.judge("sequential 1 MiB, fio", results,
                           [Claim("bytes_per_s", "bytes per second", least=0.95)])


COMPARISONS = {"random": compare_random, "open-loop": compare_open_loop, "sequential": compare_sequential}


def main() -> int:
    parser = pairs.parser(__doc__, seconds=4)
    parser.add_argument("--t-io-uring", help="fio's t/io_uring, built from its source")
    parser.add_argument("--only", default=",".join(COMPARISONS), help="comma-separated: " + ", ".join(COMPARISONS))
    parser.add_argument("--size-mib", type=int, default=1024)
    parser.add_argument("--rate", type=int, help="of open-loop; default: a tenth of what the device does")
    parser.add_argument("--batch", type=int, default=32, help="of random: completions that Millrace gathers")
    parser.add_argument("--fio-batch", type=int, default=16, help="of random: those that fio gathers, and submits at once")
    parser.add_argument("--folder", default=".", help="on the disk that sequential reads")
    parser.add_argument("--memory-folder", default="/dev/shm", help="on a tmpfs")
    parser.set_defaults(cpus=None)
    arguments = parser.parse_args()
    chosen = arguments.only.split(",")
    unknown = [name for name in chosen if name not in COMPARISONS]
    if unknown:
        parser.error(f"--only {unknown[0]}: one of {', '.join(COMPARISONS)}")
    if shutil.which("fio") is None:
        pairs.skip("fio is not installed")
    if os.geteuid() != 0 and set(chosen) & {"random", "open-loop"}:
        pairs.skip("loop devices need root; --only sequential does not")
    return pairs.conclude(arguments, {name: partial(COMPARISONS[name], arguments) for name in chosen})


if __name__ == "__main__":
    sys.exit(main())
