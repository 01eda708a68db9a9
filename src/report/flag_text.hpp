// SPDX-License-Identifier: Apache-2.0
// What flags of a measurement mean, and what was counted that raised them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "record/result.hpp"

namespace millrace::report {

// What happened and the way out, in a line; "" for a flag that says it all or whose meaning stands elsewhere.
std::string_view meaning_of(std::string_view flag);

// Where a flag says that packets were lost or held back: the counters of the links that are not zero and tell
// of it, as "rdma:mlx5_0:1:out_of_sequence 12".
std::vector<std::string> counted_for_flags(const record::Measurement& m);

}  // namespace millrace::report
