// SPDX-License-Identifier: Apache-2.0
// Page-aligned memory that is really there: mapped, on huge pages where the kernel grants them, and touched.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "units/result.hpp"

namespace millrace::host {

inline constexpr int kLocalNode = -1;  // the node of the thread that allocates

class Pages {
 public:
  // `node`: a NUMA node's number, or kLocalNode. Fails where the memory is not to be had, or the kernel
  // refuses to bind it to another node than the thread's own (as container runtimes do).
  static Result<Pages> allocate(std::size_t size, int node = kLocalNode);

  Pages(Pages&& other) noexcept;
  Pages& operator=(Pages&& other) noexcept;
  ~Pages();

  [[nodiscard]] std::byte* data() const { return data_; }
  [[nodiscard]] std::size_t size() const { return size_; }

 private:
  Pages(void* mapping, std::size_t mapped, std::byte* data, std::size_t size)
      : mapping_(mapping), mapped_(mapped), data_(data), size_(size) {}

  void* mapping_;
  std::size_t mapped_;
  std::byte* data_;
  std::size_t size_;
};

}  // namespace millrace::host
