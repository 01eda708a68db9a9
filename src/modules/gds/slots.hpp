// SPDX-License-Identifier: Apache-2.0
// The GPU memory of a worker's operations: one allocation, a block of it for each operation in flight. Each
// block is registered with cuFile by itself: in compatibility mode a registered buffer has one buffer of host
// memory behind it, and transfers of several streams that share it get each other's bytes (seen on an H200
// with cuFile 1.15.1: of 1 MiB reads by 16 streams into one registered buffer a quarter was another's data;
// registered one by one, none).
#pragma once

#include <cstddef>
#include <vector>

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

  // Bytes of GPU memory that they take.
  [[nodiscard]] static std::uint64_t bytes_of(const storage::Options& options);

  // Of lane `lane`'s slot `slot`.
  [[nodiscard]] std::size_t at(std::size_t lane, std::size_t slot) const {
    return (lane * depth_ + slot) * stride_;
  }
  [[nodiscard]] CUdeviceptr address(std::size_t at) const { return memory_.data() + at; }
  [[nodiscard]] void* buffer(std::size_t at) const { return reinterpret_cast<void*>(address(at)); }

 private:
  Slots() = default;
  Result<void> fill(const Settings& settings) const;

  std::size_t depth_ = 0, block_size_ = 0, stride_ = 0;
  cuda::DeviceMemory memory_;
  std::vector<cufile::Region> regions_;  // after the memory: deregistered before it is freed
};

}  // namespace millrace::gds
