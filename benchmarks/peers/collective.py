#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""gloo.all_reduce beside a bare loop of Gloo's all_reduce, over loopback.

  benchmarks/peers/collective.py --millrace build/release/bin/millrace --gloo-loop build/release/bin/gloo_loop

all_reduce  64 MiB of floats over 2 ranks, summed out of place, one array again and again in both; Millrace's result is
            verified before it is measured
"""

import pathlib
import sys
from functools import partial

import pairs
from pairs import Claim, Figures, Refused, measured, on_cpus, output_of

RANKS = 2
SIZE_BYTES = 64 << 20
CPUS = 2


def millrace(arguments) -> Figures:
    measurement = measured(arguments.millrace, "gloo.all_reduce", "--ranks", str(RANKS), "--size", str(SIZE_BYTES),
                           "--region", "0", seconds=arguments.seconds, cpus=CPUS)
    if measurement["verified"] is not True:
        raise Refused(f"millrace: verified {measurement['verified']}")
    return {"bytes_per_s": measurement["throughput_bytes_per_s"]["mean"]}


def bare(arguments) -> Figures:
    text = output_of([*on_cpus(CPUS), arguments.gloo_loop, str(RANKS), str(SIZE_BYTES), str(arguments.seconds)])
    return {"bytes_per_s": float(text)}


def compare(arguments, say) -> list[pairs.Judgement]:
    results = pairs.take_turns(partial(millrace, arguments), partial(bare, arguments), arguments.pairs, say)
    return pairs.judge("all_reduce, bare Gloo", results, [Claim("bytes_per_s", "algorithm bandwidth", least=0.95)])


def main() -> int:
    parser = pairs.parser(__doc__, seconds=3)
    parser.add_argument("--gloo-loop", help="the bare loop; default: beside millrace")
    arguments = parser.parse_args()
    if arguments.gloo_loop is None:
        arguments.gloo_loop = str(pathlib.Path(arguments.millrace).with_name("gloo_loop"))
    if not pathlib.Path(arguments.gloo_loop).exists():
        pairs.skip(f"{arguments.gloo_loop} is not built: it needs libgloo-dev and MILLRACE_BUILD_BENCHMARKS=ON")
    return pairs.conclude(arguments, {"all_reduce": partial(compare, arguments)})


if __name__ == "__main__":
    sys.exit(main())
