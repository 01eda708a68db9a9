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
  // Reads from a file straight into the device's memory, past the host's: where the memory can.
  [[nodiscard]] bool reads_directly() const {
    return MILLRACE_HAS(memory_, read_direct) && memory_->read_direct != nullptr;
  }
  bool read_direct(int fd, std::uint64_t offset, void* to, std::size_t size, std::size_t& done) const {
    return memory_->read_direct(memory_->self, fd, offset, to, size, &done) == MILLRACE_OK;
  }
  // MILLRACE_PATH_*: which way those reads went, as far as it is proven.
  [[nodiscard]] int direct_path() const {
    const bool tells = MILLRACE_HAS(memory_, direct_path) && memory_->direct_path != nullptr;
    return tells ? memory_->direct_path(memory_->self) : MILLRACE_PATH_UNPROVEN;
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
