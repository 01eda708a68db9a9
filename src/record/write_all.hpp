// SPDX-License-Identifier: Apache-2.0
// The two ways in which writing to a file is easily done by half.
#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <string_view>

#include "record/descriptor.hpp"

namespace millrace::record {

// Writes all of it, over short writes and interruptions. Returns an errno, 0 when it went well.
inline int write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(fd, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return errno;
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  return 0;
}

// Makes a file's name as lasting as its content (fsync(2), on directories). Returns an errno, 0 when it went
// well; a file system that cannot sync folders says EINVAL, which is none of the caller's.
inline int sync_folder_of(const std::filesystem::path& file) {
  const std::filesystem::path folder =
      file.has_parent_path() ? file.parent_path() : std::filesystem::path(".");
  const Descriptor fd(open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd) return errno == EACCES ? 0 : errno;  // a folder that may be written to but not listed
  return fsync(fd.get()) == 0 || errno == EINVAL ? 0 : errno;
}

}  // namespace millrace::record
