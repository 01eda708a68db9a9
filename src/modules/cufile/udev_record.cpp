// SPDX-License-Identifier: Apache-2.0
#include "modules/cufile/udev_record.hpp"

#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <fstream>
#include <string>

namespace millrace::cufile {
namespace {

bool tells_file_system(const std::filesystem::path& record) {
  std::ifstream in(record);
  for (std::string line; std::getline(in, line);)
    if (line.starts_with("E:ID_FS_USAGE=")) return true;
  return false;
}

}  // namespace

std::optional<Error> missing_udev_record(int fd, const std::filesystem::path& database) {
  struct stat file = {};
  if (fstat(fd, &file) != 0) return std::nullopt;
  const dev_t device = S_ISBLK(file.st_mode) ? file.st_rdev : file.st_dev;
  if (major(device) == 0)
    return Error{"it takes files on block devices, and this one lies on none (tmpfs, overlayfs, …)",
                 "give a --path on ext4 or XFS", Exit::kInconclusive};
  const auto record = database / fmt::format("b{}:{}", major(device), minor(device));
  if (tells_file_system(record)) return std::nullopt;
  return Error{
      fmt::format("it asks udev for the file system, and {} does not tell it", record.string()),
      "in a container: start it with -v /run/udev:/run/udev:ro; else start systemd-udevd and `udevadm "
      "trigger`",
      Exit::kInconclusive};
}

}  // namespace millrace::cufile
