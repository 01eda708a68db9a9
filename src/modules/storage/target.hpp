// SPDX-License-Identifier: Apache-2.0
// A file, a block device or the generic device of an NVMe namespace, that is read or written.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "modules/storage/file_descriptor.hpp"
#include "modules/storage/nvme_namespace.hpp"
#include "modules/storage/options.hpp"
#include "units/result.hpp"

namespace millrace::storage {

enum class PathKind { kFile, kFolder, kDevice, kNvmeGeneric };

struct Target {
  std::string name;  // for messages
  FileDescriptor fd;
  std::uint64_t bytes = 0;
  bool device = false;
  std::optional<NvmeNamespace> nvme;          // of a generic device: it takes commands, not reads and writes
  FileDescriptor beside;                      // its block device, claimed while the generic device is written
  bool takes_registered_buffers = true;       // whether the kernel does, of this target
  std::optional<std::uint64_t> content_seed;  // of Pages, where the probe made the contents
};

// What the path is; fails when it does not exist, cannot be used, or is something else (a socket, a
// terminal).
Result<PathKind> kind_of(const std::string& path);

// Opens O_RDONLY (plus O_DIRECT), and checks the block size against what the file needs for direct I/O, or
// the namespace of a generic device for one command.
Result<Target> open_for_reading(const std::string& path, const Options& options);

// Opens what is already open again, O_RDONLY or O_WRONLY plus O_DIRECT as asked: for a temporary file that
// has lost its name.
Result<Target> reopen(const Target& target, int access, const Options& options);

// Whether blocks of this size can be read and written past the page cache here.
Result<void> check_direct(const Target& target, const Options& options);

// The regular files below a folder, sorted by path; links to files are followed, links to folders are not.
// Empty files are left out.
Result<std::vector<std::string>> files_below(const std::string& folder);

}  // namespace millrace::storage
