# SPDX-License-Identifier: Apache-2.0
"""The kernel of a rack's hosts: one that is installed here, with the modules that a host starts with."""
import dataclasses
import gzip
import lzma
import os
import pathlib
import re
import shutil
import subprocess

ROOT = ["virtio_pci", "9pnet_virtio", "9p", "overlay"]  # what reaches the root file system
DRIVES = ["nvme"]
CABLES = ["virtio_net", "rdma_rxe", "ib_uverbs", "rdma_ucm"]
# Checksums that the kernel would look for by starting modprobe, where there is none yet. Not every kernel has them.
CHECKSUMS = ["crct10dif_generic", "crc64_rocksoft_generic"]

XZ, GZIP, ZSTD = b"\xfd7zXZ\0", b"\x1f\x8b\x08", b"\x28\xb5\x2f\xfd"
SIGNED = b"~Module signature appended~\n"
# Name, type 18 (XEN_ELFNOTE_PHYS32_ENTRY) of the ELF note by which QEMU starts a kernel that is not packed.
PVH_NOTE = re.compile(rb"\x04\0\0\0[\x04\x08]\0\0\0\x12\0\0\0Xen\0")


@dataclasses.dataclass
class Kernel:
    image: pathlib.Path
    modules: list  # files, each after those that it needs


def unpacked(data, magic=None):
    """What xz, gzip or zstd packed; trailing bytes are let be. `magic` says which, else the first bytes do."""
    magic = magic or next((known for known in (XZ, GZIP, ZSTD) if data.startswith(known)), None)
    if magic == XZ:
        return lzma.LZMADecompressor().decompress(data)
    if magic == GZIP:
        return gzip.zlib.decompressobj(wbits=31).decompress(data)
    if magic == ZSTD:
        return subprocess.run(["zstd", "-dcq"], input=data, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                              check=False).stdout
    return data


def bootable(image):
    """The kernel's bytes as QEMU starts them quickest. A packed kernel unpacks itself, which takes an emulated CPU six
    seconds and the real one, here, one (Documentation/arch/x86/boot.rst: the payload is a packed ELF file)."""
    packed = image.read_bytes()
    for magic in (XZ, ZSTD, GZIP):
        at = packed.find(magic)
        if at < 0 or (magic == ZSTD and not shutil.which("zstd")):
            continue
        try:
            elf = unpacked(packed[at:], magic)
        except (lzma.LZMAError, gzip.zlib.error):
            continue
        if elf.startswith(b"\x7fELF") and PVH_NOTE.search(elf):
            return elf
    return packed


def module_bytes(file):
    """A module without its packing, and without its signature: the kernel would check it, an emulated second for all, and
    takes modules that have none."""
    data = unpacked(file.read_bytes())
    if not data.endswith(SIGNED):
        return data
    length = int.from_bytes(data[-len(SIGNED) - 4:-len(SIGNED)], "big")  # struct module_signature: sig_len is its last field
    return data[:-len(SIGNED) - 12 - length]


def modules_in_order(folder, wanted, welcome=()):
    """The files of `wanted`, of what is there of `welcome`, and of all that they need; None when one is neither there nor
    built in. modules.dep names for each module all that it needs, what is to be inserted first standing last."""
    def plain(path):
        return pathlib.Path(path).name.split(".ko")[0].replace("-", "_")

    builtin = {plain(line) for line in (folder / "modules.builtin").read_text().split()}
    needs = {}
    for line in (folder / "modules.dep").read_text().splitlines():
        path, _, others = line.partition(":")
        needs[plain(path)] = [*reversed(others.split()), path]
    if any(name not in needs and name not in builtin for name in wanted):
        return None
    ordered = []
    for name in [*welcome, *wanted]:
        ordered += [path for path in needs.get(name, []) if path not in ordered]
    return [folder / path for path in ordered]


def newest_first(images):
    return sorted(images, reverse=True, key=lambda image: [
        (1, int(part), "") if part.isdigit() else (0, 0, part) for part in re.split(r"(\d+)", image.name)])


def find(names, wanted=None):
    """A Kernel that has modules of these names; or a sentence that says what is missing and how to get it."""
    remedy = "install one: apt-get install linux-image-amd64 (Ubuntu: linux-image-generic)"
    images = [pathlib.Path(wanted)] if wanted else newest_first(pathlib.Path("/boot").glob("vmlinuz-*"))
    reasons = []
    for image in images:
        folder = pathlib.Path("/lib/modules") / image.name.partition("-")[2]
        if not image.exists():
            reasons.append(f"there is no kernel {image}")
        elif not os.access(image, os.R_OK):
            reasons.append(f"{image} cannot be read by you: run as root, or sudo chmod a+r {image}")
        elif not (folder / "modules.dep").exists():
            reasons.append(f"the modules of {image} are not in {folder}")
        elif (modules := modules_in_order(folder, names, CHECKSUMS)) is None:
            reasons.append(f"{image} lacks one of the modules {', '.join(names)}")
        else:
            return Kernel(image, modules)
    return f"{'; '.join(reasons) or 'there is no kernel in /boot'}; {remedy}"
