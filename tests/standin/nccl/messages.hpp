// SPDX-License-Identifier: Apache-2.0
// Plays sends and receives that were grouped: all of them make progress together.
#pragma once

#include <vector>

#include "nccl/communicator.hpp"
#include "nccl/order.hpp"

namespace millrace::standin::nccl {

struct Task {
  Order order;
  Trouble trouble;
};

// On the stream's thread; returns when all are over, or the communicator is aborted. By the machine's clock
// each begins when both of its ranks are ready: this one at `ready_ns`.
void play_messages(ncclComm_t comm, const std::vector<Task>& tasks, std::int64_t ready_ns);

}  // namespace millrace::standin::nccl
