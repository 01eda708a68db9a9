// SPDX-License-Identifier: Apache-2.0
// C++ view of a memory (see module_abi.h), and RAII for what it allocates.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>

#include "millrace/module_abi.h"

namespace millrace::sdk {

class Memory {
 public:
  explicit Memory(const millrace_memory* memory) : memory_(memory) {}
  explicit operator bool() const { return memory_ != nullptr; }
  [[nodiscard]] bool stand_in() const { return memory_->stand_in != 0; }

  bool copy(void* to, const void* from, std::size_t size, std::uint64_t& ticket) const {
    return memory_->copy_async(memory_->self, to, from, size, &ticket) == MILLRACE_OK;
  }
  [[nodiscard]] bool wait(std::uint64_t ticket, std::int64_t timeout_ns) const {
    return memory_->wait(memory_->self, ticket, timeout_ns) == MILLRACE_OK;
  }
  bool busy_for(std::int64_t ns, std::int64_t& actual_ns) const {
    return memory_->busy_for(memory_->self, ns, &actual_ns) == MILLRACE_OK;
  }
  [[nodiscard]] const millrace_memory* raw() const { return memory_; }

 private:
  const millrace_memory* memory_;
};

// Memory of a device, or staging memory for it; freed at the end of its life.
class Buffer {
 public:
  Buffer() = default;
  // data() is null when the allocation failed; the memory has called fail().
  Buffer(const Memory& memory, int place, std::size_t size) : memory_(memory.raw()), size_(size) {
    if (memory_->allocate(memory_->self, place, size, &data_) != MILLRACE_OK) data_ = nullptr;
  }
  Buffer(Buffer&& other) noexcept
      : memory_(other.memory_), data_(std::exchange(other.data_, nullptr)), size_(other.size_) {}
  Buffer& operator=(Buffer&& other) noexcept {
    std::swap(memory_, other.memory_);
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    return *this;
  }
  ~Buffer() {
    if (data_ != nullptr) memory_->release(memory_->self, data_);
  }

  [[nodiscard]] std::byte* data() const { return static_cast<std::byte*>(data_); }
  [[nodiscard]] std::size_t size() const { return size_; }

 private:
  const millrace_memory* memory_ = nullptr;
  void* data_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace millrace::sdk
