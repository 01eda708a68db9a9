# SPDX-License-Identifier: Apache-2.0
"""storage.* on the generic device of an NVMe drive (/dev/ngXnY), where commands go to the drive as they are."""
import contextlib
import fcntl
import os
import pathlib
import re
import struct
import threading
import time
import unittest

from rack_host import document, drive, millrace, shell

TRACING = pathlib.Path("/sys/kernel/tracing")
READ = 2  # the NVM command set's opcode
ONCE = ("--passes", "1", "--duration", "60s", "--target", "0")
SEED = ("--seed", "11", "--block-size", "256KiB", *ONCE)


def generic(block):
    return block.replace("/dev/nvme", "/dev/ng")


def measure(probe, path, *arguments):
    """The one measurement; its status is for the caller."""
    ended = document("measure", probe, "--path", path, *arguments)
    return ended["measurements"][0]


def fail_reads_of_unwritten_blocks(block, fail):
    """Set Features, Error Recovery, DULBE (NVM Express Base Specification 2.0, 5.27.1.4) by NVME_IOCTL_ADMIN_CMD."""
    command = struct.pack("<BBHIIIQQII6III", 0x09, 0, 0, 1, 0, 0, 0, 0, 0, 0,
                          0x05, 0x10000 if fail else 0, 0, 0, 0, 0, 0, 0)
    with open(generic(block), "rb") as device:
        fcntl.ioctl(device, 0xC0484E41, command)


@contextlib.contextmanager
def commands_sent(block):
    """A function that returns {(queue, opcode): count} of all that the kernel has sent to the drive since."""
    shell(f"mountpoint -q {TRACING} || mount -t tracefs none {TRACING}")
    controller = re.fullmatch(r"/dev/nvme(\d+)n\d+", block)[1]
    event = TRACING / "events/nvme/nvme_setup_cmd"
    rule = f"hist:keys=qid,opcode:size=512 if ctrl_id=={controller}"
    line = re.compile(r"\{ qid:\s*(\d+), opcode:\s*(\d+) \} hitcount:\s*(\d+)")
    (event / "trigger").write_text(rule + "\n")
    try:
        yield lambda: {(int(queue), int(opcode)): int(count)
                       for queue, opcode, count in line.findall((event / "hist").read_text())}
    finally:
        (event / "trigger").write_text(f"!{rule}\n")


