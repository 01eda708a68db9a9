// SPDX-License-Identifier: Apache-2.0
// A cap on what the processes of a control group read from one drive: by cgroup v1's blkio or v2's io
// controller, whichever the machine has. Needs root.
#pragma once

#include <filesystem>
#include <string>

#include "units/quantity.hpp"
#include "units/result.hpp"

namespace millrace::selftest {

class DriveThrottle {
 public:
  // Of the whole drive below `path`. Errors (Exit::kInconclusive): why this machine lets nobody cap it.
  static Result<DriveThrottle> create(const std::filesystem::path& path, BytesPerSecond cap);
  DriveThrottle(DriveThrottle&& other) noexcept;
  DriveThrottle(const DriveThrottle&) = delete;
  DriveThrottle& operator=(DriveThrottle&&) = delete;
  DriveThrottle& operator=(const DriveThrottle&) = delete;
  ~DriveThrottle();  // removes the group, which must be empty

  // Processes that enter it are capped.
  [[nodiscard]] const std::filesystem::path& group() const { return group_; }

 private:
  explicit DriveThrottle(std::filesystem::path group) : group_(std::move(group)) {}
  std::filesystem::path group_;
};

// "vda": the whole drive that a path lies on. Errors: it lies on none (tmpfs, a network).
Result<std::string> drive_below(const std::filesystem::path& path);

}  // namespace millrace::selftest
