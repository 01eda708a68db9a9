# SPDX-License-Identifier: Apache-2.0
"""A probe that hangs, crashes, leaks or lies costs its own measurement, and nothing else."""
import os
import re
import subprocess
import time

from command_line import BROKEN, FAULTS, CommandTest, is_alive, main

# Whoever hangs is ended at SOON; all others have the time that a busy machine takes.
SOON, PATIENT = ("--deadline", "3s"), ("--deadline", "20s")
SHORT = ("--duration", "500ms", "--target", "0")


class Faults(CommandTest):
    modules = FAULTS

    def outcome(self, *arguments, status="failed", reason="", deadline=PATIENT, **options):
        """The one measurement, which did not come to a figure and says why."""
        ended = self.measure(*arguments, *SHORT, *deadline, **options)
        self.assertEqual(ended.code, 3, ended.err)
        m = ended.measurement
        self.assertEqual(m["status"], status)
        self.assertRegex(m["reason"], reason)
        self.assertLess(ended.seconds, 25)
        return m

    def phase(self, phase, deed, reason, status="failed", probe="faulty.phase"):
        deadline = SOON if deed in ("hang", "hang-hard", "slow") else PATIENT
        return self.outcome(probe, "--phase", phase, "--deed", deed, status=status, reason=reason, deadline=deadline)

    def test_the_honest_probe_of_the_same_module_measures(self):
        ended = self.measure("faulty.phase", *SHORT)
        self.assertEqual(ended.code, 0, ended.err)
        self.assertGreater(ended.measurement["throughput_bytes_per_s"]["mean"], 0)
        (self.folder / "r.json").write_text(ended.out)
        self.assertSatisfiesSchema(self.folder / "r.json")

    # Hanging.
    def test_a_hang_in_describe_is_ended_at_the_deadline(self):
        self.phase("describe", "hang", "planning it did not answer within 3 s")

    def test_a_hang_in_open_is_ended_at_the_deadline(self):
        self.phase("open", "hang", "not set up within 3 s")

    def test_a_slow_set_up_is_ended_at_the_deadline(self):
        self.phase("open", "slow", "not set up within 3 s")

    def test_a_hang_in_run_that_ignores_the_stop_is_ended_at_the_deadline(self):
        self.phase("run", "hang", "did not end after the measuring by its deadline")

    def test_a_hang_that_ignores_the_polite_signal_is_killed(self):
        self.phase("run", "hang-hard", "did not end after the measuring by its deadline")

    def test_a_hang_in_close_is_ended_at_the_deadline(self):
        self.phase("close", "hang", "did not end after the measuring by its deadline")

    def test_what_the_kernel_holds_is_left_behind_and_told(self):
        image, point = self.folder / "image", self.folder / "point"
        image.write_bytes(b"")
        os.truncate(image, 16 << 20)
        point.mkdir()
        made = subprocess.run(f"mkfs.ext4 -q -F {image} && mount -o loop {image} {point} && fsfreeze -f {point} && fsfreeze -u {point}",
                              shell=True, capture_output=True, text=True, check=False)
        self.addCleanup(subprocess.run, f"fsfreeze -u {point}; umount {point}", shell=True, capture_output=True, check=False)
        if made.returncode:
            self.skipTest(f"no file system can be frozen here: {made.stderr.strip()}")
        began = time.monotonic()
        process = self.start("measure", "faulty.phase", "--phase", "run", "--deed", "stuck", *SHORT, *SOON, "--json", "-",
                             MILLRACE_TEST_FREEZE=str(point))
        ended = self.finish(process, began, patience=60)
        self.assertEqual(ended.code, 3, ended.err)
        reason = ended.measurement["reason"]
        self.assertRegex(reason, r"did not end after the measuring .* \(process \d+\) waits in the kernel \([^)]+\), where SIGKILL")
        # Its file is on what it hangs in: whoever removed it would hang too.
        self.assertRegex(ended.err, "point/file stays: removing it did not answer within 2 s")
        left = int(re.search(r"process (\d+)", reason)[1])
        self.assertTrue(is_alive(left))
        subprocess.run(["fsfreeze", "-u", point], check=True)
        self.assertNoneLeft()  # the kernel let go of them, and they had long been told to end

    def test_a_failure_is_known_though_what_failed_does_not_let_go(self):
        m = self.phase("run", "fail-and-hang", "^the flux capacitor is cold$")
        self.assertEqual(m["hint"], "warm it")

    # Crashing.
    def test_a_crash_in_describe_is_named(self):
        self.phase("describe", "crash", r"planning it crashed \(SIGSEGV\)")

    def test_a_crash_in_open_is_named(self):
        self.phase("open", "crash", r"crashed \(SIGSEGV\)")

    def test_a_crash_in_run_is_named(self):
        m = self.phase("run", "crash", r"crashed \(SIGSEGV\)")
        self.assertIn("faulty.so", m["hint"])

    def test_a_crash_in_close_is_named(self):
        self.phase("close", "crash", r"crashed \(SIGSEGV\)")

    def test_an_abort_in_run_is_named(self):
        self.phase("run", "abort", r"crashed \(SIGABRT\)")

    def test_an_exit_in_run_is_named(self):
        self.phase("run", "exit", "ended with status 3")

    def test_an_exit_in_describe_is_named(self):
        self.phase("describe", "exit", "planning it ended early with status 3")

    # Throwing: through the C++ wrapper, and across the bare interface.
    def test_an_exception_in_run_is_quoted(self):
        self.phase("run", "throw", "the warp core is breached")

    def test_something_odd_that_is_thrown_in_open_is_a_failure(self):
        self.phase("open", "throw-number", "no std::exception")

    def test_an_exception_across_the_interface_in_describe_is_quoted(self):
        self.phase("describe", "throw", "planning it threw an exception: the warp core", probe="faulty.raw")

    def test_an_exception_across_the_interface_in_open_is_quoted(self):
        self.phase("open", "throw", "it threw an exception: the warp core", probe="faulty.raw")

    def test_an_exception_across_the_interface_in_run_is_quoted(self):
        m = self.phase("run", "throw", "it threw an exception: the warp core", probe="faulty.raw")
        self.assertIn("module", m["hint"])

    def test_something_odd_that_is_thrown_across_the_interface_in_close_is_a_failure(self):
        self.phase("close", "throw-number", "no std::exception", probe="faulty.raw")

    # Failing in order.
    def test_a_failure_in_open_says_what_and_the_way_out(self):
        m = self.phase("open", "fail", "^the flux capacitor is cold$")
        self.assertEqual(m["hint"], "warm it")

    def test_a_failure_without_a_word_is_said_to_be_one(self):
        self.phase("run", "fail-mutely", "does not say why")

    def test_a_failure_in_describe_is_the_users_to_mend(self):
        ended = self.measure("faulty.phase", "--phase", "describe", "--deed", "fail", *SHORT)
        self.assertEqual(ended.code, 2)
        self.assertIn("the flux capacitor is cold", ended.err)
        self.assertIn("hint: warm it", ended.err)

    def test_what_is_unavailable_in_open_is_skipped_with_its_reason(self):
        self.phase("open", "unavailable", "there is no flux capacitor here", status="skipped")

    def test_what_is_unavailable_in_describe_is_skipped_with_its_reason(self):
        self.phase("describe", "unavailable", "there is no flux capacitor here", status="skipped")

    def test_text_that_is_no_utf8_does_not_spoil_the_document(self):
        for phase in ("open", "run"):
            m = self.phase(phase, "odd-text", "not UTF-8")
            self.assertIn("�", m["reason"])
        ended = self.measure("faulty.phase", "--phase", "describe", "--deed", "odd-text", *SHORT)
        self.assertEqual(ended.code, 2)
        self.assertIn("not UTF-8", ended.err)

    # Leaking.
    def test_a_leak_is_ended_before_it_takes_the_machine(self):
        for phase in ("open", "run"):
            ended = self.measure("faulty.phase", "--phase", phase, "--deed", "leak", "--duration", "20s")
            self.assertEqual(ended.code, 3, ended.err)
            self.assertRegex(ended.measurement["reason"], r"holds .* GiB of memory but declared 0 B: it leaks")

    # Before a probe can be asked.
    def module_fault(self, fault, reason, state="broken"):
        m = self.outcome("faulty.phase", status="skipped", reason=reason, MILLRACE_TEST_FAULT=fault)
        self.assertIn(f" is {state}: ", m["reason"])
        listed = self.run_it("probes", MILLRACE_TEST_FAULT=fault)
        self.assertEqual(listed.code, 0)
        self.assertRegex(listed.out, rf"(?m)^faulty.*: {state} \(.*{reason}")
        self.assertRegex(listed.out, r"(?m)^storage .*: ready$")
        self.assertIn("storage.read", listed.out)

    def test_a_module_that_crashes_when_it_is_loaded_is_broken_and_the_others_are_listed(self):
        self.module_fault("constructor:crash", r"crashed \(SIGSEGV\)")

    def test_a_module_that_hangs_when_it_is_loaded_is_broken(self):
        self.module_fault("constructor:hang", "did not answer within 5 s")

    def test_a_module_that_aborts_when_it_is_loaded_is_broken(self):
        self.module_fault("constructor:abort", r"crashed \(SIGABRT\)")

    def test_a_module_that_exits_in_detect_is_broken(self):
        self.module_fault("detect:exit", "ended early with status 3")

    def test_a_module_that_hangs_in_detect_is_broken(self):
        self.module_fault("detect:hang", "did not answer within 5 s")

    def test_a_module_that_throws_in_detect_is_broken(self):
        self.module_fault("detect:throw", "threw an exception: the warp core is breached")

    def test_a_module_that_lacks_its_hardware_is_unavailable_with_its_reason(self):
        self.module_fault("detect:unavailable", "there is no flux capacitor here", state="unavailable")


