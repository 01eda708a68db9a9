// SPDX-License-Identifier: Apache-2.0
// The memory "host": this machine's own memory in a GPU's place. Copies are done at the call by the calling
// core with non-temporal stores, as a DMA engine's would not fill the caches either; the consumer is a timed
// wait.
#pragma once

#include "millrace/module_abi.h"

namespace millrace::host {

const millrace_memory_module& memory_module();

}  // namespace millrace::host
