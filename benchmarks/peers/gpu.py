#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""gpu.copy, gpu.memory and gpu.latency beside NVIDIA's nvbandwidth, on GPU 0.

  benchmarks/peers/gpu.py --millrace build/release/bin/millrace --nvbandwidth PATH [--only host_to_device_ce,…]

One comparison for each of nvbandwidth's test cases below, with buffers of the same size. nvbandwidth gives decimal GB/s,
a copy within the GPU's memory counted once (gpu.memory counts bytes read plus bytes written, so half of it is compared),
and of latency the time of one access in ns. Two tools that measure the same hardware agree: the claim is within 3 %.
local_copy_sm has no test case of nvbandwidth's: Millrace's kernel beside the peer's copy engine, not slower than it.
"""

import json
import re
import sys
from functools import partial

import pairs
from pairs import Claim, Figures, Refused, measured, output_of

SIZE = "512MiB"  # nvbandwidth's default, in MiB to it
SAME = {"least": 0.97, "most": 1.03}
NOT_SLOWER = {"least": 0.97}


class Case:
    """One of nvbandwidth's (`test`), and what Millrace measures it by."""

    def __init__(self, test: str, probe: str, *parameters: str, share: float = 1.0, wanted=None):
        self.test = test
        self.probe = probe
        self.parameters = parameters
        self.share = share  # of Millrace's figure that the peer counts
        self.wanted = wanted or SAME

    @property
    def is_latency(self) -> bool:
        return self.probe == "gpu.latency"

    def ours(self, arguments) -> Figures:
        size = () if self.is_latency else ("--size", SIZE)
        measurement = measured(arguments.millrace, self.probe, "--gpu", "0", *size, *self.parameters,
                               seconds=arguments.seconds)
        if measurement["device"] != "gpu":
            raise Refused(f"millrace: it ended on {measurement['device']}, not on a GPU")
        if measurement["verified"] is False:
            raise Refused("millrace: wrong bytes")
        if self.is_latency:
            return {"latency_s": measurement["metrics"]["gpu0_to_host_access_s"]["p50"]}
        return {"bytes_per_s": measurement["throughput_bytes_per_s"]["mean"] * self.share}

    def claims(self) -> list[Claim]:
        if self.is_latency:
            return [Claim("latency_s", "one access", **self.wanted)]
        return [Claim("bytes_per_s", "bandwidth", **self.wanted)]


CASES = {case_name: Case(*parts[:-1], **parts[-1]) for case_name, *parts in (
    ("host_to_device_ce", "host_to_device_memcpy_ce", "gpu.copy", {}),
    ("device_to_host_ce", "device_to_host_memcpy_ce", "gpu.copy", "--pattern", "device-to-host", {}),
    ("host_to_device_sm", "host_to_device_memcpy_sm", "gpu.copy", "--engine", "sm", {}),
    ("device_to_host_sm", "device_to_host_memcpy_sm", "gpu.copy", "--pattern", "device-to-host", "--engine", "sm", {}),
    ("local_copy_ce", "device_local_copy", "gpu.memory", "--engine", "copy-engine", {"share": 0.5}),
    ("local_copy_sm", "device_local_copy", "gpu.memory", {"share": 0.5, "wanted": NOT_SLOWER}),
    ("host_latency_sm", "host_device_latency_sm", "gpu.latency", {}),
)}


def theirs(arguments, case: Case) -> Figures:
    text = output_of([arguments.nvbandwidth, "--json", "--testcase", case.test])
    try:
        cases = json.loads(text[text.index("{"):])["nvbandwidth"]["testcases"]
        value = float(cases[0]["bandwidth_matrix"][0][0])
    except (ValueError, KeyError, IndexError, TypeError):
        line = re.search(r"^\s*0\s+([0-9.]+)\s*$", text, re.MULTILINE)
        if line is None:
            raise Refused(f"nvbandwidth printed no figure of GPU 0:\n{text[-1500:]}") from None
        value = float(line.group(1))
    return {"latency_s": value * 1e-9} if case.is_latency else {"bytes_per_s": value * 1e9}


def compare(arguments, name: str, say) -> list[pairs.Judgement]:
    case = CASES[name]
    results = pairs.take_turns(partial(case.ours, arguments), partial(theirs, arguments, case), arguments.pairs, say)
    return pairs.judge(name, results, case.claims())


def main() -> int:
    parser = pairs.parser(__doc__, seconds=1)
    parser.add_argument("--nvbandwidth", required=True, help="built from its source")
    parser.add_argument("--only", help="comma-separated: " + ", ".join(CASES))
    arguments = parser.parse_args()
    names = arguments.only.split(",") if arguments.only else list(CASES)
    for name in names:
        if name not in CASES:
            parser.error(f"--only {name}: the cases are {', '.join(CASES)}")
    return pairs.conclude(arguments, {name: partial(compare, arguments, name) for name in names})


if __name__ == "__main__":
    sys.exit(main())
