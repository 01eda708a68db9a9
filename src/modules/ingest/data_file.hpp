// SPDX-License-Identifier: Apache-2.0
// A data file opened for reading: past the page cache where the source is cold, through it where it is
// cached.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>

#include "modules/ingest/settings.hpp"
#include "units/result.hpp"

namespace millrace::ingest {

inline constexpr std::size_t kMaxAlignment = 4096;  // offsets, lengths and addresses of O_DIRECT reads

class DataFile {
 public:
  // Read-only. A cold source on a file system without O_DIRECT is read through the cache, of which this
  // file's pages are dropped before and after each read: see bypasses_cache.
  static Result<std::shared_ptr<const DataFile>> open(const std::filesystem::path& path, Source source);
  DataFile(const DataFile&) = delete;
  DataFile& operator=(const DataFile&) = delete;
  ~DataFile();

  [[nodiscard]] int fd() const { return fd_; }
  [[nodiscard]] std::uint64_t size() const { return size_; }
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  [[nodiscard]] bool bypasses_cache() const { return bypasses_cache_; }
  // A plain read of exactly `size` bytes, whatever the alignment: not for a cold source.
  Result<void> read_at(std::uint64_t offset, std::byte* to, std::size_t size) const;
  // Drops this range's clean pages from the cache, where reads go through it though they should not.
  void forget(std::uint64_t offset, std::uint64_t size) const;

 private:
  DataFile(std::filesystem::path path, int fd) : path_(std::move(path)), fd_(fd) {}

  std::filesystem::path path_;
  int fd_;
  std::uint64_t size_ = 0;
  bool bypasses_cache_ = false, drops_cache_ = false;
};

// Reads the whole file once, so that it lies in the page cache; or until the host is cancelled.
Result<void> warm(const std::filesystem::path& path, const sdk::Host& host);

}  // namespace millrace::ingest
