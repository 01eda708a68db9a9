// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <string>

#include "record/result.hpp"

namespace millrace::run {

// Once, whoever else found the same.
inline void add_flag(record::Measurement& m, const std::string& flag) {
  if (std::find(m.flags.begin(), m.flags.end(), flag) == m.flags.end()) m.flags.push_back(flag);
}

}  // namespace millrace::run
