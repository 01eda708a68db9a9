// SPDX-License-Identifier: Apache-2.0
// What NVML told of a machine's GPUs, and its form as text: it crosses a pipe so, and stands so in snapshots.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "topology/gpu_facts.hpp"

namespace millrace::topology::nvml {

struct Answer {
  bool present = true;         // false: this machine has no NVML
  std::string problem;         // why it told nothing; empty: it did, or nobody can say
  std::string driver;          // its version
  std::vector<GpuFacts> gpus;  // ids are not known here: GpuFacts::gpu and GpuPeer::gpu hold PCI addresses
  bool operator==(const Answer&) const = default;
};

std::string to_text(const Answer& answer);
std::optional<Answer> from_text(std::string_view text);  // null: it is no such text

}  // namespace millrace::topology::nvml
