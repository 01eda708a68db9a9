// SPDX-License-Identifier: Apache-2.0
// Whether others than a measurement's own workers took the CPUs from it.
#pragma once

#include "record/result.hpp"

namespace millrace::run {

inline constexpr const char* kCpuContended = "cpu-contended";

// Both must hold, each for a tenth of the time or more: something waited for a CPU (psi:cpu:some_s, see
// Documentation/accounting/psi.rst), and others used that share of all CPUs (cpu:busy_s less what the workers
// on this host used). A worker with more threads than CPUs makes pressure of its own, and a load on CPUs that
// nobody misses makes none. False where the kernel counts no pressure. `cpus`: hardware threads of this host.
inline bool others_took_cpus(const record::Measurement& m, int cpus) {
  constexpr double kShare = 0.1;
  const auto counted = [&](const char* name) {
    const auto found = m.counters.find(name);
    return found == m.counters.end() ? 0.0 : found->second;
  };
  if (m.duration_s <= 0 || cpus <= 0) return false;
  const double others = counted("cpu:busy_s") - counted("worker:user_s") - counted("worker:system_s");
  return counted("psi:cpu:some_s") >= kShare * m.duration_s && others >= kShare * m.duration_s * cpus;
}

}  // namespace millrace::run
