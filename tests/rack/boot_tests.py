#!/usr/bin/env -S python3 -B
# SPDX-License-Identifier: Apache-2.0
"""Boots a virtual rack and runs guest scripts on its hosts; what they write comes back into the folder of results.
Exits 0 if every script was run to its end, whatever the tests' results are: those are verdict.py's, by their names."""
import argparse
import pathlib
import shlex
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
SKIPPED = 77


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--millrace", required=True, type=pathlib.Path, help="the binary to test")
    parser.add_argument("--hosts", type=int, choices=(1, 2), default=1)
    parser.add_argument("--timeout", type=float, default=400, help="seconds for all of it")
    parser.add_argument("--results", type=pathlib.Path, help="emptied first; by default a new folder in $TMPDIR")
    parser.add_argument("--goes", type=int, default=1, help="how often faults that take long are gone through")
    parser.add_argument("-k", metavar="REGEX", default="", help="run only tests with such names (SCRIPT.TEST)")
    parser.add_argument("scripts", nargs="+", help="files of tests/rack/guest; after --, options of scripts/rack/boot")
    words = sys.argv[1:]
    options = []
    if "--" in words:
        at = words.index("--")
        words, options = words[:at], words[at + 1:]
    arguments = parser.parse_args(words)

    scripts = []
    for script in arguments.scripts:
        found = [path for path in (pathlib.Path(script), HERE / "guest" / script) if path.is_file()]
        if not found:
            parser.error(f"no guest script {script}")
        scripts.append(found[0].resolve())
    results = arguments.results or pathlib.Path(tempfile.mkdtemp(prefix="rack-results-"))
    shutil.rmtree(results, ignore_errors=True)
    results.mkdir(parents=True)
    boot = HERE.parents[1] / "scripts/rack/boot"
    command = [boot, "--hosts", str(arguments.hosts), "--timeout", str(arguments.timeout), "--scratch", results,
               "--logs", results / "logs", *options, "env", f"MILLRACE_BINARY={arguments.millrace.resolve()}",
               f"MILLRACE_RACK_GOES={arguments.goes}",
               "python3", "-B", HERE / "in_guest.py", "-k", arguments.k, *scripts]
    ended = subprocess.run([str(word) for word in command], stdin=subprocess.DEVNULL, cwd=HERE, check=False)
    if ended.returncode == SKIPPED:
        (results / "skipped").write_text("no virtual rack can be booted here: see the output of rack.boot\n")
    elif ended.returncode:
        print("boot_tests: not every test was run; to see it live: "
              + shlex.join([str(word) for word in [HERE / "boot_tests.py", *sys.argv[1:]]]), file=sys.stderr)
    if not arguments.results:
        print(f"results: {results}")
    return ended.returncode


if __name__ == "__main__":
    sys.exit(main())
