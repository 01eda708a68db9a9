// SPDX-License-Identifier: Apache-2.0
#include "modules/storage/test_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <span>

#include "modules/storage/buffers.hpp"
#include "modules/storage/pages.hpp"
#include "modules/storage/random.hpp"
#include "modules/storage/system_failure.hpp"
#include "units/quantity.hpp"

namespace millrace::storage {
namespace {

constexpr std::uint64_t kLayoutBytes = 4 << 20;  // of one write
constexpr std::uint64_t kDirectUnit = 4096;      // no logical block is larger
constexpr double kFreeSpaceKept = 0.05;

Result<void> write_all(int fd, std::span<const std::byte> data, std::uint64_t offset,
                       const std::string& name) {
  while (!data.empty()) {
    const ssize_t written = pwrite(fd, data.data(), data.size(), static_cast<off_t>(offset));
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return system_failure(errno, fmt::format("write {} at offset {}", name, offset));
    if (written == 0) return system_failure(ENOSPC, fmt::format("write {} at offset {}", name, offset));
    data = data.subspan(static_cast<std::size_t>(written));
    offset += static_cast<std::uint64_t>(written);
  }
  return {};
}

Result<void> lay_out(const Target& target, const Options& options) {
  Result<Buffer> buffer = Buffer::allocate(kLayoutBytes, kLayoutBytes);
  if (!buffer) return tl::unexpected(buffer.error());
  const Pages pages(*target.content_seed, page_size_for(options.block_size));
  for (std::uint64_t offset = 0; offset < target.bytes; offset += kLayoutBytes) {
    const auto size = static_cast<std::size_t>(std::min(kLayoutBytes, target.bytes - offset));
    const std::span<std::byte> block(buffer->data(), size);
    pages.lay_out(block, offset);
    if (Result<void> written = write_all(target.fd.get(), block, offset, target.name); !written)
      return written;
  }
  return {};
}

std::string fresh_name(const std::string& folder, std::uint64_t content_seed) {
  return fmt::format("{}/.millrace-{}-{:016x}.tmp", folder, getpid(), content_seed);
}

Result<FileDescriptor> create(const std::string& path, bool& direct) {
  int fd = open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | (direct ? O_DIRECT : 0), 0600);
  if (fd < 0 && errno == EINVAL && direct) {
    direct = false;  // some file systems create the file even so
    unlink(path.c_str());
    fd = open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  }
  if (fd < 0) return system_failure(errno, "create the temporary file " + path);
  return FileDescriptor(fd);
}

}  // namespace

Result<void> check_space(const std::string& folder, std::uint64_t bytes) {
  struct statvfs status = {};
  if (statvfs(folder.c_str(), &status) != 0) return system_failure(errno, "read the free space of " + folder);
  if ((status.f_flag & ST_RDONLY) != 0) return system_failure(EROFS, "write into " + folder);
  if (access(folder.c_str(), W_OK | X_OK) != 0) return system_failure(errno, "write into " + folder);
  const std::uint64_t free = status.f_bavail * status.f_frsize;
  const auto usable = static_cast<std::uint64_t>(static_cast<double>(free) * (1 - kFreeSpaceKept));
  if (usable < kDirectUnit)
    return failure(fmt::format("{} has {} free: no room for a temporary file", folder, to_binary({free})),
                   "free some space, or give another folder by --path");
  if (bytes > usable)
    return failure(
        fmt::format("--file-size {} is more than the {} that may be used of {} free in {}",
                    to_binary({bytes}), to_binary({usable}), to_binary({free}), folder),
        fmt::format("give --file-size of at most {} ({:.0f} % of the free space are kept free), or "
                    "another folder by --path",
                    to_binary({usable}), kFreeSpaceKept * 100));
  return {};
}

Result<Target> make_test_file(const sdk::Host& host, const std::string& folder, const Options& options,
                              std::uint64_t index, bool fill, Name name) {
  if (Result<void> space = check_space(folder, options.file_size); !space)
    return tl::unexpected(space.error());
  const std::uint64_t content_seed = mix64(options.seed + index);
  const std::string path = fresh_name(folder, content_seed);
  if (host.temporary(path) != sdk::Outcome::kOk)
    return failure("the temporary file " + path + " could not be journalled");

  // Large direct writes whatever the measurement does, so that the cache stays clean.
  bool direct = options.file_size / options.block_size * options.block_size % kDirectUnit == 0;
  Result<FileDescriptor> fd = create(path, direct);
  if (!fd) return tl::unexpected(fd.error());
  if (name == Name::kLost) unlink(path.c_str());

  Target target;
  target.name = path;
  target.content_seed = content_seed;
  target.fd = std::move(*fd);
  target.bytes = options.file_size / options.block_size * options.block_size;
  if (fallocate(target.fd.get(), 0, 0, static_cast<off_t>(target.bytes)) != 0 && errno != EOPNOTSUPP)
    return system_failure(errno, fmt::format("allocate {} for {}", to_binary({target.bytes}), path));
  if (fill) {
    if (const Result<void> laid = lay_out(target, options); !laid) return tl::unexpected(laid.error());
  }
  if (fsync(target.fd.get()) != 0) return system_failure(errno, "make " + path + " durable");
  // Our own file's pages alone; what direct writes left there, or the buffered ones where there is no direct
  // I/O.
  posix_fadvise(target.fd.get(), 0, 0, POSIX_FADV_DONTNEED);
  return target;
}

}  // namespace millrace::storage
