// SPDX-License-Identifier: Apache-2.0
// NVML's answer of the machine below a root: of this machine by NVML in a child process, so that a driver
// that hangs or crashes costs seconds and a finding; of a recorded one by what its snapshot holds.
#pragma once

#include "topology/file_root.hpp"
#include "topology/nvml/answer.hpp"
#include "units/quantity.hpp"

namespace millrace::topology::nvml {

// The first contact with eight GPUs whose driver keeps no state (persistence mode off) takes some seconds.
inline constexpr Duration kPatience{10'000'000'000};

inline constexpr const char* kRecording = "/nvml.json";  // in a snapshot

// A recording root records the answer, unless there is none to record. `live`: ask NVML. The caller is
// single-threaded.
Answer ask(const FileRoot& root, bool live, Duration patience = kPatience);

}  // namespace millrace::topology::nvml
