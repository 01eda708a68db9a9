// SPDX-License-Identifier: Apache-2.0
// One opened GPU behind the memory contract (millrace/module_abi.h). Calls may come from several threads at
// once.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "modules/cuda/allocation.hpp"
#include "modules/cuda/context.hpp"
#include "modules/cuda/stream.hpp"
#include "modules/gpu/kernels.hpp"

namespace millrace::gpu {

class OpenGpu {
 public:
  static Result<std::unique_ptr<OpenGpu>> open(const cuda::Device& device);
  ~OpenGpu();

  Result<void*> allocate(bool staging, std::size_t size);
  Result<void> release(void* pointer);
  Result<void> register_host(void* pointer, std::size_t size);
  Result<void> unregister_host(void* pointer);
  Result<std::uint64_t> copy(void* to, const void* from, std::size_t size);
  Result<void> wait(std::uint64_t ticket, std::int64_t timeout_ns);
  // Nanoseconds that it took, as the calling thread saw it.
  Result<std::int64_t> busy_for(std::int64_t ns);
  // Errors: the pointer and size are not whole pages of one allocation, or the driver has no dma-buf.
  Result<int> export_dmabuf(void* pointer, std::size_t size);

  struct Range {
    void* begin = nullptr;
    std::size_t size = 0;
  };
  // The device allocation that an address lies in.
  std::optional<Range> allocation_of(const void* pointer);
  // For the calling thread, as libraries beside the driver want it.
  Result<void> make_current() const { return context_.make_current(); }
  [[nodiscard]] const cuda::Device& device() const { return context_.device(); }
  [[nodiscard]] bool has_kernels() const { return kernels_.has_value(); }

 private:
  Result<bool> is_past(std::uint64_t ticket);
  void abandon();

  cuda::Context context_;
  cuda::Stream copies_, computing_;
  std::optional<Kernels> kernels_;
  cuda::PinnedMemory took_;  // where the busy kernel says how long it was
  std::mutex mutex_;         // of what follows
  std::map<void*, cuda::DeviceMemory> on_device_;
  std::map<void*, cuda::PinnedMemory> staging_;
  std::deque<std::pair<std::uint64_t, cuda::Event>> pending_;  // tickets in order
  std::vector<cuda::Event> idle_events_;
  std::uint64_t last_ticket_ = 0, last_done_ = 0;
  std::mutex computing_mutex_;  // one kernel a time
};

}  // namespace millrace::gpu
