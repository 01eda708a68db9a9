# SPDX-License-Identifier: Apache-2.0
"""Two hosts on one machine: a pair of network namespaces joined by a virtual cable (veth), with private addresses.

Whatever happens, both are gone at the end of `with TwoHosts() as (near, far):`, and the cable with them.
"""
import contextlib
import os
import secrets
import shutil
import subprocess


NEAR_ADDRESS, FAR_ADDRESS = "10.213.77.1", "10.213.77.2"


class NoNamespaces(Exception):
    """This machine does not let us make any; the text says why."""


def run(*command):
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise NoNamespaces(f"{' '.join(command)}: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout


class Side:
    """One of the two hosts."""

    def __init__(self, name, address):
        self.name, self.address, self.device = name, address, "cable0"

    def prefix(self):
        """Before a command, to run it there."""
        return ["ip", "netns", "exec", self.name]

    def cap(self, bits_per_s, burst_bytes=32_000):
        """Bounds what it sends (tc-tbf(8)); again, to change the rate. What waits there bridges a sender that got no CPU for a
        while: 200 ms of it."""
        run(*self.prefix(), "tc", "qdisc", "replace", "dev", self.device, "root", "tbf", "rate", f"{bits_per_s}bit",
            "burst", str(burst_bytes), "latency", "200ms")

    def cut(self):
        """Pulls the cable."""
        run("ip", "-n", self.name, "link", "set", self.device, "down")

    def mend(self):
        """Plugs it in again."""
        run("ip", "-n", self.name, "link", "set", self.device, "up")

    def forget_neighbours(self):
        """Whom it asked for in vain while the cable was out: the answer, "no route to host", may come long after."""
        run("ip", "-n", self.name, "neighbour", "flush", "dev", self.device)


class TwoHosts:
    def __init__(self):
        if os.geteuid() != 0:
            raise NoNamespaces("network namespaces need root")
        if shutil.which("ip") is None or shutil.which("tc") is None:
            raise NoNamespaces("ip and tc are not installed (apt install iproute2)")
        mark = secrets.token_hex(4)
        self.sides = Side(f"millrace-{mark}-a", NEAR_ADDRESS), Side(f"millrace-{mark}-b", FAR_ADDRESS)

    def __enter__(self):
        try:
            for side in self.sides:
                run("ip", "netns", "add", side.name)
            near, far = self.sides
            run("ip", "-n", near.name, "link", "add", near.device, "type", "veth", "peer", "name", far.device, "netns",
                far.name)
            for side in self.sides:
                run("ip", "-n", side.name, "addr", "add", f"{side.address}/24", "dev", side.device)
                for device in ("lo", side.device):
                    run("ip", "-n", side.name, "link", "set", device, "up")
        except BaseException:
            self.__exit__()
            raise
        return self.sides

    def __exit__(self, *_):
        for side in self.sides:
            subprocess.run(["ip", "netns", "del", side.name], capture_output=True, check=False)


def two_hosts_of(test):
    """The near and the far end of a cable that are a test's own and gone after it, which skips where there can be none."""
    hosts = contextlib.ExitStack()
    test.addCleanup(hosts.close)
    try:
        return hosts.enter_context(TwoHosts())
    except NoNamespaces as reason:
        return test.skipTest(str(reason))
