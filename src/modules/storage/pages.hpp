// SPDX-License-Identifier: Apache-2.0
// What the storage probes write: pages of incompressible bytes that name their place and carry their own
// checksum.
//
// A page is 4096 bytes, or 512 where blocks are no multiple of 4096:
//   word 0   the page's tag: mix64 of the file's seed and of its place (byte offset / page size)
//   word 1   a sequence number: 0 as first laid out, then counting up: no two pages on the drive are equal,
//   so
//            that a drive or file system that removes duplicates or compresses gains nothing
//   word 2   XXH3 of the body
//   rest     the body, random
// The body of a buffer stays while tag and sequence change: stamping a block costs two stores a page.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace millrace::storage {

constexpr std::size_t page_size_for(std::uint64_t block_size) { return block_size % 4096 == 0 ? 4096 : 512; }

class Pages {
 public:
  Pages(std::uint64_t seed, std::size_t page_size) : seed_(seed), page_size_(page_size) {}

  // Fills whole pages as they are first laid out at `offset` (a multiple of the page size) of a file.
  void lay_out(std::span<std::byte> block, std::uint64_t offset) const;

  // Gives pages that lay_out has filled before a new place and sequence number.
  void stamp(std::span<std::byte> block, std::uint64_t offset, std::uint64_t sequence) const {
    for (std::size_t at = 0; at < block.size(); at += page_size_) {
      auto* words = reinterpret_cast<std::uint64_t*>(block.data() + at);
      words[0] = tag(offset + at);
      words[1] = sequence;
    }
  }

  // The offset, in the file, of the first page that is not what was written there.
  [[nodiscard]] std::optional<std::uint64_t> first_wrong(std::span<const std::byte> block,
                                                         std::uint64_t offset) const;

 private:
  [[nodiscard]] std::uint64_t tag(std::uint64_t offset) const;

  std::uint64_t seed_;
  std::size_t page_size_;
};

}  // namespace millrace::storage
