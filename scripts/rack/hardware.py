# SPDX-License-Identifier: Apache-2.0
"""The hardware of a rack's host, as arguments of QEMU."""
import dataclasses
import re
import shutil

EMULATOR = "qemu-system-x86_64"
DEFAULT_DRIVES = ["bus=port0,cap=20MB/s", "bus=down0,cap=60MB/s", "bus=down1",
                  "bus=port4,cap=80MB/s,group=pair", "bus=port5,cap=80MB/s,group=pair"]

# Ports that are always there: name -> where.
ROOT_PORTS = {"port0": "socket0", "port1": "socket0", "port2": "socket1", "port4": "socket0", "port5": "socket0"}
SWITCH_PORTS = ("down0", "down1", "down2")
SEATS_OF_GPUS = ("port1", "down2")
PARENTS = ("socket0", "socket1", "switch")  # where a drive gets a new port of its own

# No name but ethN; no checks that cost an emulated CPU seconds, of mitigations and of each cipher; and the one clock that
# runs at a rate that the kernel need not find out: against a busy machine it measures the TSC wrong, by as much as half. Nor does
# it wait for ten ticks of the timer that it must have, and panic where a busy machine is late ("IO-APIC + timer doesn't work").
KERNEL_OPTIONS = ("console=ttyS0 quiet panic=-1 net.ifnames=0 mitigations=off cryptomgr.notests "
                  "tsc=unstable clocksource=hpet no_timer_check")

UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "ki": 2**10, "mi": 2**20, "gi": 2**30}


def missing_qemu():
    """What to say when there is no QEMU; None: there is."""
    if shutil.which(EMULATOR):
        return None
    return f"{EMULATOR} is not there; install it: apt-get install qemu-system-x86"


