// SPDX-License-Identifier: Apache-2.0
// GPUs as memories: "gpu:N" is the N-th GPU of this host by PCI address, as discovery numbers them. Copies go
// by the copy engine on one stream, in order; busy_for runs a kernel on another (without one: a timed wait,
// said in the log). Every call may come from any thread.
#pragma once

#include "millrace/module_abi.h"

namespace millrace::gpu {

const millrace_memory_module& memory_module();

}  // namespace millrace::gpu
