# SPDX-License-Identifier: Apache-2.0
"""scripts/rack/boot as a user calls it: what it refuses, how it ends, and that it leaves nothing behind. ctest runs one
method a time; exit 77 is a skip."""
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

BOOT = pathlib.Path(__file__).resolve().parents[2] / "scripts/rack/boot"
OUT_OF_TIME, SKIPPED = 124, 77


def boot(*arguments, patience_s=60, **environment):
    return subprocess.run([str(BOOT), *map(str, arguments)], text=True, capture_output=True, stdin=subprocess.DEVNULL,
                          timeout=patience_s, env={**os.environ, **environment}, check=False)


def emulators_using(folder):
    """Command lines of QEMU processes that name the folder."""
    found = []
    for process in filter(str.isdigit, os.listdir("/proc")):
        try:
            words = pathlib.Path(f"/proc/{process}/cmdline").read_bytes().split(b"\0")
        except OSError:  # it ended meanwhile
            continue
        if b"qemu" in words[0] and any(str(folder).encode() in word for word in words):
            found.append(words)
    return found


class CommandTest(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="rack-command-"))
        self.addCleanup(shutil.rmtree, self.folder)

    def refused(self, *arguments):
        ended = boot(*arguments)
        self.assertEqual(ended.returncode, 2, ended.stderr)
        self.assertEqual(ended.stdout, "")
        return ended.stderr

    def needs_a_rack(self):
        ended = boot("--timeout", "0.01", "true", TMPDIR=str(self.folder))
        if ended.returncode == SKIPPED:
            self.skipTest(ended.stderr)

    def test_help_tells_the_layout_and_the_exit_status(self):
        ended = boot("--help")
        self.assertEqual(ended.returncode, 0)
        for word in ("--drive", "group=", "socket1", "RACK_HOST", "exit status", "examples"):
            self.assertIn(word, ended.stdout)

    def test_wrong_use_is_refused_with_what_is_wrong(self):
        self.assertIn("no COMMAND", self.refused())
        self.assertIn("--hosts", self.refused("--hosts", 3, "true"))
        self.assertIn("make it first", self.refused("--scratch", "/no/such/folder", "true"))
        self.assertIn("even number", self.refused("--cpus", 3, "true"))
        self.assertIn("'lots' is no size", self.refused("--memory", "lots", "true"))

    def test_a_wrong_drive_is_refused_with_what_is_wrong(self):
        self.assertIn("'speed=3' is not KEY=VALUE", self.refused("--drive", "speed=3", "true"))
        self.assertIn("no size or rate", self.refused("--drive", "cap=fast", "true"))
        self.assertIn("there is no bus 'port9'", self.refused("--drive", "bus=port9", "true"))
        self.assertIn("the seat of a GPU", self.refused("--drive", "bus=port1", "true"))
        self.assertIn("is taken by drive a", self.refused("--drive", "serial=a,bus=port0", "--drive", "bus=port0", "true"))
        self.assertIn("two drives have the serial number",
                      self.refused("--drive", "serial=a", "--drive", "serial=a", "true"))
        self.assertIn("which? add cap=", self.refused("--drive", "group=pair", "true"))
        self.assertIn("must tell the same", self.refused("--drive", "group=g,cap=1MB/s", "--drive", "group=g,cap=2MB/s",
                                                         "true"))

    def test_a_machine_without_qemu_is_told_how_to_get_it(self):
        # Only what the script itself needs is found.
        (self.folder / "python3").symlink_to(sys.executable)
        ended = subprocess.run([sys.executable, "-B", str(BOOT), "true"], text=True, capture_output=True, check=False,
                               env={"PATH": str(self.folder)})
        self.assertEqual(ended.returncode, SKIPPED)
        self.assertIn("apt-get install qemu-system-x86", ended.stderr)

    def test_a_missing_kernel_is_told_by_its_name(self):
        self.needs_a_rack()
        ended = boot("--kernel", "/boot/vmlinuz-none", "true")
        self.assertEqual(ended.returncode, SKIPPED)
        self.assertIn("there is no kernel /boot/vmlinuz-none", ended.stderr)
        self.assertIn("apt-get install linux-image", ended.stderr)

    def test_a_layout_of_ones_own_is_built_and_what_the_host_says_comes_back(self):
        self.needs_a_rack()
        scratch = self.folder / "a scratch, with a comma"
        scratch.mkdir()
        ended = boot("--cpus", 4, "--memory", "2GiB", "--scratch", scratch, "--drive", "serial=mine,bus=switch,size=64MiB",
                     "--drive", "bus=port4", "--logs", self.folder / "logs", "bash", "-c",
                     'echo "$(nproc) CPUs; $(ls /dev/rack | xargs)"; lsblk -bno SIZE /dev/rack/mine; '
                     'echo "to  stderr" >&2; echo kept > "$RACK_SCRATCH/a note"; printf unended; exit 5')
        self.assertEqual(ended.returncode, 5, ended.stderr)
        self.assertEqual(ended.stdout, f"4 CPUs; mine rack01\n{64 << 20}\nto  stderr\nunended\n")
        self.assertEqual(ended.stderr, "")
        self.assertEqual((scratch / "a note").read_text(), "kept\n")
        self.assertIn("console0.log", [log.name for log in (self.folder / "logs").iterdir()])

    def test_a_rack_that_takes_too_long_is_ended_and_says_so(self):
        self.needs_a_rack()
        ended = boot("--timeout", 3, "--drive", "cap=1MB/s", "sleep", 100, TMPDIR=str(self.folder))
        self.assertEqual(ended.returncode, OUT_OF_TIME, ended.stderr)
        self.assertIn("did not finish within 3 s", ended.stderr)
        self.assertEqual(list(self.folder.iterdir()), [])
        self.assertEqual(emulators_using(self.folder), [])

    def test_a_signal_ends_both_hosts_and_leaves_nothing(self):
        self.needs_a_rack()
        for number in (signal.SIGTERM, signal.SIGINT):
            process = subprocess.Popen([str(BOOT), "--hosts", "2", "sleep", "100"], stdin=subprocess.DEVNULL,
                                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                       env={**os.environ, "TMPDIR": str(self.folder)})
            until = time.monotonic() + 30
            while len(emulators_using(self.folder)) < 2 and time.monotonic() < until:
                time.sleep(0.1)
            self.assertEqual(len(emulators_using(self.folder)), 2)
            process.send_signal(number)
            self.assertEqual(process.wait(timeout=20), 128 + number)
            self.assertEqual(list(self.folder.iterdir()), [])
            self.assertEqual(emulators_using(self.folder), [])

    def test_a_killed_rack_leaves_no_process(self):
        self.needs_a_rack()
        process = subprocess.Popen([str(BOOT), "sleep", "100"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL, env={**os.environ, "TMPDIR": str(self.folder)})
        until = time.monotonic() + 30
        while not emulators_using(self.folder) and time.monotonic() < until:
            time.sleep(0.1)
        process.kill()
        process.wait()
        until = time.monotonic() + 10
        while emulators_using(self.folder) and time.monotonic() < until:
            time.sleep(0.1)
        self.assertEqual(emulators_using(self.folder), [])


if __name__ == "__main__":
    program = unittest.main(exit=False, verbosity=2)
    if program.result.skipped and program.result.wasSuccessful():
        print("\n".join(why for _, why in program.result.skipped))
        sys.exit(SKIPPED)
    sys.exit(not program.result.wasSuccessful())
