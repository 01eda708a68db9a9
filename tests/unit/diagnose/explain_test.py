# SPDX-License-Identifier: Apache-2.0
"""`millrace diagnose --explain`: what is printed is a sum that gives its results when its numbers are typed in. The
arithmetic here is Python's, the figures are those on the screen."""
import json
import pathlib
import re
import subprocess
import sys
import tempfile

BINARY = sys.argv[1]


def run(*arguments):
    done = subprocess.run([BINARY, *map(str, arguments)], capture_output=True, text=True, timeout=60)
    assert done.returncode in (0, 3), f"{arguments}: exit {done.returncode}\n{done.stderr}"
    return done.stdout


def measurement(number, probe, label, rates, path=(), **more):
    mean = sum(rates) / len(rates)
    unknown = {"p5": None, "p50": None, "p95": None}
    repeats = [{"throughput_bytes_per_s": rate, "operations_per_s": 0, "begin_ns": i * 10**10,
                "end_ns": i * 10**10 + 2 * 10**9, "stop_reason": "converged"} for i, rate in enumerate(rates)]
    return {"id": f"m{number}", "probe": probe, "status": "ok", "reason": "", "label": label, "parameters": {},
            "device": "host", "flags": [], "from": "", "to": "", "path": [{"resource": r, "units_per_byte": u} for r, u in path],
            "concurrent_with": [], "throughput_bytes_per_s": {"mean": mean, "ci95_low": 0.98 * mean, "ci95_high": 1.02 * mean,
                                                              **unknown},
            "operations_per_s": {"mean": 0, "ci95_low": None, "ci95_high": None, **unknown}, "latency_s": None,
            "latency_histogram": None, "repeats": repeats, "participants": [], "slices": None, "stages": [], "metrics": {},
            "counters": {}, "energy_j": None, "limit_bytes_per_s": None, "limit_source": "", "limit_fraction": None,
            "verified": None, "duration_s": 2.0 * len(rates), **more}


def stage(name, threads, busy):
    return {"name": name, "threads": threads, "busy_share": busy, "blocked_on_input_share": 0,
            "blocked_on_output_share": 1 - busy, "cpu_s": 1.25, "bytes": 10**10, "output_queue_fill": None,
            "resource": f"cpu:{name}"}


def document(folder):
    """A host with one drive, its memory, and the pipeline's stages alone."""
    topology = folder / "topology.json"
    run("topo", "--json", topology)
    result = json.loads(topology.read_text())
    host = {"host": 0, "limit_bytes_per_s": None, "limit_source": "", "numa": None, "pci": ""}
    result["topology"] = {"endpoints": [], "links": [], "resources": [
        {"id": "drive:a", "kind": "drive", "name": "a", **host},
        {"id": "pcie:a:read", "kind": "pcie_link", "name": "the link of a", **host, "limit_bytes_per_s": 7.88e9,
         "limit_source": "PCIe 16 GT/s x4"},
        {"id": "memory:0", "kind": "memory_controller", "name": "", **host}]}
    synthetic = {"source": "synthetic", "compute": 0.0, "accelerators": 1}
    result["measurements"] = [
        measurement(1, "storage.read", "unet3d", [1.013e9, 1.027e9, 0.998e9],
                    [("drive:a", 1), ("pcie:a:read", 1), ("memory:0", 1)]),
        measurement(2, "memory.copy", "", [10.1e9, 9.7e9, 10.2e9], [("memory:0", 2)]),
        measurement(3, "ingest.pipeline", "unet3d", [3.3e9, 3.1e9, 3.4e9], parameters=synthetic, device="stand-in",
                    stages=[stage("prep", 4, 0.37), stage("copy", 1, 0.83)])]
    result.update({"schema": "millrace.result/1", "tool": {"name": "millrace", "version": "0", "commit": ""},
                   "started": "2026-01-01T00:00:00Z", "interference": [], "diagnoses": []})
    path = folder / "result.json"
    path.write_text(json.dumps(result))
    return path