class BrokenModules(CommandTest):
    modules = BROKEN

    def test_modules_that_break_the_contract_are_listed_with_what_they_break(self):
        listed = self.run_it("probes")
        self.assertEqual(listed.code, 0)
        for name in ("null_module", "null_name", "wrong_size"):
            self.assertRegex(listed.out, rf"(?m)^{name}: broken \(.*gave no valid module")
        self.assertRegex(listed.out, r"(?m)^no_symbol: broken \(.*exports neither millrace_probe_module_v1")
        self.assertRegex(listed.out, r"(?m)^storage .*: ready$")

    def test_a_module_whose_library_is_missing_is_unavailable_and_names_the_library(self):
        listed = self.run_it("probes")
        self.assertRegex(listed.out,
                         r"(?m)^missing_library: unavailable \(libfaultyvendor.so: cannot open shared object file")

    def test_a_measurement_by_a_module_without_its_library_is_skipped_with_the_reason(self):
        ended = self.measure("missing_library.copy")
        self.assertEqual(ended.code, 3)
        self.assertEqual(ended.measurement["status"], "skipped")
        self.assertIn("libfaultyvendor.so: cannot open shared object file", ended.measurement["reason"])
        (self.folder / "r.json").write_text(ended.out)
        self.assertSatisfiesSchema(self.folder / "r.json")


