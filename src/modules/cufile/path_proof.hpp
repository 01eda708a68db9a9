// SPDX-License-Identifier: Apache-2.0
// Which way the bytes went: from the drive into the GPU, or through host memory. cuFile falls back silently,
// so only counters tell: a module that is loaded, a driver's property or a rate prove nothing, and neither
// does a module that is missing (CUDA 12.8 and later can use the kernel's P2PDMA without nvidia-fs).
#pragma once

#include <cstdint>
#include <string>

#include "modules/cufile/counters.hpp"

namespace millrace::cufile {

enum class DirectPath { kUnproven, kDirect, kCompatibility };

enum class Kind { kReads, kWrites };

struct Verdict {
  DirectPath path = DirectPath::kUnproven;
  std::string evidence;  // for people: the counts that say so, or what is missing
};

// Of `operations` that succeeded between two counts.
//   direct         cuFile counted as many operations as there were, all of them by P2PDMA or nvidia-fs, and
//   none
//                  through host memory; or, where it does not count, nvidia-fs did while this process alone
//                  used it
//   compatibility  cuFile counted operations through host memory
//   unproven       anything else
// A transfer larger than the largest direct one may count as several.
Verdict judge(const Counters& before, const Counters& after, Kind kind, std::uint64_t operations);

// "gds-direct", "gds-compatibility", "gds-path-unproven": as measurements are flagged.
const char* flag_of(DirectPath path);

}  // namespace millrace::cufile
