// SPDX-License-Identifier: Apache-2.0
// One parameter of a probe at several values: a measurement each.
#pragma once

#include <string>
#include <vector>

#include "units/result.hpp"

namespace millrace::cli {

struct Sweep {
  std::string parameter;
  std::vector<std::string> values;
};

// "size=64KiB..64MiB" (four times as much from one to the next, both ends included), "size=8..1GiB*2"
// (twice), "type=half,float". Error: it is none of these, or of more than 100 values.
Result<Sweep> read_sweep(const std::string& text);

}  // namespace millrace::cli
