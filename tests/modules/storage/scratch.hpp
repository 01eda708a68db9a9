// SPDX-License-Identifier: Apache-2.0
// Folders, files, mounts and loop devices of a test, gone at its end.
#pragma once

#include <fcntl.h>
#include <linux/loop.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <random>
#include <stdexcept>
#include <string>
#include <utility>

namespace millrace::testing {

// Where direct I/O works: the build folder's file system, not /tmp, which may be a tmpfs.
class ScratchFolder {
 public:
  ScratchFolder() {
    std::string name = std::string(MILLRACE_BUILD) + "/storage-test-XXXXXX";
    if (mkdtemp(name.data()) == nullptr) throw std::runtime_error("mkdtemp " + name);
    path_ = name;
  }
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;
  ~ScratchFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }

  [[nodiscard]] std::string path() const { return path_.string(); }
  [[nodiscard]] std::string operator/(const std::string& name) const { return (path_ / name).string(); }
  [[nodiscard]] bool empty() const { return std::filesystem::is_empty(path_); }

 private:
  std::filesystem::path path_;
};

inline void write_random_file(const std::string& path, std::uint64_t bytes) {
  std::ofstream file(path, std::ios::binary);
  std::mt19937_64 random(bytes);
  for (std::uint64_t written = 0; written < bytes;) {
    const std::uint64_t word = random();
    const std::uint64_t size = std::min<std::uint64_t>(sizeof word, bytes - written);
    file.write(reinterpret_cast<const char*>(&word), static_cast<std::streamsize>(size));
    written += size;
  }
  if (!file) throw std::runtime_error("write " + path);
}

// A loop device over a file; nothing where there is no permission for it.
class LoopDevice {
 public:
  static std::optional<LoopDevice> over(const std::string& file, bool read_only = false) {
    const int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC);
    if (control < 0) return std::nullopt;
    const int backing = open(file.c_str(), (read_only ? O_RDONLY : O_RDWR) | O_CLOEXEC);
    LoopDevice device;
    for (int attempt = 0; attempt < 16 && device.fd_ < 0; ++attempt) {  // others look for a free one, too
      const int number = ioctl(control, LOOP_CTL_GET_FREE);
      if (number < 0) break;
      device.path_ = "/dev/loop" + std::to_string(number);
      const int fd = open(device.path_.c_str(), (read_only ? O_RDONLY : O_RDWR) | O_CLOEXEC);
      if (fd < 0) break;
      if (ioctl(fd, LOOP_SET_FD, backing) == 0)
        device.fd_ = fd;
      else
        close(fd);
    }
    close(backing);
    close(control);
    if (device.fd_ < 0) return std::nullopt;
    return device;
  }
  LoopDevice(LoopDevice&& other) noexcept : fd_(std::exchange(other.fd_, -1)), path_(other.path_) {}
  LoopDevice& operator=(LoopDevice&& other) noexcept {
    std::swap(fd_, other.fd_);
    std::swap(path_, other.path_);
    return *this;
  }
  ~LoopDevice() {
    if (fd_ < 0) return;
    ioctl(fd_, LOOP_CLR_FD);
    close(fd_);
  }
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  LoopDevice() = default;
  int fd_ = -1;
  std::string path_;
};

// A file system mounted for the life of the object.
class Mount {
 public:
  static std::optional<Mount> of(const std::string& source, const std::string& point, const std::string& type,
                                 unsigned long flags, const std::string& options) {
    if (mount(source.c_str(), point.c_str(), type.c_str(), flags, options.c_str()) != 0) return std::nullopt;
    return Mount(point);
  }
  Mount(Mount&& other) noexcept : point_(std::exchange(other.point_, {})) {}
  Mount& operator=(Mount&&) = delete;
  ~Mount() {
    if (!point_.empty()) umount2(point_.c_str(), MNT_DETACH);
  }

 private:
  explicit Mount(std::string point) : point_(std::move(point)) {}
  std::string point_;
};

}  // namespace millrace::testing
