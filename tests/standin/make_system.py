#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""make_system.py MACHINE.json FOLDER: writes the /sys and /proc of the machine that stand-in drivers play, for discovery
($MILLRACE_MACHINE_ROOT). A FOLDER that holds a recorded machine already (`millrace topo --snapshot`) keeps it and gets
the GPUs and their switches besides.

A switch is an upstream port below a root port of its own bus; GPU k of it sits behind its k-th downstream port.
"""
import json
import os
import pathlib
import re
import sys

SPEED = {3: "8.0", 4: "16.0", 5: "32.0", 6: "64.0"}


class Tree:
    def __init__(self, folder):
        self.root = pathlib.Path(folder)

    def put(self, file, text):
        path = self.root / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{text}\n")

    def link(self, file, target):
        path = self.root / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.symlink_to(target)

    def pci(self, path, kind, vendor, device, numa, now=None, best=None):
        """now, best: (generation, width) of the link above it."""
        at = f"sys/devices/{path}"
        for name, value in (("class", kind), ("vendor", vendor), ("device", device), ("numa_node", numa)):
            self.put(f"{at}/{name}", value)
        for which, link in (("current", now), ("max", best)):
            if link:
                self.put(f"{at}/{which}_link_speed", f"{SPEED[link[0]]} GT/s PCIe")
                self.put(f"{at}/{which}_link_width", link[1])
        self.link(f"sys/bus/pci/devices/{path.rsplit('/', 1)[1]}", f"../../../devices/{path}")


def masks(nodes):
    """The CPUs that this process has, dealt out to the NUMA nodes in turn."""
    cpus = sorted(os.sched_getaffinity(0))
    return cpus, [sum(1 << i for i, _ in enumerate(cpus) if i % nodes == n) for n in range(nodes)]


def cpus_and_memory(tree, nodes):
    cpus, mask = masks(nodes)
    last = len(cpus) - 1
    for name in ("online", "possible", "present"):
        tree.put(f"sys/devices/system/cpu/{name}", f"0-{last}")
    info = ""
    for i in range(last + 1):
        topology = f"sys/devices/system/cpu/cpu{i}/topology"
        tree.put(f"{topology}/physical_package_id", i % nodes)
        tree.put(f"{topology}/core_id", i // nodes)
        for name in ("core_cpus", "thread_siblings"):
            tree.put(f"{topology}/{name}", f"{1 << i:x}")
        for name in ("package_cpus", "core_siblings"):
            tree.put(f"{topology}/{name}", f"{mask[i % nodes]:x}")
        info += f"processor\t: {i}\nmodel name\t: Millrace stand-in CPU\nphysical id\t: {i % nodes}\ncore id\t\t: {i // nodes}\n\n"
    tree.put("proc/cpuinfo", info)
    tree.put("sys/devices/system/node/online", f"0-{nodes - 1}")
    tree.put("sys/devices/system/node/possible", f"0-{nodes - 1}")
    for n in range(nodes):
        node = f"sys/devices/system/node/node{n}"
        tree.put(f"{node}/cpumap", f"{mask[n]:x}")
        tree.put(f"{node}/meminfo", f"Node {n} MemTotal:       16000000 kB")
        tree.put(f"{node}/distance", " ".join("10" if n == m else "21" for m in range(nodes)))
    tree.put("proc/meminfo", f"MemTotal:       {nodes * 16000000} kB")
    tree.put("proc/sys/kernel/hostname", "stand-in")
    tree.put("proc/sys/kernel/osrelease", "6.8.0-stand-in")
    tree.put("proc/self/mountinfo", pathlib.Path("/proc/self/mountinfo").read_text().rstrip())


def gpus_and_switches(tree, machine):
    nodes = len(list((tree.root / "sys/devices/system/node").glob("node[0-9]*"))) or 1
    below, ports = {}, {}
    for switch in machine.get("switches", []):
        numa = min(switch["numa"], nodes - 1)
        domain, bus, _ = re.match(r"(\w+):(\w+):(\w+\.\w)", switch["pci"]).groups()
        root = f"pci{domain}:{int(bus, 16) - 1:02x}/{domain}:{int(bus, 16) - 1:02x}:01.0"
        tree.pci(root, "0x060400", "0x8086", "0x352a", numa, (5, 16), (5, 16))
        tree.pci(f"{root}/{switch['pci']}", "0x060400", "0x1000", "0xc030", numa, (5, 16), (5, 16))
        below[switch["id"]] = (f"{root}/{switch['pci']}", f"{domain}:{int(bus, 16) + 1:02x}")
        ports[switch["id"]] = 0
    for gpu in machine["gpus"]:
        numa = min(gpu["numa"], nodes - 1)
        link = gpu["pcie"]
        now, best = (link["now_generation"], link["now_width"]), (link["generation"], link["width"])
        if gpu.get("switch"):
            upstream, bus = below[gpu["switch"]]
            port = f"{upstream}/{bus}:{ports[gpu['switch']]:02x}.0"
            ports[gpu["switch"]] += 1
        else:
            domain, bus = gpu["pci"].split(":")[:2]
            port = f"pci{domain}:{int(bus, 16) - 1:02x}/{domain}:{int(bus, 16) - 1:02x}:01.0"
        tree.pci(port, "0x060400", "0x1000", "0xc030", numa, now, best)
        tree.pci(f"{port}/{gpu['pci']}", "0x030200", "0x10de", "0x2330", numa, now, best)
        tree.link(f"sys/devices/{port}/{gpu['pci']}/driver", "/sys/bus/pci/drivers/nvidia")
        tree.put(f"proc/driver/nvidia/gpus/{gpu['pci']}/information", "Model: \t\t Millrace stand-in GPU")
    (tree.root / "sys/bus/pci/drivers/nvidia").mkdir(parents=True, exist_ok=True)
    tree.put("sys/module/nvidia/version", machine["driver"]["name"])


def make_system(machine, folder):
    tree = Tree(folder)
    if not (tree.root / "sys").exists():
        cpus_and_memory(tree, machine.get("cpus", {}).get("numa_nodes", 1))
    gpus_and_switches(tree, machine)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    make_system(json.loads(pathlib.Path(sys.argv[1]).read_text()), sys.argv[2])
