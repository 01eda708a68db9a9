// SPDX-License-Identifier: Apache-2.0
#include "modules/gds/slots.hpp"

#include <utility>

#include "modules/cuda/failure.hpp"
#include "modules/storage/pages.hpp"
#include "modules/storage/random.hpp"

namespace millrace::gds {
namespace {

// What a GPU's memory is pinned by for a peer's access (GPUDirect RDMA, "nvidia_p2p_get_pages": 64 KiB
// pages).
constexpr std::uint64_t kGpuPage = 64 << 10;

std::uint64_t stride_of(std::uint64_t block_size) {
  return (block_size + kGpuPage - 1) / kGpuPage * kGpuPage;
}

}  // namespace

std::uint64_t Slots::bytes_of(const storage::Options& options) {
  return std::uint64_t{options.threads} * options.queue_depth * stride_of(options.block_size);
}

Result<BlockCopies> BlockCopies::make(std::size_t block_size, std::int64_t timeout_ns) {
  BlockCopies copies;
  copies.timeout_ns_ = timeout_ns;
  auto memory = cuda::PinnedMemory::allocate(block_size);
  if (!memory) return tl::unexpected(memory.error());
  copies.memory_ = std::move(*memory);
  auto stream = cuda::Stream::make();
  if (!stream) return tl::unexpected(stream.error());
  copies.stream_ = std::move(*stream);
  return copies;
}

Result<void> BlockCopies::finish(const char* doing) const {
  const auto ended = cuda::wait_until([this] { return stream_.is_done(); }, timeout_ns_, doing);
  if (!ended) return tl::unexpected(ended.error());
  return {};
}

Result<void> BlockCopies::to_gpu(CUdeviceptr to, std::size_t size) const {
  const char* doing = "copying a block to the GPU";
  if (auto queued = cuda::check(cuMemcpyHtoDAsync(to, memory_.data(), size, stream_.handle()), doing);
      !queued)
    return queued;
  return finish(doing);
}

Result<void> BlockCopies::from_gpu(CUdeviceptr from, std::size_t size) const {
  const char* doing = "copying a block back from the GPU";
  if (auto queued = cuda::check(cuMemcpyDtoHAsync(memory_.data(), from, size, stream_.handle()), doing);
      !queued)
    return queued;
  return finish(doing);
}

Result<Slots> Slots::make(const cuda::Context& context, const cufile::Api& calls, const Settings& settings) {
  Slots slots;
  slots.depth_ = settings.storage.queue_depth;
  slots.block_size_ = settings.storage.block_size;
  slots.stride_ = stride_of(settings.storage.block_size);
  auto memory = cuda::DeviceMemory::allocate(context, bytes_of(settings.storage));
  if (!memory) return tl::unexpected(memory.error());
  slots.memory_ = std::move(*memory);
  for (std::size_t at = 0; at < slots.memory_.size(); at += slots.stride_) {
    auto region = cufile::Region::make(calls, slots.buffer(at), slots.block_size_);
    if (!region) return tl::unexpected(region.error());
    slots.regions_.push_back(std::move(*region));
  }
  if (settings.storage.direction == storage::Direction::kWrite)
    if (Result<void> filled = slots.fill(settings); !filled) return tl::unexpected(filled.error());
  return slots;
}

Result<void> Slots::fill(const Settings& settings) const {
  const auto copies = BlockCopies::make(block_size_, settings.timeout_ns);
  if (!copies) return tl::unexpected(copies.error());
  const storage::Pages pages(storage::mix64(settings.storage.seed), storage::page_size_for(block_size_));
  for (std::size_t at = 0; at < memory_.size(); at += stride_) {
    pages.lay_out(copies->block(), at);
    if (Result<void> copied = copies->to_gpu(address(at), block_size_); !copied) return copied;
  }
  return {};
}

}  // namespace millrace::gds
