// SPDX-License-Identifier: Apache-2.0
// Plays a collective: the ranks come together, compare what they want, compute from each other's arrays, and
// are done when the slowest link is.
#pragma once

#include "nccl/communicator.hpp"
#include "nccl/order.hpp"

namespace millrace::standin::nccl {

// On the stream's thread; returns when it is over, or the communicator is aborted. By the machine's clock it
// begins when all ranks are ready: this one at `ready_ns`.
void play(ncclComm_t comm, const Order& order, const Trouble& trouble, std::int64_t ready_ns);

}  // namespace millrace::standin::nccl
