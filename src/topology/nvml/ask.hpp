// SPDX-License-Identifier: Apache-2.0
// NVML's answer of the machine below a root: of this machine by NVML in a child process, so that a driver
// that hangs or crashes costs seconds and a finding; of a recorded one by what its snapshot holds.
#pragma once

#include "topology/file_root.hpp"
#include "topology/nvml/answer.hpp"
#include "units/quantity.hpp"

namespace millrace::topology::nvml {

// How long NVML may take: the first contact with a GPU whose driver keeps no state (persistence mode off)
// takes a second or two, one GPU after the other.
constexpr Duration patience_with(std::size_t gpus) {
  constexpr std::int64_t kBase = 6'000'000'000;
  constexpr std::int64_t kEach = 2'000'000'000;
  return {kBase + kEach * static_cast<std::int64_t>(gpus < 2 ? 2 : gpus)};
}

inline constexpr const char* kRecording = "/nvml.json";  // in a snapshot

// A recording root records the answer, unless there is none to record. `live`: ask NVML. The caller is
// single-threaded.
Answer ask(const FileRoot& root, bool live, Duration patience = patience_with(0));

}  // namespace millrace::topology::nvml
