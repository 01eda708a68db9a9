// SPDX-License-Identifier: Apache-2.0
// A namespace of an NVMe drive by its generic device: commands go to the drive as they are, past the block
// layer, its scheduler, its splitting and its statistics.
#pragma once

#include <cstdint>
#include <string>

#include "modules/storage/options.hpp"
#include "modules/storage/target.hpp"
#include "units/result.hpp"

namespace millrace::storage {

// Opens it for reading and reads its first block once, which tells whether the kernel (Linux 5.19), the
// user's rights and the drive allow it, and whether the kernel takes registered buffers for it (Linux 6.1).
Result<Target> open_generic(const std::string& path, const Options& options);

// The same of one that was opened otherwise.
Result<void> try_generic(Target& target, const Options& options);

// The error of a command that completed with `result`: an NVMe status when positive, -errno when negative.
// `what` was tried: "read 4096 bytes at offset 0 of /dev/ng0n1".
tl::unexpected<Error> passthrough_failure(std::int32_t result, const std::string& what);

}  // namespace millrace::storage
