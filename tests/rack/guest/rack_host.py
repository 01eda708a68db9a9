# SPDX-License-Identifier: Apache-2.0
"""For guest scripts in python: this host of the rack, and the binary under test."""
import json
import os
import pathlib
import subprocess
import time

HOST = int(os.environ["RACK_HOST"])
HOSTS = int(os.environ["RACK_HOSTS"])
BINARY = os.environ.get("MILLRACE_BINARY", "millrace")


def scratch():
    """The folder that comes back, and that both hosts see."""
    return pathlib.Path(os.environ["RACK_SCRATCH"])


def address(host, cable=0):
    return f"10.9.{cable}.{host + 1}"


def drive(number):
    """/dev/nvmeXn1 of the drive number N of the default layout: 0 has a cap of 20 MB/s, 1 of 60, 2 none, 3 and 4 one of 80
    together. Or of a serial number."""
    serial = number if isinstance(number, str) else f"rack{HOST}{number}"
    return os.path.realpath(f"/dev/rack/{serial}")


def millrace(*arguments, patience_s=90, **environment):
    """Runs the binary and returns its CompletedProcess (text), after printing all of it into the test's output."""
    command = [BINARY, *map(str, arguments)]
    print("$", *command, flush=True)
    ended = subprocess.run(command, text=True, stdin=subprocess.DEVNULL, capture_output=True, timeout=patience_s,
                           env={**os.environ, **environment}, check=False)
    print(ended.stdout if len(ended.stdout) < 4000 or not ended.stdout.startswith("{") else "(a document)", ended.stderr,
          f"exit status {ended.returncode}", sep="\n", flush=True)
    return ended


def document(*arguments, **more):
    """The document that the binary writes with `--json -`; it must exit 0."""
    ended = millrace(*arguments, "--json", "-", **more)
    assert ended.returncode == 0, f"{arguments[0]} exited with {ended.returncode}: {ended.stderr}"
    return json.loads(ended.stdout)


def shell(script, check=True):
    """Runs bash; returns what it printed."""
    print("$", script, flush=True)
    ended = subprocess.run(["bash", "-euo", "pipefail", "-c", script], text=True, stdout=subprocess.PIPE,
                           stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, check=False)
    print(ended.stdout, end="", flush=True)
    assert not check or ended.returncode == 0, f"exit status {ended.returncode}: {script}"
    return ended.stdout


def barrier(name, patience_s=60, fail=True):
    """With two hosts: waits until the other is at the same place of the same test. Raises when its part of the test has
    ended, or when it does not come; `fail=False` goes on then."""
    if HOSTS == 1:
        return
    test = os.environ["RACK_TEST"]
    (scratch() / f".{test}.{name}.{HOST}").touch()
    other = scratch() / f".{test}.{name}.{1 - HOST}"
    ended = scratch() / f"{test}.{1 - HOST}"
    until = time.monotonic() + patience_s
    while not other.exists():
        if ended.exists() or time.monotonic() > until:
            if fail and not other.exists():
                why = "has ended its part of the test" if ended.exists() else f"did not come within {patience_s} s"
                raise AssertionError(f"barrier {name}: the other host {why}")
            return
        time.sleep(0.1)

