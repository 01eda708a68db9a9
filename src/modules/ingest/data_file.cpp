// SPDX-License-Identifier: Apache-2.0
#include "modules/ingest/data_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <vector>

namespace millrace::ingest {
namespace {

tl::unexpected<Error> cannot_open(const std::filesystem::path& path, int reason) {
  return failure(
      fmt::format("cannot open {}: {}", path.string(), std::strerror(reason)),
      reason == EACCES ? "grant read access to the data set" : "see that the data set is still there");
}

// These take O_DIRECT but have no device behind the page cache.
bool lives_in_memory(int fd) {
  struct statfs info {};
  return ::fstatfs(fd, &info) == 0 && (info.f_type == TMPFS_MAGIC || info.f_type == RAMFS_MAGIC);
}

}  // namespace

Result<std::shared_ptr<const DataFile>> DataFile::open(const std::filesystem::path& path, Source source) {
  const bool cold = source == Source::kCold;
  int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOATIME | (cold ? O_DIRECT : 0));
  if (fd < 0 && errno == EPERM)  // O_NOATIME is for the owner alone
    fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | (cold ? O_DIRECT : 0));
  const bool direct = cold && fd >= 0;
  if (fd < 0 && cold && errno == EINVAL) fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return cannot_open(path, errno);
  std::shared_ptr<DataFile> file(new DataFile(path, fd));
  struct stat info {};
  if (::fstat(fd, &info) != 0) return cannot_open(path, errno);
  file->size_ = static_cast<std::uint64_t>(info.st_size);
  file->bypasses_cache_ = direct && !lives_in_memory(fd);
  file->drops_cache_ = cold && !direct;
  return file;
}

DataFile::~DataFile() { ::close(fd_); }

void DataFile::forget(std::uint64_t offset, std::uint64_t size) const {
  if (drops_cache_)
    ::posix_fadvise(fd_, static_cast<off_t>(offset), static_cast<off_t>(size), POSIX_FADV_DONTNEED);
}

Result<void> DataFile::read_at(std::uint64_t offset, std::byte* to, std::size_t size) const {
  for (std::size_t done = 0; done < size;) {
    const ssize_t got = ::pread(fd_, to + done, size - done, static_cast<off_t>(offset + done));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0)
      return failure(fmt::format("cannot read {} at offset {}: {}", path_.string(), offset + done,
                                 got == 0 ? "it ends there" : std::strerror(errno)),
                     "see that the data set is still there");
    done += static_cast<std::size_t>(got);
  }
  return {};
}

Result<void> warm(const std::filesystem::path& path, const sdk::Host& host) {
  const auto file = DataFile::open(path, Source::kCached);
  if (!file) return tl::unexpected(file.error());
  std::vector<char> block(std::size_t{4} << 20);
  for (std::uint64_t offset = 0; !host.cancelled();) {
    const ssize_t got = ::pread((*file)->fd(), block.data(), block.size(), static_cast<off_t>(offset));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0)
      return failure(
          fmt::format("cannot read {} at offset {}: {}", path.string(), offset, std::strerror(errno)),
          "see the kernel's log for the device");
    if (got == 0) break;
    offset += static_cast<std::uint64_t>(got);
  }
  return {};
}

}  // namespace millrace::ingest
