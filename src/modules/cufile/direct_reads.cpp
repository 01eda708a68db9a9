// SPDX-License-Identifier: Apache-2.0
#include "modules/cufile/direct_reads.hpp"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <string>

#include "modules/cufile/failure.hpp"

namespace millrace::cufile {
namespace {

constexpr std::size_t kFilesKept = 128;  // registered with cuFile at once: each costs a descriptor

}  // namespace

std::optional<Uuid> uuid_from(std::string_view text) {
  if (const std::size_t dash = text.find('-'); dash != std::string_view::npos && dash < 8)
    text.remove_prefix(dash + 1);  // "GPU-"
  std::string digits;
  for (const char c : text)
    if (c != '-') digits += c;
  Uuid uuid{};
  if (digits.size() != 2 * uuid.size()) return std::nullopt;
  for (std::size_t i = 0; i < uuid.size(); ++i) {
    unsigned byte = 0;
    const char* begin = digits.data() + 2 * i;
    const auto [end, error] = std::from_chars(begin, begin + 2, byte, 16);
    if (error != std::errc{} || end != begin + 2) return std::nullopt;
    uuid[i] = static_cast<char>(byte);
  }
  return uuid;
}

Result<void> DirectReads::prepare(void* allocation, std::size_t size) {
  if (!driver_) {
    auto driver = Driver::open(Mode::kAuto);
    if (!driver) return tl::unexpected(driver.error());
    driver_ = std::move(*driver);
    before_ = count_now(gpu_);
  }
  if (regions_.contains(allocation)) return {};
  auto region = Region::make(driver_->calls(), allocation, size);
  if (!region) return tl::unexpected(region.error());
  regions_.emplace(allocation, std::move(*region));
  return {};
}

Result<DirectReads::File> DirectReads::file_of(int fd) {
  struct stat info {};
  if (fstat(fd, &info) != 0)
    return failure(fmt::format("cannot tell the file of a direct read: {}", std::strerror(errno)));
  const Key key{info.st_dev, info.st_ino};
  if (const auto found = files_.find(key); found != files_.end()) {
    found->second.used = ++uses_;
    return found->second.file;
  }
  if (files_.size() >= kFilesKept)
    files_.erase(std::min_element(files_.begin(), files_.end(), [](const auto& a, const auto& b) {
      return a.second.used < b.second.used;
    }));  // whoever reads from it holds it still
  auto made = RegisteredFile::make(driver_->calls(), fd, "the file");
  if (!made) return tl::unexpected(made.error());
  auto file = std::make_shared<const RegisteredFile>(std::move(*made));
  files_.emplace(key, Kept{file, ++uses_});
  return file;
}

Result<std::size_t> DirectReads::read(int fd, std::uint64_t file_offset, void* allocation,
                                      std::size_t allocation_size, std::size_t at, std::size_t size) {
  if (file_offset % kAlignment != 0 || at % kAlignment != 0 || size % kAlignment != 0)
    return failure(fmt::format("a direct read of {} bytes at offset {} to offset {} is not aligned to {}",
                               size, file_offset, at, kAlignment),
                   "this is a bug of the probe");
  const Api* calls = nullptr;
  File file;
  {
    const std::scoped_lock hold(mutex_);
    if (Result<void> prepared = prepare(allocation, allocation_size); !prepared)
      return tl::unexpected(prepared.error());
    auto found = file_of(fd);
    if (!found) return tl::unexpected(found.error());
    file = std::move(*found);
    calls = &driver_->calls();
  }
  errno = 0;
  const ssize_t got =
      calls->read(file->handle(), allocation, size, static_cast<off_t>(file_offset), static_cast<off_t>(at));
  if (got < 0)
    return transfer_failure(got, errno,
                            fmt::format("read {} bytes at offset {} into GPU memory", size, file_offset));
  operations_.fetch_add(1, std::memory_order_relaxed);
  return static_cast<std::size_t>(got);
}

void DirectReads::forget(void* allocation) {
  const std::scoped_lock hold(mutex_);
  regions_.erase(allocation);
}

Verdict DirectReads::path() const {
  if (!driver_) return {DirectPath::kUnproven, "nothing was read"};
  return judge(before_, count_now(gpu_), Kind::kReads, operations_.load());
}

}  // namespace millrace::cufile
