// SPDX-License-Identifier: Apache-2.0
// NCCL's calls, by what was asked for.
#pragma once

#include <cuda.h>
#include <nccl.h>

#include "modules/nccl/buffers.hpp"
#include "modules/nccl/settings.hpp"

namespace millrace::nccl {

ncclDataType_t type_of(collective::ElementType type);
ncclRedOp_t operation_of(collective::Operation operation);

// Puts one collective of this turn onto the stream; all ranks do. NCCL may be busy with it still
// (ncclInProgress). Where this NCCL has no call of its own for it, or the settings say so, grouped sends and
// receives do the same.
ncclResult_t enqueue(const Settings& settings, int rank, const Turn& turn, ncclComm_t communicator,
                     CUstream stream);
// Whether enqueue uses sends and receives though NCCL's own call was asked for.
bool falls_back(const Settings& settings);

}  // namespace millrace::nccl
