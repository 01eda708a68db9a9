// SPDX-License-Identifier: Apache-2.0
// How much of a file the kernel holds in its page cache.
#pragma once

#include <cstdint>

namespace millrace::storage {

// The share of the first `bytes` of the open file `fd` (a regular file or a block device), 0 to 1, that lies
// in the page cache (mincore(2)); of more than 64 MiB by samples spread evenly. 0 where it cannot be asked.
double cached_share(int fd, std::uint64_t bytes);

}  // namespace millrace::storage
