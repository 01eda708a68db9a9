// SPDX-License-Identifier: Apache-2.0
// The fat binary of kernels.cu (sm_80, sm_90, sm_100 and PTX), as it was built in.
#pragma once

#include <cstddef>
#include <span>

namespace millrace::gpu {

// Empty where there was no nvcc: what needs a kernel is then skipped with that reason.
std::span<const std::byte> kernel_image();

}  // namespace millrace::gpu
