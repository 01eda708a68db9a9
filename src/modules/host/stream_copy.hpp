// SPDX-License-Identifier: Apache-2.0
// Copies that do not read what they are about to overwrite: non-temporal stores, the widest that this CPU
// has.
#pragma once

#include <cstddef>

namespace millrace::host {

using CopyFunction = void (*)(std::byte* to, const std::byte* from, std::size_t size);

struct StreamCopy {
  CopyFunction copy;
  const char* name;  // "avx512" | "avx2" | "sse2" | "memcpy": what it is made of
};

// The best for the CPU that runs now; on an architecture without such stores, the C library's memcpy. The
// copy is visible to other threads, through any later synchronisation, when the function returns. Ranges must
// not overlap.
const StreamCopy& stream_copy();

// Every variant that this CPU can run, the best first: so that tests reach each.
struct StreamCopies {
  const StreamCopy* begin;
  std::size_t count;
};
StreamCopies stream_copies();

}  // namespace millrace::host
