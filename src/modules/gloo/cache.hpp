// SPDX-License-Identifier: Apache-2.0
// The size of the last cache before memory: what an array must exceed not to be found there again.
#pragma once

#include <cstdint>

namespace millrace::gloo {

std::uint64_t last_level_cache_bytes();  // 32 MiB where the system does not say

}  // namespace millrace::gloo
