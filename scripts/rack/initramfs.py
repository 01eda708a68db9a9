# SPDX-License-Identifier: Apache-2.0
"""The kernel of a rack's host, and the first file system that it starts from: busybox, the modules that reach the root
file system, and guest/init. Modules are inserted by that script in the order of their names."""
import dataclasses
import gzip
import lzma
import os
import pathlib
import re
import shutil
import stat
import subprocess

# What the root file system needs, and what every rack has.
MODULES = ["virtio_pci", "9pnet_virtio", "9p", "overlay"]
APPLETS = ["sh", "mount", "umount", "insmod", "mkdir", "switch_root"]


@dataclasses.dataclass
class Kernel:
    image: pathlib.Path
    modules: pathlib.Path  # /lib/modules/VERSION
    inserted: list  # paths of the modules, each after those that it needs


def version_key(image):
    return [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", image.name)]


def modules_in_order(folder, names):
    """The files of `names` and of all that they need; None when one is neither there nor built in. modules.dep has
    for each module all that it needs, what is to be inserted first standing last (modules.dep(5))."""
    builtin = {pathlib.Path(line).name for line in (folder / "modules.builtin").read_text().split()}
    needs = {}
    for line in (folder / "modules.dep").read_text().splitlines():
        path, _, others = line.partition(":")
        needs[pathlib.Path(path).name.split(".ko")[0].replace("-", "_")] = [path, others.split()]
    ordered = []
    for name in names:
        if name in needs:
            path, others = needs[name]
            ordered += [other for other in [*reversed(others), path] if other not in ordered]
        elif f"{name}.ko" not in {known.replace("-", "_") for known in builtin}:
            return None
    return [folder / path for path in ordered]


def find_kernel(wanted=None):
    """A Kernel; or a sentence that says what is missing and how to get it."""
    remedy = "install one: apt-get install linux-image-amd64 (Ubuntu: linux-image-generic)"
    busybox = shutil.which("busybox")
    if not busybox:
        return "busybox is not there; install it: apt-get install busybox-static"
    if b"interpreter" in subprocess.run(["ldd", busybox], capture_output=True, check=False).stdout:
        return f"{busybox} is not linked statically; install the one that is: apt-get install busybox-static"
    images = [pathlib.Path(wanted)] if wanted else sorted(pathlib.Path("/boot").glob("vmlinuz-*"), key=version_key)
    why = "there is no kernel in /boot"
    for image in reversed(images):
        folder = pathlib.Path("/lib/modules") / image.name.partition("-")[2]
        if not image.exists():
            why = f"there is no kernel {image}"
        elif not os.access(image, os.R_OK):
            why, remedy = f"{image} cannot be read by you", f"run as root, or: sudo chmod a+r {image}"
        elif not (folder / "modules.dep").exists():
            why = f"the modules of {image} are not in {folder}"
        elif (inserted := modules_in_order(folder, MODULES)) is None:
            why = f"{image} lacks a module of: {', '.join(MODULES)}"
        else:
            return Kernel(image, folder, inserted)
    return f"{why}; {remedy}"


def contents(module):
    """A module's bytes, without the compression that distributions put them in."""
    if module.suffix == ".xz":
        return lzma.decompress(module.read_bytes())
    if module.suffix == ".gz":
        return gzip.decompress(module.read_bytes())
    if module.suffix == ".zst":
        return subprocess.run(["zstd", "-dc", str(module)], check=True, capture_output=True).stdout
    return module.read_bytes()


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


def build(kernel, init):
    """The archive, uncompressed: loading it costs an emulated CPU less than unpacking it."""
    archive = Archive()
    for folder in ("bin", "proc", "sys", "dev", "lower", "memory", "root", "modules"):
        archive.add(folder, stat.S_IFDIR | 0o755)
    archive.add("bin/busybox", stat.S_IFREG | 0o755, pathlib.Path(shutil.which("busybox")).read_bytes())
    for applet in APPLETS:
        archive.add(f"bin/{applet}", stat.S_IFLNK | 0o777, b"busybox")
    for number, module in enumerate(kernel.inserted):
        name = module.name.split(".ko")[0] + ".ko"
        archive.add(f"modules/{number:03}-{name}", stat.S_IFREG | 0o644, contents(module))
    archive.add("init", stat.S_IFREG | 0o755, init.encode())
    archive.add("TRAILER!!!", 0)
    return bytes(archive.data)
