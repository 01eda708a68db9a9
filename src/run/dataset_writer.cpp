// SPDX-License-Identifier: Apache-2.0
#include "run/dataset_writer.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace millrace::run {
namespace fs = std::filesystem;

namespace {
constexpr std::size_t kWriteBytes = std::size_t{4} << 20;  // of a write
constexpr std::size_t kAlignment = 4096;  // what O_DIRECT asks for at most, on what we know of

}  // namespace

tl::unexpected<Error> io_failure(const std::string& doing, int reason) {
  const char* hint = reason == ENOSPC || reason == EDQUOT
                         ? "free some space, give another folder, or a lower size cap"
                     : reason == EROFS ? "the file system is read-only: give another folder"
                     : reason == EACCES || reason == EPERM ? "give a folder that you may write to"
                     : reason == ENOENT                    ? "create the folder first"
                     : reason == ENOTDIR                   ? "give a folder"
                                                           : "see the kernel's log for the device";
  return failure(fmt::format("{}: {}", doing, std::strerror(reason)), hint,
                 reason == EIO ? Exit::kInconclusive : Exit::kUsage);
}

Result<FileWriter> FileWriter::create(const fs::path& path) {
  constexpr int kFlags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
  File file(::open(path.c_str(), kFlags | O_DIRECT, 0600));
  bool direct = true;
  if (!file && errno == EINVAL) {  // no O_DIRECT here; some kernels have created the file by then
    direct = false;
    ::unlink(path.c_str());
    file = File(::open(path.c_str(), kFlags, 0600));
  }
  if (!file) return io_failure(fmt::format("cannot create {}", path.string()), errno);
  auto* memory = static_cast<std::byte*>(std::aligned_alloc(kAlignment, kWriteBytes));
  if (memory == nullptr) return failure("out of memory for a write buffer");
  return FileWriter(path, std::move(file), memory, direct);
}

Result<void> FileWriter::append(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const std::size_t part = std::min(bytes.size(), kWriteBytes - filled_);
    std::memcpy(buffer_.get() + filled_, bytes.data(), part);
    filled_ += part;
    bytes = bytes.subspan(part);
    if (filled_ == kWriteBytes)
      if (auto written = write_out(kWriteBytes); !written) return written;
  }
  return {};
}

Result<std::uint64_t> FileWriter::finish() {
  const std::uint64_t size = offset_ + filled_;
  if (filled_ > 0) {
    const std::size_t padded = (filled_ + kAlignment - 1) / kAlignment * kAlignment;
    std::memset(buffer_.get() + filled_, 0, padded - filled_);
    if (auto written = write_out(padded); !written) return tl::unexpected(written.error());
    if (::ftruncate(file_.fd(), static_cast<off_t>(size)) != 0)
      return io_failure(fmt::format("cannot cut {} to its size", path_.string()), errno);
  }
  if (::fsync(file_.fd()) != 0) return io_failure(fmt::format("cannot flush {}", path_.string()), errno);
  if (!direct_) ::posix_fadvise(file_.fd(), 0, 0, POSIX_FADV_DONTNEED);
  return size;
}

Result<void> FileWriter::write_out(std::size_t size) {
  for (std::size_t done = 0; done < size;) {
    const ssize_t wrote =
        ::pwrite(file_.fd(), buffer_.get() + done, size - done, static_cast<off_t>(offset_ + done));
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote <= 0)
      return io_failure(fmt::format("cannot write {} at offset {}", path_.string(), offset_ + done),
                        wrote == 0 ? ENOSPC : errno);
    done += static_cast<std::size_t>(wrote);
  }
  offset_ += size;
  filled_ = 0;
  return {};
}

Result<void> write_text(const fs::path& path, const std::string& text) {
  auto writer = FileWriter::create(path);
  if (!writer) return tl::unexpected(writer.error());
  if (auto wrote = writer->append(std::as_bytes(std::span(text))); !wrote) return wrote;
  if (auto size = writer->finish(); !size) return tl::unexpected(size.error());
  return {};
}

}  // namespace millrace::run
