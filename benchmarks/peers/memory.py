#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""memory.copy beside the best copy kernel of likwid-bench, same CPUs, threads and size.

  benchmarks/peers/memory.py --millrace build/release/bin/millrace [--threads 1,2] [--size-mb 512]

likwid-bench counts what crosses the memory bus, loads and stores; Millrace counts bytes copied. Each byte copied is
loaded once and stored once, so likwid's figure is halved. Its best kernel is found first, among those of its copy
kernels that this CPU runs.
"""

import os
import re
import shutil
import sys
from functools import partial

import pairs
from pairs import Claim, Figures, Refused, measured, output_of


def millrace(arguments, threads: int) -> Figures:
    measurement = measured(arguments.millrace, "memory.copy", "--threads", str(threads), "--size",
                           f"{arguments.size_mb}MB", seconds=arguments.seconds, cpus=threads)
    if measurement["verified"] is not True:
        raise Refused(f"millrace: verified {measurement['verified']}")
    return {"bytes_per_s": measurement["throughput_bytes_per_s"]["mean"]}


def likwid(arguments, kernel: str, threads: int, seconds: int) -> Figures:
    # Its size is that of both streams together.
    text = output_of(pairs.on_cpus(threads) + [
        "likwid-bench", "-t", kernel, "-w", f"S0:{2 * arguments.size_mb}MB:{threads}", "-s", str(seconds)
    ])
    found = re.search(r"^MByte/s:\s*([0-9.]+)", text, re.MULTILINE)
    if not found:
        raise Refused(f"likwid-bench -t {kernel} printed no MByte/s")
    return {"bytes_per_s": float(found.group(1)) * 1e6 / 2}


def best_kernel(arguments, threads: int, say) -> str:
    names = re.findall(r"^(copy(?:_\w+)?) - ", output_of(["likwid-bench", "-a"]), re.MULTILINE)
    rates = {}
    for name in names:
        try:
            rates[name] = max(likwid(arguments, name, threads, 1)["bytes_per_s"] for _ in range(2))
            say(f"likwid-bench {name}: {rates[name] / 1e9:.2f} GB/s")
        except Refused as reason:  # an instruction set that this CPU lacks
            say(f"likwid-bench {name}: {str(reason).splitlines()[-1]}")
    if not rates:
        pairs.skip("none of likwid-bench's copy kernels runs here")
    return max(rates, key=rates.get)


def compare(arguments, threads: int, say) -> list[pairs.Judgement]:
    kernel = best_kernel(arguments, threads, say)
    results = pairs.take_turns(lambda: millrace(arguments, threads),
                               lambda: likwid(arguments, kernel, threads, arguments.seconds), arguments.pairs, say)
    return pairs.judge(f"copy, {threads} thread(s), likwid-bench {kernel}", results,
                       [Claim("bytes_per_s", "bytes copied per second", least=0.95)])


def main() -> int:
    parser = pairs.parser(__doc__, seconds=2)
    parser.add_argument("--threads", default="1", help="comma-separated")
    parser.add_argument("--size-mb", type=int, default=512, help="copied in a round, all threads together")
    arguments = parser.parse_args()
    counts = [int(count) for count in arguments.threads.split(",")]
    available = len(os.sched_getaffinity(0))
    if any(not 1 <= count <= available for count in counts):
        parser.error(f"--threads: 1 to {available}, the CPUs that this process may use")
    if shutil.which("likwid-bench") is None:
        pairs.skip("likwid-bench is not installed (apt install likwid)")
    return pairs.conclude(arguments, {f"{count} thread(s)": partial(compare, arguments, count) for count in counts})


if __name__ == "__main__":
    sys.exit(main())
