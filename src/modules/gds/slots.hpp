// SPDX-License-Identifier: Apache-2.0
// The GPU memory of a worker's operations: one allocation, registered with cuFile once, a block of it for
// each operation in flight.
#pragma once

#include <cstddef>
#include <optional>

#include "modules/cuda/allocation.hpp"
#include "modules/cuda/context.hpp"
#include "modules/cuda/stream.hpp"
#include "modules/cufile/region.hpp"
#include "modules/gds/settings.hpp"

namespace millrace::gds {

// Copies of one block at a time between GPU and host, each waited for.
class BlockCopies {
 public:
  // `block_size` bytes of pinned memory. The context is current.
  static Result<BlockCopies> make(std::size_t block_size, std::int64_t timeout_ns);

  [[nodiscard]] std::span<std::byte> block() const { return {memory_.data(), memory_.size()}; }
  Result<void> to_gpu(CUdeviceptr to, std::size_t size) const;
  Result<void> from_gpu(CUdeviceptr from, std::size_t size) const;
  void abandon() {
    memory_.abandon();
    stream_.abandon();
  }

 private:
  [[nodiscard]] Result<void> finish(const char* doing) const;

  cuda::PinnedMemory memory_;
  cuda::Stream stream_;
  std::int64_t timeout_ns_ = 0;
};

class Slots {
 public:
  // As many blocks as the settings keep in flight; of a writer, filled with incompressible bytes, no two
  // blocks alike.
  static Result<Slots> make(const cuda::Context& context, const cufile::Api& calls, const Settings& settings);

  [[nodiscard]] void* base() const { return region_->base(); }
  // Of lane `lane`'s slot `slot`.
  [[nodiscard]] std::size_t at(std::size_t lane, std::size_t slot) const {
    return (lane * depth_ + slot) * block_size_;
  }
  [[nodiscard]] CUdeviceptr address(std::size_t at) const { return memory_.data() + at; }

 private:
  Slots() = default;
  Result<void> fill(const Settings& settings) const;

  std::size_t depth_ = 0, block_size_ = 0;
  cuda::DeviceMemory memory_;
  std::optional<cufile::Region> region_;  // after the memory: deregistered before it is freed
};

}  // namespace millrace::gds
