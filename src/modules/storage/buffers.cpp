// SPDX-License-Identifier: Apache-2.0
#include "modules/storage/buffers.hpp"

#include <fmt/format.h>
#include <sys/mman.h>

#include <cerrno>
#include <cstdint>
#include <cstring>

#include "modules/storage/system_failure.hpp"
#include "units/quantity.hpp"

namespace millrace::storage {
namespace {
constexpr std::size_t kHugePage = 2 << 20;
constexpr std::size_t kLeastBlockForHugePages = 16 << 10;
}  // namespace

Buffer::~Buffer() {
  if (mapping_ != nullptr) munmap(mapping_, mapped_);
}

Result<Buffer> Buffer::allocate(std::size_t size, std::size_t block_size) {
  const bool huge = block_size >= kLeastBlockForHugePages;
  const std::size_t rounded = huge ? (size + kHugePage - 1) / kHugePage * kHugePage : size;
  const std::size_t mapped = huge ? rounded + kHugePage : rounded;
  void* mapping = mmap(nullptr, mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (mapping == MAP_FAILED)
    return system_failure(errno, fmt::format("allocate {} of buffers", to_binary({size})),
                          "give a smaller --block-size, --queue-depth or --threads");
  Buffer buffer;
  buffer.mapping_ = mapping;
  buffer.mapped_ = mapped;
  auto address = reinterpret_cast<std::uintptr_t>(mapping);
  if (huge) {
    address = (address + kHugePage - 1) / kHugePage * kHugePage;
    madvise(reinterpret_cast<void*>(address), rounded, MADV_HUGEPAGE);  // a wish: without it all works
  } else {
    madvise(mapping, mapped, MADV_NOHUGEPAGE);
  }
  buffer.data_ = reinterpret_cast<std::byte*>(address);
  buffer.size_ = size;
  std::memset(buffer.data_, 0, rounded);
  return buffer;
}

}  // namespace millrace::storage
