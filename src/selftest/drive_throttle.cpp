// SPDX-License-Identifier: Apache-2.0
#include "selftest/drive_throttle.hpp"

#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>

namespace millrace::selftest {
namespace {

namespace fs = std::filesystem;

const fs::path kBlkio = "/sys/fs/cgroup/blkio";  // v1
const fs::path kUnified = "/sys/fs/cgroup";      // v2

std::string first_line(const fs::path& file) {
  std::ifstream in(file);
  std::string line;
  std::getline(in, line);
  return line;
}

// sysfs's folder of the whole drive.
Result<fs::path> drive_folder(const fs::path& path) {
  struct stat info {};
  if (stat(path.c_str(), &info) != 0)
    return failure(fmt::format("{}: {}", path.string(), std::strerror(errno)));
  std::error_code error;
  fs::path folder =
      fs::canonical(fmt::format("/sys/dev/block/{}:{}", major(info.st_dev), minor(info.st_dev)), error);
  if (error)
    return failure(fmt::format("{} does not lie on a block device", path.string()),
                   "give a folder on a drive by --path", Exit::kInconclusive);
  return fs::exists(folder / "partition") ? folder.parent_path() : folder;
}

bool has_controller(const fs::path& root, const std::string& name) {
  std::istringstream words(first_line(root / "cgroup.controllers"));
  for (std::string word; words >> word;)
    if (word == name) return true;
  return false;
}

bool write_line(const fs::path& file, const std::string& line) {
  std::ofstream out(file);
  out << line << std::flush;
  return out.good();
}

}  // namespace

Result<std::string> drive_below(const fs::path& path) {
  return drive_folder(path).map([](const fs::path& folder) { return folder.filename().string(); });
}

Result<DriveThrottle> DriveThrottle::create(const fs::path& path, BytesPerSecond cap) {
  const auto no = [](std::string why) { return failure(std::move(why), {}, Exit::kInconclusive); };
  if (geteuid() != 0) return no("capping a drive needs root");
  const auto drive = drive_folder(path);
  if (!drive) return tl::unexpected(drive.error());
  const std::string number = first_line(*drive / "dev");
  const auto bytes = static_cast<std::uint64_t>(cap.value);
  fs::path parent, knob;
  std::string value;
  if (fs::exists(kBlkio / "blkio.throttle.read_bps_device")) {
    parent = kBlkio;
    knob = "blkio.throttle.read_bps_device";
    value = fmt::format("{} {}", number, bytes);
  } else if (has_controller(kUnified, "io")) {
    write_line(kUnified / "cgroup.subtree_control", "+io");
    parent = kUnified;
    knob = "io.max";
    value = fmt::format("{} rbps={}", number, bytes);
  } else {
    return no("neither cgroup v1 blkio nor the io controller of cgroup v2 is here");
  }
  const fs::path group = parent / fmt::format("millrace-selftest-{}", getpid());
  std::error_code error;
  fs::create_directory(group, error);
  if (error) return no(fmt::format("{}: {}", group.string(), error.message()));
  DriveThrottle throttle(group);
  if (!write_line(group / knob, value))
    return no(fmt::format("{}: the kernel does not take \"{}\"", (group / knob).string(), value));
  return throttle;
}

DriveThrottle::DriveThrottle(DriveThrottle&& other) noexcept : group_(std::exchange(other.group_, {})) {}

DriveThrottle::~DriveThrottle() {
  if (!group_.empty()) rmdir(group_.c_str());
}

}  // namespace millrace::selftest