class Lies(CommandTest):
    modules = FAULTS

    def lie(self, lie, code, reason="^$", deadline=PATIENT):
        ended = self.measure("faulty.liar", "--lie", lie, *SHORT, *deadline)
        self.assertEqual(ended.code, code, ended.err)
        m = ended.measurement
        self.assertEqual(m["status"], "ok" if code == 0 else "failed", m["reason"])
        self.assertRegex(m["reason"], reason)
        self.assertLess(ended.seconds, 25)
        (self.folder / "r.json").write_text(ended.out)
        self.assertSatisfiesSchema(self.folder / "r.json")
        return m

    def test_a_probe_that_ends_at_once_with_nothing_is_failed(self):
        self.lie("nothing", 3, "recorded no operation")

    def test_a_probe_that_records_nothing_in_its_time_is_failed(self):
        self.lie("nothing-in-time", 3, "recorded no operation")

    def test_time_that_runs_backwards_is_failed(self):
        self.lie("time-backwards", 3, "run backwards")

    def test_time_that_lies_ahead_is_failed(self):
        self.lie("time-ahead", 3, "in the future")

    def test_time_at_its_very_end_is_failed(self):
        self.lie("time-at-the-end", 3, "in the future|crashed|ended with")

    def test_totals_that_shrink_are_failed(self):
        self.lie("totals-shrink", 3, "shrink or are beyond all reason")

    def test_absurd_totals_are_failed(self):
        self.lie("totals-absurd", 3, "beyond all reason")

    def test_data_that_are_not_what_was_sent_are_failed(self):
        m = self.lie("corrupt", 3, "not the data that were sent")
        self.assertIs(m["verified"], False)

    def test_what_a_probe_prints_does_not_reach_the_output(self):
        self.lie("prints", 0)

    def test_nonsense_figures_and_names_do_not_spoil_the_document(self):
        self.lie("nonsense", 0)

    def test_a_probe_that_prints_without_end_is_ended_in_time(self):
        self.lie("floods-output", 3, "did not end after the measuring by its deadline", deadline=SOON)

    def test_a_probe_that_logs_without_end_is_ended_in_time(self):
        self.lie("floods-log", 3, "did not end after the measuring by its deadline", deadline=SOON)

    def test_millions_of_samples_are_bounded(self):
        m = self.lie("many-samples", 0)
        self.assertLessEqual(sum(metric["count"] for metric in m["metrics"].values()), 1_000_000)

    def test_recorders_without_end_are_bounded(self):
        m = self.lie("many-recorders", 0)
        self.assertEqual(m["counters"]["more_recorders"], 255)


class Leftovers(CommandTest):
    modules = FAULTS

    def test_a_process_that_a_probe_leaves_running_is_ended(self):
        for then, code in (("run", 0), ("crash", 3)):
            ended = self.measure("faulty.leftover", "--what", "child", "--then", then, *SHORT)
            self.assertEqual(ended.code, code, ended.err)

    def test_a_thread_that_a_probe_leaves_running_ends_with_its_worker(self):
        ended = self.measure("faulty.leftover", "--what", "thread", *SHORT)
        self.assertEqual(ended.code, 0, ended.err)

    def test_files_that_a_probe_leaves_are_removed_and_links_not_followed(self):
        kept = self.folder / "kept"
        kept.write_text("not ours")
        for then, code in (("run", 0), ("crash", 3)):
            ended = self.measure("faulty.leftover", "--path", self.folder, "--then", then, *SHORT)
            self.assertEqual(ended.code, code, ended.err)
            self.assertEqual(os.listdir(self.folder), ["kept"])

    def test_a_file_that_is_there_already_is_not_taken_for_a_temporary_one(self):
        theirs = self.folder / "left-behind"
        theirs.write_text("precious")
        ended = self.measure("faulty.leftover", "--path", self.folder, *SHORT)
        self.assertEqual(ended.code, 3)
        self.assertRegex(ended.measurement["reason"], re.escape(str(theirs)) + ".*exists already")
        self.assertEqual(theirs.read_text(), "precious")


if __name__ == "__main__":
    main()
