// SPDX-License-Identifier: Apache-2.0
// What NCCL's result codes mean, in words.
#pragma once

#include <nccl.h>

#include <string>

#include "units/result.hpp"

namespace millrace::nccl {

// "ncclSystemError (2): unhandled system error", as ncclGetErrorString has it.
std::string words_of(ncclResult_t result);

// "<doing>: ncclSystemError (2): …: <what ncclGetLastError adds>", with the way out that fits the code.
// `comm` may be null.
Error nccl_failure(ncclResult_t result, const std::string& doing, ncclComm_t comm);

// Whether it may only follow from what happened to another rank, which will say it better.
bool is_a_consequence(ncclResult_t result);

}  // namespace millrace::nccl
