// SPDX-License-Identifier: Apache-2.0
// Calls that only newer NCCLs have, found by name in the library that this process loaded: a missing one
// costs one parameter, not the module. The types are those of the header; a null one is missing.
#pragma once

#include <nccl.h>

namespace millrace::nccl {

struct NewerCalls {
  // NCCL 2.28; in their place: grouped ncclSend and ncclRecv.
  decltype(&ncclAlltoAll) all_to_all = nullptr;
  decltype(&ncclGather) gather = nullptr;
  decltype(&ncclScatter) scatter = nullptr;
  // NCCL 2.19; without them there are no registered buffers.
  decltype(&ncclMemAlloc) mem_alloc = nullptr;
  decltype(&ncclMemFree) mem_free = nullptr;
  decltype(&ncclCommRegister) comm_register = nullptr;
  decltype(&ncclCommDeregister) comm_deregister = nullptr;

  [[nodiscard]] bool can_register() const {
    return mem_alloc != nullptr && mem_free != nullptr && comm_register != nullptr &&
           comm_deregister != nullptr;
  }
};

const NewerCalls& newer_calls();

// "2.28.9" of what is loaded (ncclGetVersion); "unknown" when it does not say.
const char* library_version();

}  // namespace millrace::nccl
