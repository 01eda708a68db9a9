# SPDX-License-Identifier: Apache-2.0
"""verdict.py RESULTS SCRIPT.TEST HOSTS: prints what a test printed on each host of the rack, and exits with its verdict:
0 passed, 77 skipped, 1 failed or never run."""
import pathlib
import sys

PASSED, FAILED, SKIPPED = 0, 1, 77


def main():
    results, test, hosts = pathlib.Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
    if (results / "skipped").exists():
        print((results / "skipped").read_text(), end="")
        return SKIPPED
    verdicts = []
    for host in range(hosts):
        result = results / f"{test}.{host}"
        if not result.exists():
            print(f"host {host}: no result: the test was not run, or the rack ended in its middle")
            verdicts.append("failed")
            continue
        first, _, printed = result.read_text().partition("\n")
        verdicts.append(first.split()[0])
        print(f"host {host}: {first} s")
        print(printed, end="")
    if all(verdict == "passed" for verdict in verdicts):
        return PASSED
    return SKIPPED if all(verdict in ("passed", "skipped") for verdict in verdicts) else FAILED


if __name__ == "__main__":
    sys.exit(main())
