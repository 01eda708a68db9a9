# SPDX-License-Identifier: Apache-2.0
"""The first file system of a rack's host: busybox, modules, and guest/init, which inserts them by the order of their
names and goes over to the root file system."""
import pathlib
import shutil
import stat
import subprocess

import kernel

APPLETS = ["sh", "mount", "umount", "insmod", "mkdir", "switch_root"]


def missing():
    """What to say when there is no busybox that runs by itself; None: there is."""
    busybox = shutil.which("busybox")
    if not busybox:
        return "busybox is not there; install it: apt-get install busybox-static"
    if b"=>" in subprocess.run(["ldd", busybox], capture_output=True, check=False).stdout:
        return f"{busybox} needs shared libraries; install the one that does not: apt-get install busybox-static"
    return None


class Archive:
    """A cpio archive of the kind "newc" (Documentation/driver-api/early-userspace/buffer-format.rst)."""

    def __init__(self):
        self.data = bytearray()
        self._inode = 0

    def add(self, name, mode, body=b""):
        self._inode += 1
        path = name.encode() + b"\0"
        fields = [self._inode, mode, 0, 0, 1, 0, len(body), 0, 0, 0, 0, len(path), 0]
        self._append(b"070701" + b"".join(b"%08X" % field for field in fields) + path)
        self._append(body)

    def _append(self, data):
        self.data += data
        self.data += b"\0" * (-len(self.data) % 4)


def build(modules, init):
    """The archive, not packed: unpacking would cost an emulated CPU more than loading does."""
    archive = Archive()
    for folder in ("bin", "proc", "sys", "dev", "lower", "memory", "root", "modules"):
        archive.add(folder, stat.S_IFDIR | 0o755)
    archive.add("bin/busybox", stat.S_IFREG | 0o755, pathlib.Path(shutil.which("busybox")).read_bytes())
    for applet in APPLETS:
        archive.add(f"bin/{applet}", stat.S_IFLNK | 0o777, b"busybox")
    for number, file in enumerate(modules):
        archive.add(f"modules/{number:03}-{file.name.split('.ko')[0]}.ko", stat.S_IFREG | 0o644, kernel.module_bytes(file))
    archive.add("init", stat.S_IFREG | 0o755, init.encode())
    archive.add("TRAILER!!!", 0)
    return bytes(archive.data)
