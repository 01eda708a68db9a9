// SPDX-License-Identifier: Apache-2.0
// The temporary file that a probe reads from or writes to when it is given a folder.
//
// It holds real, incompressible data: a fresh or sparse file would be answered from holes or the drive's map
// of zeros. It loses its name as soon as it is open, so that it is gone with the process, however that ends;
// one that keeps it is removed by the core, which was told.
#pragma once

#include <string>

#include "millrace/probe.hpp"
#include "modules/storage/options.hpp"
#include "modules/storage/target.hpp"
#include "units/result.hpp"

namespace millrace::storage {

// Fails unless the folder can be written to and its file system has `bytes` free with 5 % of the free space
// left.
Result<void> check_space(const std::string& folder, std::uint64_t bytes);

// Whether the file loses its name at once, or keeps it: then the core removes it when the measurement ends.
enum class Name { kLost, kKept };

// Makes the file, file_size rounded down to whole blocks, in the folder; tells the host before. Laid out and
// durable, unless `fill` is off: then it is only preallocated. Opened read-write. `index` tells the files of
// one worker apart.
Result<Target> make_test_file(const sdk::Host& host, const std::string& folder, const Options& options,
                              std::uint64_t index, bool fill, Name name = Name::kLost);

}  // namespace millrace::storage
