// SPDX-License-Identifier: Apache-2.0
// Kernels, played by their names on the CPU: those of src/modules/gpu/kernels.cu, whose arguments this knows.
#pragma once

#include <string>

#include "cuda/driver.hpp"

namespace millrace::standin::cuda {

bool is_known_kernel(const std::string& name);

// What a launch with these arguments does. Errors as of cuLaunchKernel; memory that the GPU cannot reach is
// found out when the kernel runs, and spoils the context, as on hardware.
CUresult plan_kernel(const std::string& name, CUcontext context, void** arguments, const Trouble& trouble,
                     Operation& play);

}  // namespace millrace::standin::cuda