class PassthroughTest(unittest.TestCase):
    def refused(self, what, *arguments):
        ended = millrace("measure", *arguments)
        self.assertNotEqual(ended.returncode, 0)
        text = " ".join((ended.stderr + ended.stdout).split())  # however its lines are broken
        self.assertIn(what, text)
        return text

    def test_the_capped_drive_is_as_fast_as_by_its_block_device(self):
        block = drive(0)
        by_block, by_command = (measure("storage.read", path, "--duration", "5s", "--target", "0")
                                for path in (block, generic(block)))
        self.assertIn("nvme-passthrough", by_command["flags"])
        rates = [m["throughput_bytes_per_s"]["mean"] for m in (by_block, by_command)]
        self.assertAlmostEqual(rates[1] / rates[0], 1, delta=0.03)
        self.assertAlmostEqual(rates[1] / 20e6, 1, delta=0.03)

    def test_what_one_way_has_written_the_other_way_reads(self):
        block = drive(2)
        shell(f"blkdiscard -f {block}")  # another test may have left a file system there
        self.addCleanup(shell, f"blkdiscard {block}")
        for writing, reading in ((block, generic(block)), (generic(block), block)):
            seed = (*SEED[:1], str(len(writing)), *SEED[2:])
            written = measure("storage.write", writing, "--destroy", writing, "--fsync", "end", *seed)
            self.assertEqual(written["status"], "ok")
            read = measure("storage.read", reading, "--verify", "on", *seed)
            self.assertEqual((read["status"], read["verified"]), ("ok", True), read["reason"])

    def test_other_contents_are_noticed(self):
        block = drive(3)
        shell(f"dd if=/dev/zero of={block} bs=256K count=1 conv=fsync status=none")
        text = self.refused("wrong data read at offset", "storage.read", "--path", generic(block), "--verify", "on",
                            *SEED)
        self.assertIn("with this --seed", text)

    def test_a_drive_is_read_to_its_end_and_no_further(self):
        m = measure("storage.read", generic(drive(2)), "--block-size", "384KiB", "--queue-depth", "8", *ONCE)
        self.assertEqual(m["status"], "ok", m["reason"])
        self.assertEqual(m["counters"]["worker:operations"], -(-2**30 // (384 * 1024)))

    def test_the_status_of_a_drive_is_told_in_words_with_the_offset(self):
        block = drive(2)
        self.addCleanup(shell, f"blkdiscard {block}")
        self.addCleanup(fail_reads_of_unwritten_blocks, block, False)
        shell(f"blkdiscard {block}; dd if=/dev/urandom of={block} bs=1M count=4 oflag=direct status=none")
        fail_reads_of_unwritten_blocks(block, True)
        text = self.refused(f"cannot read 131072 bytes at offset 4194304 of {generic(block)}: deallocated or unwritten "
                            "block (NVMe status 0x287", "storage.read", "--path", generic(block), "--queue-depth", "1")
        self.assertIn("write the drive first", text)

    def test_no_command_but_read_is_sent_whatever_the_parameters(self):
        block = drive(2)
        combinations = (
            ("--pattern", "random", "--block-size", "4KiB", "--threads", "2"),
            ("--registered-buffers", "off", "--registered-files", "off"),
            ("--sqpoll", "on", "--rate", "200"), ("--iopoll", "on", "--block-size", "512KiB"))
        for path, some in ((generic(block), combinations), (block, combinations[:1])):
            with commands_sent(block) as sent:
                operations = 0
                for more in some:
                    m = measure("storage.read", path, "--duration", "200ms", "--repeats", "1", *more)
                    self.assertEqual(m["status"], "ok", m["reason"])
                    operations += m["counters"]["worker:operations"]
                print("(queue, opcode): commands", sent())
                self.assertEqual({opcode for _, opcode in sent()}, {READ})
                self.assertNotIn(0, {queue for queue, _ in sent()}, "an admin command")
                if path != block:  # the block layer merges what is consecutive
                    self.assertGreaterEqual(sum(sent().values()), operations)

    def test_what_does_not_suit_is_refused_with_the_reason(self):
        block = drive(2)
        ng = generic(block)
        self.refused("more than 512 KiB, the most that", "storage.read", "--path", ng, "--block-size", "1MiB")
        registered = ("--block-size", "512KiB", "--registered-buffers", "on")
        linux = tuple(map(int, re.match(r"(\d+)\.(\d+)", os.uname().release).groups()))
        if linux <= (6, 1):  # seen: Linux 6.1 takes none, 6.12 does
            self.refused("takes no registered buffers of 512 KiB", "storage.read", "--path", ng, *registered)
        elif linux >= (6, 12):
            m = measure("storage.read", ng, *ONCE, *registered)
            self.assertEqual((m["status"], m["parameters"]["registered-buffers"]), ("ok", "on"), m["reason"])
        self.refused("has no page cache", "storage.read", "--path", ng, "--direct", "off")
        self.refused("ENOENT", "storage.read", "--path", "/dev/ng99n1")
        self.refused("not the generic device of an NVMe", "storage.read", "--path", "/dev/null")
        self.refused("not the generic device of an NVMe", "storage.read", "--path", re.sub(r"n\d+$", "", block))
        self.refused("cannot share a queue", "storage.read", "--path", ng, "--path", block)
        self.refused("give the --seed", "storage.read", "--path", ng, "--verify", "on")

    def test_it_is_overwritten_only_when_named_and_holding_nothing(self):
        block = drive(2)
        ng = generic(block)
        self.addCleanup(shell, f"umount /run/passthrough 2>/dev/null; wipefs -qa {block}; blkdiscard {block}")
        with commands_sent(block) as sent:
            self.refused("writing would destroy", "storage.write", "--path", ng)
            self.refused("writing would destroy", "storage.write", "--path", ng, "--destroy", drive(3))
            self.assertLessEqual({opcode for _, opcode in sent()}, {READ})
        shell(f"mkfs.ext4 -q -F {block} && sync && mkdir -p /run/passthrough")
        with commands_sent(block) as sent:
            for name in (ng, block):
                self.refused("holds ext4", "storage.write", "--path", ng, "--destroy", name)
            self.assertLessEqual({opcode for _, opcode in sent()}, {READ})
        shell(f"mount -o ro {block} /run/passthrough")
        self.refused("is mounted at /run/passthrough", "storage.write", "--path", ng, "--destroy", ng)

    def test_a_drive_that_is_removed_ends_it_with_the_reason(self):
        block = drive(1)
        controller = f"/sys/block/{block.removeprefix('/dev/')}/device"
        link, serial = shell(f"readlink -f {controller}/device; cat {controller}/serial").split()
        with commands_sent(block) as sent:

            def remove_in_the_middle():
                until = time.monotonic() + 60
                while sum(sent().values()) < 300 and time.monotonic() < until:
                    time.sleep(0.2)
                pathlib.Path(link, "remove").write_text("1")

            self.addCleanup(shell, f"""echo 1 > /sys/bus/pci/rescan
                until grep -q {serial} /sys/block/nvme*/device/serial; do sleep 0.1; done
                ln -sfn /dev/$(grep -l {serial} /sys/block/nvme*/device/serial | cut -d/ -f4) /dev/rack/{serial}""")
            meanwhile = threading.Thread(target=remove_in_the_middle)
            meanwhile.start()
            text = self.refused("cannot read", "storage.read", "--path", generic(block), "--duration", "30s",
                                "--target", "0")
            meanwhile.join()
        self.assertIn("was the drive reset or removed?", text)
        self.assertNotIn("the first", text)
