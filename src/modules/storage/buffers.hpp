// SPDX-License-Identifier: Apache-2.0
// Page-aligned memory for I/O, touched when it is made, in huge pages where the kernel has them.
#pragma once

#include <cstddef>
#include <utility>

#include "units/result.hpp"

namespace millrace::storage {

class Buffer {
 public:
  Buffer() = default;
  Buffer(Buffer&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)),
        size_(other.size_),
        mapping_(std::exchange(other.mapping_, nullptr)),
        mapped_(other.mapped_) {}
  Buffer& operator=(Buffer&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    std::swap(mapping_, other.mapping_);
    std::swap(mapped_, other.mapped_);
    return *this;
  }
  ~Buffer();

  // Zeroed; aligned to 2 MiB when it is at least 64 KiB, so that a huge page can back it: the
  // kernel then pins and walks one page where it would many.
  static Result<Buffer> allocate(std::size_t size);

  [[nodiscard]] std::byte* data() const { return data_; }
  [[nodiscard]] std::size_t size() const { return size_; }

 private:
  std::byte* data_ = nullptr;
  std::size_t size_ = 0;
  void* mapping_ = nullptr;
  std::size_t mapped_ = 0;
};

}  // namespace millrace::storage
