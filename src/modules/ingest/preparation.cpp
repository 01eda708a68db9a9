// SPDX-License-Identifier: Apache-2.0
#include "modules/ingest/preparation.hpp"

#include <fmt/format.h>
#include <xxhash.h>
#include <zstd.h>

#include "modules/ingest/normalize.hpp"

namespace millrace::ingest {

Preparation::Preparation(Prep prep, unsigned passes) : prep_(prep), passes_(passes == 0 ? 1 : passes) {
  if (prep == Prep::kDecompress) zstd_ = ZSTD_createDCtx();
}

Preparation::~Preparation() { ZSTD_freeDCtx(zstd_); }

Result<void> Preparation::prepare(std::span<const std::byte> stored, std::span<std::byte> to,
                                  const Record& record) {
  switch (prep_) {
    case Prep::kNone:
      return {};
    case Prep::kChecksum:
      return check(stored, record);
    case Prep::kDecompress:
      return decompress(stored, to);
    case Prep::kNormalize:
      for (unsigned pass = 0; pass < passes_; ++pass)
        normalize(reinterpret_cast<const std::uint8_t*>(stored.data()), reinterpret_cast<float*>(to.data()),
                  stored.size());
      return {};
  }
  return {};
}

Result<void> Preparation::check(std::span<const std::byte> stored, const Record& record) {
  checksum_ = XXH64(stored.data(), stored.size(), 0);
  std::uint64_t chained =
      checksum_;  // each further pass depends on the one before, so that none can be left out
  for (unsigned pass = 1; pass < passes_; ++pass) chained = XXH64(stored.data(), stored.size(), chained);
  asm volatile("" : : "r"(chained));
  if (record.hashed && checksum_ != record.xxh64)
    return failure(fmt::format("its XXH64 is {:016x}, the manifest's {:016x}", checksum_, record.xxh64),
                   "the data set was changed or the storage corrupts data: make it anew and look again");
  return {};
}

Result<void> Preparation::decompress(std::span<const std::byte> stored, std::span<std::byte> to) {
  if (zstd_ == nullptr) return failure("zstd has no memory for its context", "free memory");
  for (unsigned pass = 0; pass < passes_; ++pass) {
    const std::size_t size = ZSTD_decompressDCtx(zstd_, to.data(), to.size(), stored.data(), stored.size());
    if (ZSTD_isError(size) != 0)
      return failure(fmt::format("it does not decompress: {}", ZSTD_getErrorName(size)),
                     "make the data set anew");
    if (size != to.size())
      return failure(fmt::format("it decompresses to {} bytes, not {}", size, to.size()),
                     "make the data set anew");
  }
  return {};
}

}  // namespace millrace::ingest
