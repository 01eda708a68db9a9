// SPDX-License-Identifier: Apache-2.0
// Reductions of arrays of NCCL's types, rank by rank: exact for the small whole numbers that tests put in.
#pragma once

#include <cstdint>
#include <vector>

#include "nccl/order.hpp"

namespace millrace::standin::nccl {

// `count` elements, each of all inputs' elements at `first` and after, combined; written to `to`.
void reduce(const std::vector<std::uint64_t>& inputs, std::size_t first, std::size_t count,
            ncclDataType_t type, ncclRedOp_t operation, std::byte* to);

}  // namespace millrace::standin::nccl
