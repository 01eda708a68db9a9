// SPDX-License-Identifier: Apache-2.0
// The CPU's work on a record between staging and the copy. Real work on the record's bytes; `passes` repeats
// it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "modules/ingest/record_index.hpp"
#include "modules/ingest/settings.hpp"
#include "units/result.hpp"

struct ZSTD_DCtx_s;

namespace millrace::ingest {

// Whether the result lies in a buffer of its own (else the stored bytes are what is copied on).
inline constexpr bool makes_copy(Prep prep) { return prep == Prep::kDecompress || prep == Prep::kNormalize; }

// Of one thread.
class Preparation {
 public:
  Preparation(Prep prep, unsigned passes);
  ~Preparation();
  Preparation(const Preparation&) = delete;
  Preparation& operator=(const Preparation&) = delete;

  // `to` has record.content_bytes of room where makes_copy. Fails where a checksum is not the manifest's, or
  // a frame does not decompress to what it announced.
  Result<void> prepare(std::span<const std::byte> stored, std::span<std::byte> to, const Record& record);

  [[nodiscard]] std::uint64_t last_checksum() const { return checksum_; }

 private:
  Result<void> check(std::span<const std::byte> stored, const Record& record);
  Result<void> decompress(std::span<const std::byte> stored, std::span<std::byte> to);

  Prep prep_;
  unsigned passes_;
  std::uint64_t checksum_ = 0;
  ZSTD_DCtx_s* zstd_ = nullptr;
};

}  // namespace millrace::ingest
