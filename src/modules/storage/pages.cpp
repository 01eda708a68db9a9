// SPDX-License-Identifier: Apache-2.0
#include "modules/storage/pages.hpp"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "modules/storage/random.hpp"

namespace millrace::storage {
namespace {

constexpr std::size_t kHeaderWords = 3;

std::uint64_t body_hash(const std::uint64_t* words, std::size_t page_size) {
  return XXH3_64bits(words + kHeaderWords, page_size - kHeaderWords * sizeof(std::uint64_t));
}

}  // namespace

std::uint64_t Pages::tag(std::uint64_t offset) const { return mix64(seed_ ^ mix64(offset / page_size_ + 1)); }

void Pages::lay_out(std::span<std::byte> block, std::uint64_t offset) const {
  const std::size_t words_per_page = page_size_ / sizeof(std::uint64_t);
  for (std::size_t at = 0; at < block.size(); at += page_size_) {
    auto* words = reinterpret_cast<std::uint64_t*>(block.data() + at);
    words[0] = tag(offset + at);
    words[1] = 0;
    // Counter mode: the i-th word depends on nothing but the page's tag and i, so that the compiler can run
    // several at once.
    for (std::size_t i = kHeaderWords; i < words_per_page; ++i)
      words[i] = mix64(words[0] + i * 0x9e3779b97f4a7c15U);
    words[2] = body_hash(words, page_size_);
  }
}

std::optional<std::uint64_t> Pages::first_wrong(std::span<const std::byte> block,
                                                std::uint64_t offset) const {
  for (std::size_t at = 0; at < block.size(); at += page_size_) {
    const auto* words = reinterpret_cast<const std::uint64_t*>(block.data() + at);
    if (words[0] != tag(offset + at) || words[2] != body_hash(words, page_size_)) return offset + at;
  }
  return std::nullopt;
}

}  // namespace millrace::storage
