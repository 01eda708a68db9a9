// SPDX-License-Identifier: Apache-2.0
// Data that no two places share, so that a copy that lost, kept or misplaced a part is found out.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

namespace millrace::gpu {

// Whole 8-byte words; the rest is left.
void fill_words(std::byte* at, std::size_t size, std::uint64_t seed);
// The offset of the first word that differs, or nothing.
std::optional<std::size_t> first_wrong_word(const std::byte* at, std::size_t size, std::uint64_t seed);

}  // namespace millrace::gpu
