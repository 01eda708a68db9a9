// SPDX-License-Identifier: Apache-2.0
// What the driver's error codes mean, in words.
#pragma once

#include <cuda.h>

#include <string>

#include "millrace/probe.hpp"
#include "units/result.hpp"

namespace millrace::cuda {

// "CUDA_ERROR_NO_DEVICE (100): no CUDA-capable device is detected", as cuGetErrorName and cuGetErrorString
// have it; a code that this driver does not know is said to be one.
std::string words_of(CUresult result);

// "allocating 64 MiB on gpu:2: CUDA_ERROR_OUT_OF_MEMORY (2): out of memory", with the way out that fits the
// code. `doing` says what was tried, and where. Exit::kInconclusive when this machine, as it is now, cannot;
// else the failure is of the measurement.
Error cuda_failure(CUresult result, const std::string& doing);

// {} for CUDA_SUCCESS.
Result<void> check(CUresult result, const std::string& doing);

// Whether the context, and so the process, is lost after it: nothing may be freed or waited for, since that
// can take for ever. ("Sticky" errors: CUDA Runtime API, 6.1, cudaGetLastError.)
bool is_lost(CUresult result);

// Hands an error to the host: what this machine lacks (Exit::kInconclusive) makes a measurement skipped,
// everything else makes it failed, or refused when it is said in describe.
sdk::Outcome report(const sdk::Host& host, const Error& error);

}  // namespace millrace::cuda
