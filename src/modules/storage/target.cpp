// SPDX-License-Identifier: Apache-2.0
#include "modules/storage/target.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>

#include "modules/storage/passthrough.hpp"
#include "modules/storage/system_failure.hpp"

namespace millrace::storage {
namespace {

struct DirectAlignment {
  std::uint32_t bytes = 0;  // offsets and lengths are multiples of it
  bool known = false;       // false: this kernel or file system does not tell
};

// statx(STATX_DIOALIGN), Linux 6.1; for devices the logical block size where that is not to be had.
DirectAlignment direct_alignment(const Target& target) {
#ifdef STATX_DIOALIGN
  struct statx status = {};
  if (statx(target.fd.get(), "", AT_EMPTY_PATH, STATX_DIOALIGN, &status) == 0 &&
      (status.stx_mask & STATX_DIOALIGN) != 0)
    return {status.stx_dio_offset_align, true};
#endif
  int logical = 0;
  if (target.device && ioctl(target.fd.get(), BLKSSZGET, &logical) == 0)
    return {static_cast<std::uint32_t>(logical), true};
  return {};
}

Result<std::uint64_t> size_of(int fd, const std::string& path, bool device) {
  std::uint64_t bytes = 0;
  if (device) {
    if (ioctl(fd, BLKGETSIZE64, &bytes) != 0) return system_failure(errno, "read the size of " + path);
    return bytes;
  }
  struct stat status = {};
  if (fstat(fd, &status) != 0) return system_failure(errno, "read the size of " + path);
  return static_cast<std::uint64_t>(status.st_size);
}

// Reading leaves the time of last access alone where the user owns the file: the user's data stay as they
// are, and the kernel saves the check at every operation.
Result<FileDescriptor> open_file(const std::string& path, const std::string& name, int access, bool direct) {
  const int flags = access | O_CLOEXEC | (direct ? O_DIRECT : 0);
  int fd = access == O_RDONLY ? open(path.c_str(), flags | O_NOATIME) : -1;
  if (fd < 0) fd = open(path.c_str(), flags);
  if (fd >= 0) return FileDescriptor(fd);
  if (errno == EINVAL && direct)
    return failure(
        fmt::format("cannot bypass the page cache for {}: its file system has no direct I/O", name),
        "give --direct off");
  return system_failure(errno, "open " + name);
}

// A device that storage.write with the same seed and block size has overwritten: all but a short last block.
void expect_own_contents(Target& target, const Options& options) {
  target.content_seed = options.seed;
  target.bytes -= target.bytes % options.block_size;
}

}  // namespace

Result<PathKind> kind_of(const std::string& path) {
  struct stat status = {};
  if (stat(path.c_str(), &status) != 0) return system_failure(errno, "use " + path);
  if (S_ISREG(status.st_mode)) return PathKind::kFile;
  if (S_ISDIR(status.st_mode)) return PathKind::kFolder;
  if (S_ISBLK(status.st_mode)) return PathKind::kDevice;
  if (S_ISCHR(status.st_mode) && is_nvme_generic(status.st_rdev)) return PathKind::kNvmeGeneric;
  if (S_ISCHR(status.st_mode))
    return failure(path + " is a character device, but not the generic device of an NVMe namespace",
                   "those are /dev/ng0n1 and the like; or give a file, a folder or a block device");
  return failure(path + " is neither a file, a folder nor a block device", "give one of those by --path");
}

Result<void> check_direct(const Target& target, const Options& options) {
  if (!options.direct) return {};
  const DirectAlignment alignment = direct_alignment(target);
  if (!alignment.known) return {};  // the first operation will tell
  if (alignment.bytes == 0)
    return failure(
        fmt::format("cannot bypass the page cache for {}: its file system has no direct I/O", target.name),
        "give --direct off");
  if (options.block_size % alignment.bytes != 0)
    return failure(fmt::format("--block-size {} is no multiple of {}, the logical block of {}",
                               options.block_size, alignment.bytes, target.name),
                   "give a multiple of it, or --direct off");
  return {};
}

Result<Target> open_for_reading(const std::string& path, const Options& options) {
  const Result<PathKind> kind = kind_of(path);
  if (!kind) return tl::unexpected(kind.error());
  if (*kind == PathKind::kNvmeGeneric) {
    Result<Target> generic = open_generic(path, options);
    if (generic && options.verify) expect_own_contents(*generic, options);
    return generic;
  }
  Target target;
  target.name = path;
  target.device = *kind == PathKind::kDevice;
  Result<FileDescriptor> fd = open_file(path, path, O_RDONLY, options.direct);
  if (!fd) return tl::unexpected(fd.error());
  target.fd = std::move(*fd);
  const Result<std::uint64_t> bytes = size_of(target.fd.get(), path, target.device);
  if (!bytes) return tl::unexpected(bytes.error());
  if (*bytes == 0) return failure(path + " is empty", "give a file or device that holds data");
  target.bytes = *bytes;
  if (target.device && options.verify) expect_own_contents(target, options);
  if (const Result<void> fine = check_direct(target, options); !fine) return tl::unexpected(fine.error());
  return target;
}

Result<Target> reopen(const Target& target, int access, const Options& options) {
  Target again;
  again.name = target.name;
  again.device = target.device;
  again.bytes = target.bytes;
  again.content_seed = target.content_seed;
  Result<FileDescriptor> fd =
      open_file(fmt::format("/proc/self/fd/{}", target.fd.get()), target.name, access, options.direct);
  if (!fd) return tl::unexpected(fd.error());
  again.fd = std::move(*fd);
  if (const Result<void> fine = check_direct(again, options); !fine) return tl::unexpected(fine.error());
  return again;
}

Result<std::vector<std::string>> files_below(const std::string& folder) {
  namespace fs = std::filesystem;
  std::vector<std::string> files;
  std::error_code error;
  fs::recursive_directory_iterator entry(folder, error);
  if (error) return system_failure(error.value(), "read the folder " + folder);
  while (entry != fs::recursive_directory_iterator()) {
    std::error_code ignored;  // a link that leads nowhere is no file
    if (entry->is_regular_file(ignored) && entry->file_size(ignored) > 0)
      files.push_back(entry->path().string());
    const std::string at = entry->path().string();
    entry.increment(error);
    if (error) return system_failure(error.value(), "read the folder after " + at);
  }
  if (files.empty()) return failure(folder + " holds no files with data", "give the folder of a data set");
  std::sort(files.begin(), files.end());
  return files;
}

}  // namespace millrace::storage
