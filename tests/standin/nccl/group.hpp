// SPDX-License-Identifier: Apache-2.0
// What a thread calls between ncclGroupStart and ncclGroupEnd, put onto its stream at the end.
#pragma once

#include <vector>

#include "nccl/communicator.hpp"
#include "nccl/messages.hpp"

namespace millrace::standin::nccl {

// A call of a collective, a send or a receive: checked as the vendor checks, and put onto the stream, or into
// the group that this thread has open.
ncclResult_t submit(ncclComm_t comm, const Order& order, CUstream stream);

ncclResult_t begin_group();
ncclResult_t end_group();

}  // namespace millrace::standin::nccl
