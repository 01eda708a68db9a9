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

  // Zeroed. In huge pages, as far as the kernel has them, when blocks of `block_size` bytes gain from it: the
  // kernel pins and walks one page where it would many. Blocks of a page or two lose: in a huge page the
  // block layer no longer sees at a glance that a request needs no splitting (bio_may_need_split in Linux, 17
  // ns an operation).
  static Result<Buffer> allocate(std::size_t size, std::size_t block_size);

  [[nodiscard]] std::byte* data() const { return data_; }
  [[nodiscard]] std::size_t size() const { return size_; }

 private:
  std::byte* data_ = nullptr;
  std::size_t size_ = 0;
  void* mapping_ = nullptr;
  std::size_t mapped_ = 0;
};

}  // namespace millrace::storage
