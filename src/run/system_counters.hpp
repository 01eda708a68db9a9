// SPDX-License-Identifier: Apache-2.0
// What the kernel counted while something was measured.
#pragma once

#include <filesystem>
#include <map>
#include <string>

namespace millrace::run {

// Running totals, by name: "block:vda:read_bytes" (also read_operations, write_…, busy_s: /sys/block/*/stat),
// "psi:io:some_s" and "psi:io:full_s" (also cpu, memory: /proc/pressure), "cpu:busy_s", "cpu:iowait_s",
// "cpu:steal_s"
// (/proc/stat, all cores), "pcie:0000:41:00.0:correctable_errors" (also nonfatal, fatal: AER, where there is
// any).
std::map<std::string, double> read_system_counters(const std::filesystem::path& root = "/");

// What grew between two readings; what did not change is left out.
std::map<std::string, double> growth(const std::map<std::string, double>& before,
                                     const std::map<std::string, double>& after);

}  // namespace millrace::run
