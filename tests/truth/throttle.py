# SPDX-License-Identifier: Apache-2.0
"""Caps the read rate of a drive for this process and its children, by the cgroup controller that the machine has."""
import os
import pathlib
import time


class NoThrottle(Exception):
    """This machine offers no way to cap a drive; the text says why."""


def device_of(path):
    """MAJOR:MINOR of the whole disk below a path."""
    number = os.stat(path).st_dev
    block = pathlib.Path(f"/sys/dev/block/{os.major(number)}:{os.minor(number)}")
    if not block.exists():
        raise NoThrottle(f"{path} does not lie on a block device")
    block = block.resolve()
    if (block / "partition").exists():
        block = block.parent
    return (block / "dev").read_text().strip()


class ReadThrottle:
    """`with ReadThrottle(path, bytes_per_s):` a group of its own, left and removed at the end."""

    def __init__(self, path, bytes_per_s):
        if os.geteuid() != 0:
            raise NoThrottle("capping a drive needs root")
        device = device_of(path)
        v1 = pathlib.Path("/sys/fs/cgroup/blkio")
        v2 = pathlib.Path("/sys/fs/cgroup")
        name = f"millrace-test-{os.getpid()}-{time.monotonic_ns()}"
        if (v1 / "blkio.throttle.read_bps_device").exists():
            self.parent, key, value = v1, "blkio.throttle.read_bps_device", f"{device} {bytes_per_s}"
        elif "io" in self._controllers(v2):
            (v2 / "cgroup.subtree_control").write_text("+io")
            self.parent, key, value = v2, "io.max", f"{device} rbps={bytes_per_s}"
        else:
            raise NoThrottle("neither cgroup v1 blkio nor the io controller of cgroup v2 is here")
        self.group = self.parent / name
        try:
            self.group.mkdir()
            (self.group / key).write_text(value)
        except OSError as error:
            raise NoThrottle(f"the kernel refuses the cap: {error}") from error

    @staticmethod
    def _controllers(root):
        file = root / "cgroup.controllers"
        return file.read_text().split() if file.exists() else []

    def __enter__(self):
        self.before = self.parent / self._own_group()
        (self.group / "cgroup.procs").write_text(str(os.getpid()))
        return self

    def _own_group(self):
        for line in pathlib.Path("/proc/self/cgroup").read_text().splitlines():
            _, controllers, path = line.split(":", 2)
            if (controllers == "" and self.parent.name == "cgroup") or "blkio" in controllers.split(","):
                return path.lstrip("/")
        return ""

    def __exit__(self, *_):
        (self.before / "cgroup.procs").write_text(str(os.getpid()))
        self.group.rmdir()
