# SPDX-License-Identifier: Apache-2.0
"""Drives the millrace binary for the black-box tests: runs it, looks at what it left, and holds documents to the schema.

A test file ends with `command_line.main()`: ctest runs one test method a time, by its name; exit 77 is a skip.
"""
import contextlib
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

SOURCE = pathlib.Path(__file__).resolve().parents[2]
BINARY = pathlib.Path(os.environ.get("MILLRACE_BINARY", ""))
BUILD = pathlib.Path(os.environ.get("MILLRACE_BUILD", ""))
FAULTS = BUILD / "tests/modules/faulty/faults"
BROKEN = BUILD / "tests/modules/faulty/broken"
PATIENCE_S = 120  # what no test may take; a hang of the binary is a failure, not a hang of the test


class Ended:
    """How a command ended."""

    def __init__(self, code, out, err, seconds):
        self.code, self.out, self.err, self.seconds = code, out, err, seconds

    @property
    def document(self):
        return json.loads(self.out)

    @property
    def measurement(self):
        return self.document["measurements"][0]


def environment(modules=None, **more):
    environ = {k: v for k, v in os.environ.items() if k not in ("MILLRACE_MODULE_PATH", "NO_COLOR")}
    if modules:
        environ["MILLRACE_MODULE_PATH"] = str(modules)
    # A sanitizer's own signal handlers would hide how a faulty module ended.
    environ["ASAN_OPTIONS"] = "handle_segv=0:handle_abort=0:detect_leaks=0:" + environ.get("ASAN_OPTIONS", "")
    environ.update(more)
    return environ


def children_of(pid):
    """Every descendant that lives now."""
    found = []
    for child in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):  # it ended meanwhile
            text = pathlib.Path(f"/proc/{child}/stat").read_text()
            if int(text.rsplit(")", 1)[1].split()[1]) == pid:
                found.append(int(child))
    return found + [deeper for child in found for deeper in children_of(child)]


def workers_of(pid):
    def name(child):
        with contextlib.suppress(OSError):
            return pathlib.Path(f"/proc/{child}/comm").read_text().strip()
    return [child for child in children_of(pid) if name(child) == "millrace-worker"]


def is_alive(pid):
    try:
        state = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except OSError:
        return False
    return state not in "ZX"


def tree(folder):
    """All that lies below a folder, with what a write would change."""
    listing = {}
    for path in sorted(pathlib.Path(folder).rglob("*")):
        info = path.lstat()
        listing[str(path.relative_to(folder))] = (info.st_mode, info.st_size, info.st_mtime_ns)
    return listing


class CommandTest(unittest.TestCase):
    maxDiff = 4000
    modules = None  # the folder on $MILLRACE_MODULE_PATH

    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="millrace-test-", dir=os.environ.get("TMPDIR", "/tmp")))
        self.addCleanup(shutil.rmtree, self.folder, True)

    def start(self, *arguments, prefix=(), **environ):
        return subprocess.Popen([*map(str, prefix), str(BINARY), *map(str, arguments)], cwd=self.folder,
                                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                errors="backslashreplace", env=environment(self.modules, **environ))

    def finish(self, process, began=None, patience=PATIENCE_S):
        """Waits for the end; whatever is still there of it afterwards is a failure."""
        began = began or time.monotonic()
        try:
            out, err = process.communicate(timeout=patience)
        except subprocess.TimeoutExpired:
            left = children_of(process.pid)
            for pid in [process.pid, *left]:
                with contextlib.suppress(OSError):
                    os.kill(pid, signal.SIGKILL)
            out, err = process.communicate()
            self.fail(f"it did not end within {patience} s\n{out}\n{err}")
        return Ended(process.returncode, out, err, time.monotonic() - began)

    def run_it(self, *arguments, prefix=(), patience=PATIENCE_S, **environ):
        began = time.monotonic()
        # What outlives the command would be handed to this process: so it is seen.
        ended = self.finish(self.start(*arguments, prefix=prefix, **environ), began, patience)
        self.assertNoneLeft()
        self.assertNotIn("bug:", ended.err)
        self.assertNotIn("Sanitizer", ended.err)
        self.assertNotIn("runtime error:", ended.err)
        return ended

    def assertNoneLeft(self):
        deadline = time.monotonic() + 2
        while left := [pid for pid in children_of(os.getpid()) if is_alive(pid)]:
            if time.monotonic() > deadline:
                names = [pathlib.Path(f"/proc/{pid}/comm").read_text().strip() for pid in left]
                for pid in left:
                    os.kill(pid, signal.SIGKILL)
                self.fail(f"left running: {names}")
            time.sleep(0.02)
        while children_of(os.getpid()):  # orphans that ended
            os.waitpid(-1, 0)

    def measure(self, *arguments, **options):
        return self.run_it("measure", *arguments, "--quiet", "--json", "-", **options)

    def refused(self, *arguments, what="", hint="", **options):
        """Exit 2, one message that says what and the way out, and nothing on standard output."""
        ended = self.run_it(*arguments, **options)
        self.assertEqual(ended.code, 2, ended.err)
        self.assertEqual(ended.out, "")
        lines = ended.err.splitlines()
        self.assertTrue(lines and lines[0].startswith("millrace: error: "), ended.err)
        self.assertLessEqual(len(lines), 2, ended.err)
        self.assertIn(what, lines[0])
        self.assertIn(hint, lines[1] if len(lines) > 1 else "")
        return ended

    def assertSatisfiesSchema(self, file, schema="result"):
        done = subprocess.run([sys.executable, SOURCE / "tests/unit/record/validate.py",
                               SOURCE / f"reports/schema/{schema}.schema.json", file], capture_output=True, text=True,
                              check=False)
        if done.returncode == 77:
            self.skipTest("python3-jsonschema is not installed")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def assertEndedAsItsVerdicts(self, ended, document):
        """Which verdict a machine under test gets, the machine decides; the exit code has to say the same."""
        verdicts = [d["verdict"] for d in document["diagnoses"]]
        self.assertTrue(verdicts, ended.err)
        self.assertEqual(ended.code, 0 if {"fed", "starved"} & set(verdicts) else 3, f"{verdicts}\n{ended.err}")

    def assertFolderIsEmpty(self, folder=None):
        self.assertEqual(os.listdir(folder or self.folder), [])


def become_subreaper():
    """Orphans of a command come to this process instead of to init, so that none escapes notice."""
    import ctypes
    ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)  # PR_SET_CHILD_SUBREAPER


def main():
    become_subreaper()
    program = unittest.main(exit=False, verbosity=2)
    if program.result.skipped and program.result.wasSuccessful():
        print("skipped:", "; ".join(reason for _, reason in program.result.skipped))
        sys.exit(77)
    sys.exit(not program.result.wasSuccessful() or program.result.testsRun == 0)
