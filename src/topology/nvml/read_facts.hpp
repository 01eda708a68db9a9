// SPDX-License-Identifier: Apache-2.0
// Asks NVML about all GPUs. To be called in a child process: see ask.hpp.
#pragma once

#include "topology/nvml/answer.hpp"

namespace millrace::topology::nvml {

Answer read_facts();

}  // namespace millrace::topology::nvml
