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


def expect_words(code, done, *parts):
    """As expect, wherever the lines are broken."""
    expect(code, done)
    words = " ".join((done.stdout + done.stderr).split())
    for part in parts:
        assert part in words, f"{done.args}: lacks {part!r}\n{done.stdout}{done.stderr}"
    return done


def the_life_of_a_model(topology, result):
    listed = expect_words(0, run("workloads"), "Language-model training", "Checkpoint and restore", "Deployment", "Serving", "Mixes")
    for name in ("llama3-405b-pretrain", "moe-1t-finetune", "llama3-8b-cold-start", "vision-edge", "factory-corporate"):
        assert name in listed.stdout, name
    expect_words(0, run("workloads", "llama3-405b-pretrain-h100", "--accelerators", "16384"), "= 5.04 s", "(3.09 h)")
    expect_words(2, run("workloads", "llama3-70b-pretrain-h100", "--accelerators", "100"), "give a multiple of 32")
    mine = FOLDER / "life.json"
    mine.write_text(expect_words(0, run("workloads", "llama3-8b", "--json")).stdout)
    expect_words(0, run("workloads", mine), "llama3-8b-serve-b200", "llama3-8b-assist-l4")
    mine.write_text(mine.read_text().replace('"budget_s": 2.0', '"budget": 2.0', 1))
    expect_words(2, run("workloads", mine), "life.json", "/uses/", "budget_s is missing")

    both = expect_words(0, run("diagnose", topology, "--for", "vision-edge-l4", "--for", "vision-cloud-l4"), "IN TIME", "TOO LATE",
                        "no round trip was measured, the given 100 ms", "whatever the dependence", "vision-edge on 1 × L4 is in time", "vision-cloud on 1 × L4 is too late",
                        "Mend network round trip", "keeps the budget")
    assert both.stdout.index("IN TIME") < both.stdout.index("TOO LATE")
    expect_words(1, run("diagnose", topology, "--for", "vision-cloud-l4", "--fail-if-starved"))
    printed = expect_words(0, run("diagnose", topology, "--for", "vision-cloud-l4", "--json", "-"))
    latency = json.loads(printed.stdout)["diagnoses"][0]["latency"]
    assert latency["budget_s"] == 0.02 and 0.14 < latency["p99_s"] <= latency["bound_p99_s"], latency
    assert latency["mend"] == "network round trip" and not latency["parts"][0]["measured"], latency
    relief = json.loads(printed.stdout)["diagnoses"][0]["relief"]
    assert [step["resource"] for step in relief] == ["network round trip"] and relief[0]["latency_s"] <= 0.02, relief
    three = expect_words(3, run("diagnose", topology, "--for", "llama3-8b-checkpoint", "--accelerators", "8")).stdout
    for accelerator in ("A100", "B200", "H100"):
        assert f"llama3-8b-checkpoint on 8 × {accelerator}" in " ".join(three.split()), three
    expect_words(3, run("diagnose", topology, "--for", "llama3-8b-cold-start-h100"), "measure storage", "1 GB/s stand in")
    expect_words(0, run("diagnose", result, "--for", "llama3-8b-cold-start-h100"), "ready after 31.1 s")  # 16.06 GB ÷ 1 GB/s + 15 s
    expect_words(3, run("diagnose", result, "--for", "llama3-8b-checkpoint-h100", "--accelerators", "8"), "storage.write")
    expect_words(3, run("diagnose", result, "--for", "llama3-405b-pretrain-h100"), "cannot hold its training state", "--accelerators 128")
    expect_words(3, run("diagnose", result, "--for", "llama3-405b-pretrain-h100", "--accelerators", "1024"), "topo --generate")
    expect_words(0, run("diagnose", result, "--for", "factory-edge", "--accelerators", "16"), "vision-edge-l4 on 12 GPUs")
    expect_words(3, run("diagnose", result, "--for", "factory-corporate"), "--accelerators 160")
    expect_words(2, run("run", "--for", "vision-edge-l4"), "of the kind 'serve'", "millrace diagnose F --for vision-edge-l4")
    expect_words(2, run("run", "--for", "unet3d-h100", "--for", "llama3-8b-checkpoint-h100"), "storage.write")
    without = expect_words(3, run("diagnose", topology))
    assert "unet3d" in without.stdout and "llama3" not in without.stdout  # of itself it judges training input alone


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
    the_life_of_a_model(topology_file, result_file)
    documents(topology_file, result_file)
    bad_input(result_file)
    print("all as it should be")
finally:
    for left in FOLDER.iterdir():
        left.unlink()
    FOLDER.rmdir()
