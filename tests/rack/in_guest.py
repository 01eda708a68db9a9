# SPDX-License-Identifier: Apache-2.0
"""Runs on each host of a rack: every test of the guest scripts, one after another, in step with the other host. Each
writes SCRIPT.TEST.HOST into the scratch directory: "passed", "failed" or "skipped", seconds; then all that it printed.

Exits 0 whatever the results are: this program's status says whether all tests were run."""
import argparse
import contextlib
import importlib.util
import os
import pathlib
import re
import signal
import subprocess
import sys
import time
import traceback
import unittest

GUEST = pathlib.Path(__file__).resolve().parent / "guest"
sys.path.insert(0, str(GUEST))
import rack_host

LIMIT_S = 100
SKIPPED = 77


class OutOfTime(Exception):
    pass


def python_tests(path):
    """(name, callable, seconds) of each test method, in the order of the file. The callable raises."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    found = []
    for case in vars(module).values():
        if not (isinstance(case, type) and issubclass(case, unittest.TestCase) and case.__module__ == path.stem):
            continue
        for name, method in vars(case).items():
            if name.startswith("test_"):
                found.append((method.__code__.co_firstlineno, name, case))

    def run(case, name):
        test = case(name)
        case.setUpClass()
        try:
            test.setUp()
            try:
                getattr(test, name)()
            finally:
                test.tearDown()
        finally:
            test.doCleanups()
            case.tearDownClass()

    limit = getattr(module, "LIMIT_S", LIMIT_S)
    return [(name, lambda case=case, name=name: run(case, name), limit) for _, name, case in sorted(found, key=lambda f: f[0])]


def bash_tests(path):
    text = path.read_text()
    limit = re.search(r"^LIMIT_S=(\d+)", text, re.M)

    def run(name):
        script = 'set -euo pipefail; . "$1"; . "$2"; "$3"'
        ended = subprocess.run(["bash", "-c", script, "bash", str(GUEST / "rack_host.sh"), str(path), name], check=False)
        if ended.returncode == SKIPPED:
            raise unittest.SkipTest("see above")
        if ended.returncode:
            raise AssertionError(f"{name} returned {ended.returncode}")

    return [(name, lambda name=name: run(name), int(limit[1]) if limit else LIMIT_S)
            for name in re.findall(r"^(test_[a-z0-9_]+) *\(", text, re.M)]


@contextlib.contextmanager
def output_into(file):
    """Everything that this process and its children print meanwhile."""
    sys.stdout.flush()
    sys.stderr.flush()
    kept = os.dup(1), os.dup(2)
    os.dup2(file.fileno(), 1)
    os.dup2(file.fileno(), 2)
    try:
        yield
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os.dup2(kept[0], 1)
        os.dup2(kept[1], 2)
        for number in kept:
            os.close(number)


def verdict_of(run, limit):
    def out_of_time(*_):
        raise OutOfTime(f"the test did not end within {limit} s")

    signal.signal(signal.SIGALRM, out_of_time)
    signal.alarm(limit)
    try:
        run()
        return "passed"
    except unittest.SkipTest as why:
        print(f"skipped: {why}")
        return "skipped"
    except Exception:
        traceback.print_exc()
        return "failed"
    finally:
        signal.alarm(0)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("-k", default="")
    parser.add_argument("scripts", nargs="+", type=pathlib.Path)
    arguments = parser.parse_args()
    for path in arguments.scripts:
        script = path.name.rsplit("_test.", 1)[0]
        for name, run, limit in python_tests(path) if path.suffix == ".py" else bash_tests(path):
            test = f"{script}.{name.removeprefix('test_')}"
            if not re.search(arguments.k, test):
                continue
            os.environ["RACK_TEST"] = test
            printed = pathlib.Path(f"/run/{test}")
            with printed.open("w") as output, output_into(output):
                rack_host.barrier("begin", fail=False)
                began = time.monotonic()
                verdict = verdict_of(run, limit)
            seconds = time.monotonic() - began
            # In one piece, since the other host looks for it.
            result = rack_host.scratch() / f"{test}.{rack_host.HOST}"
            part = result.with_name(f".{result.name}")
            part.write_text(f"{verdict} {seconds:.1f}\n{printed.read_text(errors='replace')}")
            part.rename(result)
            print(f"{verdict} {test} ({seconds:.1f} s)", flush=True)
            if verdict == "failed":
                print(printed.read_text(errors="replace"), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
