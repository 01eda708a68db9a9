#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""tcp.stream beside iperf3, and tcp.latency beside sockperf, between two network namespaces joined by veth.

  benchmarks/peers/network.py --millrace build/release/bin/millrace [--only stream,streams,latency]

stream      one stream; both copy what they receive, and both use the same congestion control
streams     four streams at once
latency     ping-pong over TCP, messages of 64 bytes: the median round trip

The namespaces are made for the comparison, have private addresses, and are gone afterwards. Needs root. Each of the two
ends, of either tool, has one CPU of its own where there are two: left to itself, the kernel now puts both on one, now not.
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
from namespaces import NoNamespaces, TwoHosts  # noqa: E402

MESSAGE_BYTES = 64
PATIENCE_S = 10


def at(side, index: int) -> list[str]:
    """Before a command, to run it as that end of the cable."""
    cpus = sorted(os.sched_getaffinity(0))
    return [*side.prefix(), *(["taskset", "--cpu-list", str(cpus[-1 - index])] if len(cpus) > 1 else [])]


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


def millrace(arguments, near, far, probe: str, *parameters: str) -> dict:
    peer = [*at(far, 0), arguments.millrace, "peer", "--listen", f"{far.address}:0"]
    with serving(peer, "token ") as lines:
        listening = next(line.split()[-1] for line in lines if line.startswith("listening on "))
        os.environ["MILLRACE_TOKEN"] = lines[-1].split()[-1]
        return measured(arguments.millrace, probe, "--peer", listening, *parameters, seconds=arguments.seconds,
                        prefix=tuple(at(near, 1)))


def stream(arguments, near, far, streams: int) -> Figures:
    measurement = millrace(arguments, near, far, "tcp.stream", "--streams", str(streams), "--congestion",
                           arguments.congestion)
    if measurement["verified"] is not True:
        raise Refused(f"millrace: verified {measurement['verified']}")
    return {"bytes_per_s": measurement["throughput_bytes_per_s"]["mean"]}


def iperf3(arguments, near, far, streams: int) -> Figures:
    """What its receiver got, without the first second, as Millrace cuts its warm-up."""
    with serving([*at(far, 0), "iperf3", "--server", "--one-off", "--bind", far.address, "--forceflush"], "listening"):
        text = output_of([*at(near, 1), "iperf3", "--client", far.address, "--time", str(arguments.seconds), "--omit", "1",
                          "--parallel", str(streams), "--congestion", arguments.congestion, "--json"])
    return {"bytes_per_s": json.loads(text)["end"]["sum_received"]["bits_per_second"] / 8}


def latency(arguments, near, far) -> Figures:
    measurement = millrace(arguments, near, far, "tcp.latency", "--message-size", str(MESSAGE_BYTES))
    return {"p50_s": measurement["latency_s"]["p50"], "p99_s": measurement["latency_s"]["p99"]}


def sockperf(arguments, near, far) -> Figures:
    """It prints half of a round trip."""
    where = ["--tcp", "-i", far.address, "-p", "11111"]
    with serving(["stdbuf", "-oL", *at(far, 0), "sockperf", "server", *where], "to block on"):
        text = output_of([*at(near, 1), "sockperf", "ping-pong", *where, "--msg-size", str(MESSAGE_BYTES), "--time",
                          str(arguments.seconds)])
    half_us = {name: float(value) for name, value in re.findall(r"percentile (\d+\.\d+) =\s+([\d.]+)", text)}
    if "50.000" not in half_us:
        raise Refused(f"sockperf printed no percentiles:\n{text}")
    return {"p50_s": 2e-6 * half_us["50.000"], "p99_s": 2e-6 * half_us["99.000"]}


def compare_streams(arguments, near, far, streams: int, say) -> list[pairs.Judgement]:
    results = pairs.take_turns(partial(stream, arguments, near, far, streams),
                               partial(iperf3, arguments, near, far, streams), arguments.pairs, say)
    return pairs.judge(f"{streams} stream(s), iperf3", results, [Claim("bytes_per_s", "bytes per second", least=1.0)])


def compare_latency(arguments, near, far, say) -> list[pairs.Judgement]:
    results = pairs.take_turns(partial(latency, arguments, near, far), partial(sockperf, arguments, near, far),
                               arguments.pairs, say)
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
