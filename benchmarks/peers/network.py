#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""tcp.stream beside iperf3, and tcp.latency beside sockperf, between two network namespaces joined by veth.

  benchmarks/peers/network.py --millrace build/release/bin/millrace [--only stream,streams,latency]

stream      one stream; both copy what they receive, and both use the same congestion control
streams     four streams at once
latency     ping-pong over TCP, messages of 64 bytes: the median round trip

The namespaces are made for the comparison, have private addresses, and are gone afterwards. Needs root. Left to
itself, the kernel puts two ends on one CPU now, and on two then, and wakes the other CPU at a cost that dwarfs what the tools
differ by. So with either tool the two ends of streams have a CPU each (where there are two), and those of the ping-pong share
one; --cpus free leaves it to the kernel, which evens out what else a busy machine does.
"""

import contextlib
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
from functools import partial

import pairs
from pairs import Claim, Figures, Refused, measured, output_of

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "tests/cli"))
from namespaces import FAR_ADDRESS as ADDRESS, NoNamespaces, TwoHosts  # noqa: E402

MESSAGE_BYTES = 64
PATIENCE_S = 10


def ends(arguments, near, far, apart: bool) -> tuple[list[str], list[str]]:
    """Before a command, to run it as this end of the cable, and as the other."""
    if arguments.cpus == "free":
        return near.prefix(), far.prefix()
    cpus = sorted(os.sched_getaffinity(0))
    chosen = (cpus[-1], cpus[-2 if apart and len(cpus) > 1 else -1])
    here, there = (["taskset", "--cpu-list", str(cpu)] for cpu in chosen)
    return [*near.prefix(), *here], [*far.prefix(), *there]


@contextlib.contextmanager
def serving(command: list[str], ready: str):
    """The lines that a server printed until the one that holds `ready`; the server is ended afterwards."""
    server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        lines = []
        for line in server.stdout:
            lines.append(line.rstrip())
            if ready in line:
                break
        else:
            raise Refused(f"{' '.join(command)}\nended: {' '.join(lines)}")
        yield lines
    finally:
        server.send_signal(signal.SIGTERM)
        try:
            server.communicate(timeout=PATIENCE_S)
        except subprocess.TimeoutExpired:
            server.kill()
            server.communicate()


def millrace(arguments, here, there, probe: str, *parameters: str) -> dict:
    peer = [*there, arguments.millrace, "peer", "--listen", f"{ADDRESS}:0"]
    with serving(peer, "token ") as lines:
        listening = next(line.split()[-1] for line in lines if line.startswith("listening on "))
        os.environ["MILLRACE_TOKEN"] = lines[-1].split()[-1]
        return measured(arguments.millrace, probe, "--peer", listening, *parameters, seconds=arguments.seconds,
                        prefix=tuple(here))


def stream(arguments, here, there, streams: int) -> Figures:
    measurement = millrace(arguments, here, there, "tcp.stream", "--streams", str(streams), "--congestion",
                           arguments.congestion)
    if measurement["verified"] is not True:
        raise Refused(f"millrace: verified {measurement['verified']}")
    return {"bytes_per_s": measurement["throughput_bytes_per_s"]["mean"]}


def iperf3(arguments, here, there, streams: int) -> Figures:
    """What its receiver got, without the first second, as Millrace cuts its warm-up."""
    with serving([*there, "iperf3", "--server", "--one-off", "--bind", ADDRESS, "--forceflush"], "listening"):
        text = output_of([*here, "iperf3", "--client", ADDRESS, "--time", str(arguments.seconds), "--omit", "1",
                          "--parallel", str(streams), "--congestion", arguments.congestion, "--json"])
    return {"bytes_per_s": json.loads(text)["end"]["sum_received"]["bits_per_second"] / 8}


def latency(arguments, here, there) -> Figures:
    measurement = millrace(arguments, here, there, "tcp.latency", "--message-size", str(MESSAGE_BYTES))
    return {"p50_s": measurement["latency_s"]["p50"]}


def sockperf(arguments, here, there) -> Figures:
    """It prints half of a round trip."""
    where = ["--tcp", "-i", ADDRESS, "-p", "11111"]
    with serving(["stdbuf", "-oL", *there, "sockperf", "server", *where], "to block on"):
        text = output_of([*here, "sockperf", "ping-pong", *where, "--msg-size", str(MESSAGE_BYTES), "--time",
                          str(arguments.seconds)])
    half_us = re.search(r"percentile 50\.000 =\s+([\d.]+)", text)
    if half_us is None:
        raise Refused(f"sockperf printed no median:\n{text}")
    return {"p50_s": 2e-6 * float(half_us[1])}


def compare_streams(arguments, near, far, streams: int, say) -> list[pairs.Judgement]:
    both = ends(arguments, near, far, apart=True)
    results = pairs.take_turns(partial(stream, arguments, *both, streams), partial(iperf3, arguments, *both, streams),
                               arguments.pairs, say)
    return pairs.judge(f"{streams} stream(s), iperf3", results, [Claim("bytes_per_s", "bytes per second", least=1.0)])


def compare_latency(arguments, near, far, say) -> list[pairs.Judgement]:
    both = ends(arguments, near, far, apart=False)
    results = pairs.take_turns(partial(latency, arguments, *both), partial(sockperf, arguments, *both), arguments.pairs, say)
    return pairs.judge("ping-pong, sockperf", results, [Claim("p50_s", "median round trip", most=1.05)])


def main() -> int:
    comparisons = {
        "stream": ("iperf3", lambda *where: partial(compare_streams, *where, 1)),
        "streams": ("iperf3", lambda *where: partial(compare_streams, *where, 4)),
        "latency": ("sockperf", lambda *where: partial(compare_latency, *where)),
    }
    parser = pairs.parser(__doc__, seconds=2)
    parser.add_argument("--only", default=",".join(comparisons), help="comma-separated: " + ", ".join(comparisons))
    parser.add_argument("--congestion", default="cubic",
                        help="control of both tools' streams; bbr paces by its estimate of the link, which a busy machine upsets")
    parser.add_argument("--cpus", choices=("chosen", "free"), default="chosen", help="on which the two ends run")
    arguments = parser.parse_args()
    chosen = arguments.only.split(",")
    unknown = [name for name in chosen if name not in comparisons]
    if unknown:
        parser.error(f"--only {unknown[0]}: one of {', '.join(comparisons)}")
    for tool in {comparisons[name][0] for name in chosen}:
        if shutil.which(tool) is None:
            pairs.skip(f"{tool} is not installed (apt install {tool})")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the namespaces go too
    try:
        with TwoHosts() as (near, far):
            return pairs.conclude(arguments, {name: comparisons[name][1](arguments, near, far) for name in chosen})
    except NoNamespaces as reason:
        pairs.skip(str(reason))


if __name__ == "__main__":
    sys.exit(main())
