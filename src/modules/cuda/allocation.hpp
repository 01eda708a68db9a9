// SPDX-License-Identifier: Apache-2.0
// Memory of a device, and host memory that its copy engines reach. Allocated in the current context.
#pragma once

#include <cuda.h>

#include <cstddef>
#include <utility>

#include "modules/cuda/context.hpp"
#include "units/result.hpp"

namespace millrace::cuda {

class DeviceMemory {
 public:
  // Error when it does not fit (Exit::kUsage: a smaller --size does), with how much is free.
  static Result<DeviceMemory> allocate(const Context& context, std::size_t size);
  DeviceMemory() = default;
  DeviceMemory(DeviceMemory&& other) noexcept
      : data_(std::exchange(other.data_, 0)), size_(other.size_), context_(other.context_) {}
  DeviceMemory& operator=(DeviceMemory&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    std::swap(context_, other.context_);
    return *this;
  }
  ~DeviceMemory();
  [[nodiscard]] CUdeviceptr data() const { return data_; }
  [[nodiscard]] std::size_t size() const { return size_; }
  void abandon() { data_ = 0; }  // see Context::abandon

 private:
  CUdeviceptr data_ = 0;
  std::size_t size_ = 0;
  CUcontext context_ = nullptr;
};

// Page-locked, reachable from every context (cuMemHostRegister, PORTABLE and DEVICEMAP: placed by mbind
// before it is pinned, which is when its pages are taken).
class PinnedMemory {
 public:
  // numa_node -1: wherever the thread's policy says.
  static Result<PinnedMemory> allocate(std::size_t size, int numa_node = -1);
  PinnedMemory() = default;
  PinnedMemory(PinnedMemory&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)), size_(other.size_) {}
  PinnedMemory& operator=(PinnedMemory&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    return *this;
  }
  ~PinnedMemory();
  [[nodiscard]] std::byte* data() const { return static_cast<std::byte*>(data_); }
  [[nodiscard]] CUdeviceptr address() const;  // as kernels and copies see it
  [[nodiscard]] std::size_t size() const { return size_; }
  void abandon() { data_ = nullptr; }

 private:
  void* data_ = nullptr;
  std::size_t size_ = 0;
};

// The NUMA node on which the page at `data` lies, or -1 where the kernel does not tell.
int node_of(const void* data);

}  // namespace millrace::cuda