UNITS = {"%": 0.01, "B": 1, "B/s": 1, "s": 1}
PREFIXES = {"P": 1e15, "T": 1e12, "G": 1e9, "M": 1e6, "k": 1e3, "m": 1e-3, "µ": 1e-6, "n": 1e-9}


def value_of(unit):
    for name, value in UNITS.items():
        if unit == name:
            return value
        if unit[:1] in PREFIXES and unit[1:] == name:
            return PREFIXES[unit[0]] * value
    return 1  # "records", "threads"


def typed_in(side):
    """What one side of a line gives on a calculator, by Python's own arithmetic."""
    expression = ""
    for term in re.split(r" ([×÷−]|\+(?![^(]*\))) ", side):
        if term in "×÷−+":
            expression += {"×": "*", "÷": "/", "−": "-", "+": "+"}[term]
            continue
        number, unit = re.fullmatch(r"(\([^)]*\)|-?[0-9.]+) ?(.*)", term).groups()
        assert re.fullmatch(r"[-0-9. +()]+", number), side
        expression += f"({number}*{value_of(unit)!r})"
    return eval(expression)  # of digits, brackets and signs alone, by the assertion above


def the_sum_can_be_checked_with_a_calculator(result, workload, least, counts=(1, 3)):
    for accelerators in counts:
        printed = run("diagnose", result, "--for", workload, "--explain", "--accelerators", accelerators)
        sums = [line.strip() for line in printed.splitlines() if re.match(r" {8}\S.* [=<>] ", line)]
        assert len(sums) >= least, printed
        for line in sums:
            left, relation, right = re.split(r" ([=<>]) ", line)
            a, b = typed_in(left), typed_in(right)
            # The result is rounded to four digits; a difference of near equals to six of what it is taken from.
            slack = 6e-4 * abs(b) + (2e-5 * abs(typed_in(re.split(" [+−] ", left)[0])) if "−" in left else 0)
            good = abs(a - b) <= slack if relation == "=" else a < b + slack if relation == "<" else a > b - slack
            assert good, f"{line}: {a} and {b}"


def the_document_has_it_too(folder, result):
    again = folder / "again.json"
    printed = run("diagnose", result, "--for", "unet3d-h100", "--explain", "--json", again)
    steps = json.loads(again.read_text())["diagnoses"][0]["explanation"]
    parts = list(dict.fromkeys(step["part"] for step in steps))
    assert parts == ["demand", "path", "capacity", "utilization", "binding", "prediction", "verdict", "relief", "proof"], parts
    for step in steps:
        assert step["claim"] and set(step["evidence"]) <= {"m1", "m2", "m3"}, step
    for step in steps:
        assert step["arithmetic"] in printed, step["arithmetic"]
    assert any(step["arithmetic"].startswith("(1.013 + 1.027 + 0.998) GB/s ÷ 3 = ") for step in steps), steps


with tempfile.TemporaryDirectory(prefix="millrace-explain-test-") as name:
    place = pathlib.Path(name)
    made = document(place)
    for workload in ("unet3d-h100", "resnet50-a100", "cosmoflow-h100"):
        the_sum_can_be_checked_with_a_calculator(made, workload, 12)
    the_document_has_it_too(place, made)
    # Whatever the kind of workload or machine, and whoever wrote the lines.
    for workload in ("llama3-8b-cold-start-h100", "vision-edge-l4", "vision-cloud-l4", "llama3-8b-serve-b200"):
        the_sum_can_be_checked_with_a_calculator(made, workload, 1)
    fabric = place / "fabric.json"
    run("topo", "--generate", "fat-tree", "--hosts", "96", "--gpus", "8", "--json", fabric)
    for workload in ("llama3-70b-pretrain-h100", "llama3-8b-finetune-h100", "unet3d-h100"):
        the_sum_can_be_checked_with_a_calculator(fabric, workload, 2, (64, 768))
print("all as it should be")