def parse_size(text):
    """"1GiB", "20MB", "20MB/s", "3G" (binary, as QEMU's) or plain bytes -> bytes."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([kmg]i?)?(?:b(?:/s)?)?", text.strip().lower())
    if not match or not float(match[1]):
        raise ValueError(f"'{text}' is no size or rate: write it as 20MB/s, 1GiB or 20000000")
    unit = match[2] or ""
    if unit and text.strip().lower().endswith(unit):
        unit = unit.rstrip("i") + "i"  # "3G" is 3 GiB
    return int(float(match[1]) * UNITS[unit])


@dataclasses.dataclass
class Drive:
    serial: str
    bus: str = "socket0"
    size: int = 2**30
    cap: int = 0  # bytes/s read; 0: none
    group: str = ""


def parse_drive(text, index):
    """One --drive; ValueError says what is wrong with it."""
    drive = Drive(serial=f"rack{{host}}{index}")
    for part in text.split(","):
        key, equals, value = part.partition("=")
        if key not in ("serial", "bus", "size", "cap", "group") or not equals or not value:
            raise ValueError(f"--drive {text}: '{part}' is not KEY=VALUE with one of serial, bus, size, cap, group")
        try:
            setattr(drive, key, parse_size(value) if key in ("size", "cap") else value)
        except ValueError as error:
            raise ValueError(f"--drive {text}: {error}") from None
    if not re.fullmatch(r"[A-Za-z0-9_{}.-]{1,20}", drive.serial):
        raise ValueError(f"--drive {text}: a serial number has at most 20 letters, digits, '_', '-' or '.'")
    if not re.fullmatch(r"[A-Za-z0-9_-]*", drive.group):
        raise ValueError(f"--drive {text}: a group's name has letters, digits, '_' or '-'")
    if drive.group and not drive.cap:
        raise ValueError(f"--drive {text}: a group shares a cap; which? add cap=RATE")
    return drive


def check_layout(drives, cabled):
    """Raises ValueError where two devices want one place, or members of a group tell different caps."""
    taken = {name: "the seat of a GPU" for name in SEATS_OF_GPUS}
    taken["port2"] = "the switch"
    caps = {}
    serials = set()
    for drive in drives:
        if drive.serial in serials:
            raise ValueError(f"two drives have the serial number {drive.serial}")
        serials.add(drive.serial)
        if drive.group and caps.setdefault(drive.group, drive.cap) != drive.cap:
            raise ValueError(f"the drives of group {drive.group} share one cap, so they must tell the same")
        if drive.bus in PARENTS:
            continue
        if drive.bus not in ROOT_PORTS and drive.bus not in SWITCH_PORTS:
            raise ValueError(f"there is no bus '{drive.bus}': port0 port4 port5 down0 down1, or {', '.join(PARENTS)}")
        if drive.bus in taken:
            raise ValueError(f"bus {drive.bus} is taken by {taken[drive.bus]}; {', '.join(PARENTS)} give a new port")
        taken[drive.bus] = f"drive {drive.serial}"
    new = sum(drive.bus in PARENTS for drive in drives)
    if new > 20:
        raise ValueError(f"{new} drives want new ports: at most 20")


class Ports:
    """Hands out chassis numbers, which must be unique, and remembers the arguments."""

    def __init__(self):
        self.arguments = []
        self._chassis = 0

    def add(self, name, parent, width=4):
        self._chassis += 1
        kind = "xio3130-downstream" if parent == "switch" else "pcie-root-port"
        speed = "" if parent == "switch" else f",x-speed=16,x-width={width}"
        self.arguments += ["-device", f"{kind},id={name},bus={parent},chassis={self._chassis}{speed}"]


def add_drives(ports, drives, host, work):
    arguments = []
    for index, drive in enumerate(drives):
        image = work / f"drive{host}-{index}"
        with image.open("wb") as file:
            file.truncate(drive.size)
        bus = drive.bus
        if bus in PARENTS:
            bus = f"drive{index}"
            ports.add(bus, drive.bus)
        cap = f",throttling.bps-read={drive.cap}" if drive.cap else ""
        group = f",throttling.group={drive.group}" if drive.group else ""
        serial = drive.serial.replace("{host}", str(host))
        arguments += ["-drive", f"file={value(image)},if=none,id=d{index},format=raw,discard=unmap{cap}{group}",
                      "-device", f"nvme,drive=d{index},serial={serial},bus={bus}"]
    return arguments


def add_cables(ports, cables, host, work):
    arguments = []
    for n in range(cables):
        ports.add(f"cable{n}", "socket1", width=16)
        server = "on" if host == 0 else "off"
        arguments += ["-netdev", f"stream,id=net{n},server={server},addr.type=unix,addr.path={value(work)}/cable{n}",
                      "-device", f"virtio-net-pci,netdev=net{n},bus=cable{n},mac=52:54:00:09:{n:02x}:{host:02x}"]
    return arguments


def value(text):
    """As a value in an option of QEMU, where a comma ends it."""
    return str(text).replace(",", ",,")


def share(tag, path, writable):
    return ["-virtfs", f"local,path={value(path)},mount_tag={tag},security_model=none,multidevs=remap"
            + ("" if writable else ",readonly=on")]


def qemu_command(*, host, hosts, drives, cables, work, memory, cpus, accel, kernel, initrd, control, scratch, console):
    """The whole command line of one host."""
    half = memory // 2 // 2**20
    ports = Ports()
    for name, socket in ROOT_PORTS.items():
        ports.add(name, socket, width=16 if name in ("port1", "port2") else 4)
    ports.arguments += ["-device", "x3130-upstream,id=switch,bus=port2"]
    for name in SWITCH_PORTS:
        ports.add(name, "switch")
    devices = [argument for seat in SEATS_OF_GPUS for argument in ("-device", f"pci-testdev,bus={seat}")]
    devices += add_drives(ports, drives, host, work)
    if hosts == 2:
        devices += add_cables(ports, cables, host, work)
    first, second = f"0-{cpus // 2 - 1}", f"{cpus // 2}-{cpus - 1}"
    return [
        EMULATOR, "-accel", "kvm" if accel == "kvm" else "tcg,thread=multi", "-machine", "q35",
        "-m", f"{2 * half}M", "-smp", f"{cpus},sockets=2,cores={cpus // 2},threads=1",
        "-object", f"memory-backend-ram,id=m0,size={half}M", "-object", f"memory-backend-ram,id=m1,size={half}M",
        "-numa", f"node,nodeid=0,cpus={first},memdev=m0", "-numa", f"node,nodeid=1,cpus={second},memdev=m1",
        "-numa", "dist,src=0,dst=1,val=21",
        "-kernel", str(kernel), "-initrd", str(initrd),
        "-append", KERNEL_OPTIONS,
        *share("rack_root", "/", writable=False), *share("rack_control", control, writable=True),
        *(share("rack_scratch", scratch, writable=True) if scratch else []),
        "-device", "pxb-pcie,id=socket0,bus_nr=64,numa_node=0,bus=pcie.0",
        "-device", "pxb-pcie,id=socket1,bus_nr=128,numa_node=1,bus=pcie.0",
        *ports.arguments, *devices,
        "-nodefaults", "-no-user-config", "-display", "none", "-serial", f"file:{console}", "-no-reboot"]
