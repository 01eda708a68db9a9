// SPDX-License-Identifier: Apache-2.0
// A whole file in memory, with room behind it for a reader that works in vectors.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string_view>

#include "units/result.hpp"

namespace millrace::record {

class FileText {
 public:
  static constexpr std::size_t kPadding =
      64;  // at least simdjson::SIMDJSON_PADDING, checked where it is used
  FileText(std::unique_ptr<char[]> bytes, std::size_t size) : bytes_(std::move(bytes)), size_(size) {}
  [[nodiscard]] std::string_view text() const { return {bytes_.get(), size_}; }

 private:
  std::unique_ptr<char[]> bytes_;  // size_ + kPadding of them
  std::size_t size_;
};

inline constexpr std::uint64_t kMostOfDocument = std::uint64_t{4} << 30;

// Reads a regular file of at most so many bytes; both are checked before a byte is read, so that neither
// /dev/zero nor a pipe nor a mistaken disk image fills memory or is waited for. Every file that a user names,
// of whatever kind, is read by this. Errors name the file and the way out.
Result<FileText> read_file(const std::filesystem::path& file, std::uint64_t most = kMostOfDocument);

}  // namespace millrace::record
