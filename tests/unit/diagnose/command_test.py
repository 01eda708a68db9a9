# SPDX-License-Identifier: Apache-2.0
"""`millrace workloads` and `millrace diagnose` as a user meets them: exit codes, messages, what goes to stdout."""
import json
import pathlib
import subprocess
import sys
import tempfile

BINARY = sys.argv[1]
FOLDER = pathlib.Path(tempfile.mkdtemp(prefix="millrace-diagnose-test-"))


def run(*arguments):
    done = subprocess.run([BINARY, *map(str, arguments)], capture_output=True, text=True, timeout=60)
    assert done.returncode >= 0, f"{arguments} died by signal {-done.returncode}"
    return done


def expect(code, done, *parts):
    assert done.returncode == code, f"{done.args}: exit {done.returncode}, {code} is right\n{done.stdout}{done.stderr}"
    for part in parts:
        assert part in done.stdout + done.stderr, f"{done.args}: lacks {part!r}\n{done.stdout}{done.stderr}"
    return done


def result_document():
    """This machine's topology as a result document, with one measured hop: a drive of 1 GB/s."""
    topology = FOLDER / "topology.json"
    expect(0, run("topo", "--json", topology))
    document = json.loads(topology.read_text())
    unknown = {"p5": None, "p50": None, "p95": None}
    rate = {"mean": 1e9, "ci95_low": 0.99e9, "ci95_high": 1.01e9, **unknown}
    operations = {"mean": 1000, "ci95_low": 990, "ci95_high": 1010, **unknown}
    repeat = {"throughput_bytes_per_s": 1e9, "operations_per_s": 1000, "begin_ns": 0, "end_ns": 10**9,
              "stop_reason": "converged"}
    measurement = {"id": "m1", "probe": "storage.read", "status": "ok", "label": "unet3d", "device": "host", "reason": "",
                   "parameters": {}, "flags": [], "from": "", "to": "", "path": [], "concurrent_with": [],
                   "throughput_bytes_per_s": rate, "operations_per_s": operations, "repeats": [repeat] * 3,
                   "duration_s": 3.0, "latency_s": None, "latency_histogram": None, "participants": [], "slices": None,
                   "stages": [], "metrics": {}, "counters": {}, "energy_j": None, "limit_bytes_per_s": None,
                   "limit_source": "", "limit_fraction": None, "verified": None}
    document.update({"schema": "millrace.result/1", "tool": {"name": "millrace", "version": "0", "commit": ""},
                     "started": "2026-01-01T00:00:00Z", "measurements": [measurement], "interference": [],
                     "diagnoses": []})
    path = FOLDER / "result.json"
    path.write_text(json.dumps(document))
    return topology, path


def workloads():
    expect(0, run("workloads"), "unet3d-h100", "3.18 GB/s")
    expect(0, run("workloads", "cosmoflow-a100"), "MLPerf Storage")
    expect(2, run("workloads", "unet3d-h10"), "did you mean 'unet3d-h100'?")
    mine = FOLDER / "mine.json"
    mine.write_text(expect(0, run("workloads", "unet3d", "--json")).stdout)
    expect(0, run("workloads", mine), "unet3d-b200")
    mine.write_text('{"schema": "millrace.workload/1",\n "model": }')
    expect(2, run("workloads", mine), "mine.json", "line 2")


def documents(topology, result):
    expect(0, run("diagnose", result, "--for", "unet3d-h100"), "is starved by storage", "1 GB/s")
    expect(1, run("diagnose", result, "--for", "unet3d-h100", "--fail-if-starved"))
    expect(0, run("diagnose", result, "--for", "unet3d-h100", "--explain"), "How unet3d", "from m1 storage.read")
    expect(3, run("diagnose", topology, "--for", "unet3d-h100"), "cannot be told", "millrace run --for unet3d-h100")
    printed = expect(0, run("diagnose", result, "--for", "unet3d", "--json", "-"))
    diagnoses = json.loads(printed.stdout)["diagnoses"]
    assert [d["workload"] for d in diagnoses] == ["unet3d-a100", "unet3d-b200", "unet3d-h100"], diagnoses
    assert all(d["verdict"] == "starved" for d in diagnoses)
    again = FOLDER / "again.json"
    expect(0, run("diagnose", result, "--for", "unet3d-h100", "--accelerators", "4", "--json", again))
    assert json.loads(again.read_text())["diagnoses"][0]["accelerators"] == 4
    expect(0, run("diagnose", again, "--for", "unet3d-h100"), "1 × H100")


def bad_input(result):
    expect(2, run("diagnose", result, "--for", "unet3d-h10"), "did you mean")
    expect(2, run("diagnose", FOLDER / "none.json", "--for", "unet3d"), "none.json")
    expect(2, run("diagnose", result, "--for", "unet3d", "--json", FOLDER / "no" / "where.json"), "where.json")
    expect(2, run("diagnose", result, "--fore", "unet3d"))
    text = result.read_text()
    for name, content in {"empty": "", "truncated": text[: len(text) // 2], "deep": "[" * 100000,
                          "version": text.replace("millrace.result/1", "millrace.result/9"),
                          "type": text.replace('"measurements": [', '"measurements": [7,')}.items():
        path = FOLDER / f"{name}.json"
        path.write_text(content)
        expect(2, run("diagnose", path, "--for", "unet3d"), f"{name}.json")


try:
    workloads()
    topology_file, result_file = result_document()
    documents(topology_file, result_file)
    bad_input(result_file)
    print("all as it should be")
finally:
    for left in FOLDER.iterdir():
        left.unlink()
    FOLDER.rmdir()
