// SPDX-License-Identifier: Apache-2.0
#include "modules/host/stream_copy.hpp"

#include <array>
#include <cstdint>
#include <cstring>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace millrace::host {
namespace {

void copy_plain(std::byte* to, const std::byte* from, std::size_t size) { std::memcpy(to, from, size); }

#if defined(__x86_64__)
constexpr std::size_t kLine = 64;
constexpr std::size_t kSmall = 4 * kLine;  // below this, aligning costs more than it saves

// Copies up to the first cache line of `to`, since streaming stores want whole ones; returns how much that
// was.
std::size_t copy_head(std::byte* to, const std::byte* from) {
  const std::size_t head = (kLine - reinterpret_cast<std::uintptr_t>(to) % kLine) % kLine;
  std::memcpy(to, from, head);
  return head;
}

__attribute__((target("avx512f"))) void copy_avx512(std::byte* to, const std::byte* from, std::size_t size) {
  if (size < kSmall) return copy_plain(to, from, size);
  std::size_t at = copy_head(to, from);
  for (; at + 4 * kLine <= size; at += 4 * kLine) {
    const __m512i a = _mm512_loadu_si512(from + at), b = _mm512_loadu_si512(from + at + 64);
    const __m512i c = _mm512_loadu_si512(from + at + 128), d = _mm512_loadu_si512(from + at + 192);
    _mm512_stream_si512(reinterpret_cast<__m512i*>(to + at), a);
    _mm512_stream_si512(reinterpret_cast<__m512i*>(to + at + 64), b);
    _mm512_stream_si512(reinterpret_cast<__m512i*>(to + at + 128), c);
    _mm512_stream_si512(reinterpret_cast<__m512i*>(to + at + 192), d);
  }
  std::memcpy(to + at, from + at, size - at);
  _mm_sfence();
}

__attribute__((target("avx2"))) void copy_avx2(std::byte* to, const std::byte* from, std::size_t size) {
  if (size < kSmall) return copy_plain(to, from, size);
  const auto load = [from](std::size_t offset) __attribute__((target("avx2"), always_inline)) {
    return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from + offset));
  };
  std::size_t at = copy_head(to, from);
  for (; at + 2 * kLine <= size; at += 2 * kLine) {
    const __m256i a = load(at), b = load(at + 32), c = load(at + 64), d = load(at + 96);
    _mm256_stream_si256(reinterpret_cast<__m256i*>(to + at), a);
    _mm256_stream_si256(reinterpret_cast<__m256i*>(to + at + 32), b);
    _mm256_stream_si256(reinterpret_cast<__m256i*>(to + at + 64), c);
    _mm256_stream_si256(reinterpret_cast<__m256i*>(to + at + 96), d);
  }
  std::memcpy(to + at, from + at, size - at);
  _mm_sfence();
}

void copy_sse2(std::byte* to, const std::byte* from, std::size_t size) {
  if (size < kSmall) return copy_plain(to, from, size);
  const auto load = [from](std::size_t offset) {
    return _mm_loadu_si128(reinterpret_cast<const __m128i*>(from + offset));
  };
  std::size_t at = copy_head(to, from);
  for (; at + kLine <= size; at += kLine) {
    const __m128i a = load(at), b = load(at + 16), c = load(at + 32), d = load(at + 48);
    _mm_stream_si128(reinterpret_cast<__m128i*>(to + at), a);
    _mm_stream_si128(reinterpret_cast<__m128i*>(to + at + 16), b);
    _mm_stream_si128(reinterpret_cast<__m128i*>(to + at + 32), c);
    _mm_stream_si128(reinterpret_cast<__m128i*>(to + at + 48), d);
  }
  std::memcpy(to + at, from + at, size - at);
  _mm_sfence();
}
#endif

struct Variants {
  std::array<StreamCopy, 4> list{};
  std::size_t count = 0;
  void add(CopyFunction copy, const char* name) { list[count++] = {copy, name}; }
};

const Variants& variants() {
  static const Variants found = [] {
    Variants usable;
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx512f")) usable.add(copy_avx512, "avx512");
    if (__builtin_cpu_supports("avx2")) usable.add(copy_avx2, "avx2");
    usable.add(copy_sse2, "sse2");
#endif
    usable.add(copy_plain, "memcpy");
    return usable;
  }();
  return found;
}

}  // namespace

const StreamCopy& stream_copy() { return variants().list[0]; }
StreamCopies stream_copies() { return {variants().list.data(), variants().count}; }

}  // namespace millrace::host
