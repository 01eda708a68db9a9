// SPDX-License-Identifier: Apache-2.0
#include "modules/nccl/buffers.hpp"

#include <fmt/format.h>

#include <utility>

#include "modules/collective/pattern.hpp"
#include "modules/cuda/failure.hpp"
#include "modules/nccl/nccl_failure.hpp"
#include "modules/nccl/newer_calls.hpp"
#include "units/quantity.hpp"

namespace millrace::nccl {
namespace {

Result<void> fits(const cuda::Context& context, std::size_t size) {
  const auto memory = context.memory();
  if (!memory) return tl::unexpected(memory.error());
  if (size <= memory->free) return {};
  return failure(
      fmt::format("arrays of {} do not fit into the {} that are free on {}", to_binary({size}),
                  to_binary({memory->free}), context.device().id()),
      "give a smaller --size or --region, or free the GPU's memory (`nvidia-smi` shows who has it)",
      Exit::kInconclusive);
}

}  // namespace

Result<Buffers> Buffers::allocate(const Settings& settings, int rank, const cuda::Context& context,
                                  const Communicator& communicator) {
  Buffers buffers;
  buffers.rotation_ = collective::rotation_of(settings, rank, default_region(context.device()));
  const collective::Rotation& rotation = buffers.rotation_;
  const std::size_t size = rotation.turns * rotation.turn_bytes;
  if (const auto room = fits(context, size); !room) return tl::unexpected(room.error());
  CUdeviceptr at = 0;
  if (settings.registered) {
    const NewerCalls& calls = newer_calls();
    const std::string doing = fmt::format("rank {}, ncclMemAlloc of {}", rank, to_binary({size}));
    if (const auto made = calls.mem_alloc(&buffers.registered_, size); made != ncclSuccess)
      return tl::unexpected(nccl_failure(made, doing, communicator.handle()));
    buffers.communicator_ = communicator.handle();
    const auto known =
        calls.comm_register(buffers.communicator_, buffers.registered_, size, &buffers.registration_);
    if (known != ncclSuccess)
      return tl::unexpected(
          nccl_failure(known, fmt::format("rank {}, ncclCommRegister", rank), communicator.handle()));
    at = reinterpret_cast<CUdeviceptr>(buffers.registered_);
  } else {
    auto memory = cuda::DeviceMemory::allocate(context, size);
    if (!memory) return tl::unexpected(memory.error());
    buffers.memory_ = std::move(*memory);
    at = buffers.memory_.data();
  }
  for (std::size_t i = 0; i < rotation.turns; ++i, at += rotation.turn_bytes)
    buffers.turns_.push_back({at + rotation.input_at, at + rotation.output_at,
                              collective::input_bytes(settings, rank),
                              collective::output_bytes(settings, rank)});
  return buffers;
}

Buffers& Buffers::operator=(Buffers&& other) noexcept {
  std::swap(rotation_, other.rotation_);
  std::swap(turns_, other.turns_);
  std::swap(memory_, other.memory_);
  std::swap(registered_, other.registered_);
  std::swap(registration_, other.registration_);
  std::swap(communicator_, other.communicator_);
  return *this;
}

void Buffers::release() {
  const NewerCalls& calls = newer_calls();
  if (registration_ != nullptr && communicator_ != nullptr)
    calls.comm_deregister(communicator_, std::exchange(registration_, nullptr));
  if (registered_ != nullptr) calls.mem_free(std::exchange(registered_, nullptr));
  memory_ = {};
}

void Buffers::abandon() {
  registration_ = registered_ = nullptr;
  memory_.abandon();
}

Result<void> write(CUdeviceptr to, std::span<const std::byte> from) {
  if (from.empty()) return {};
  return cuda::check(cuMemcpyHtoD(to, from.data(), from.size()), "writing a rank's input");
}

Result<void> read(std::span<std::byte> to, CUdeviceptr from) {
  if (to.empty()) return {};
  return cuda::check(cuMemcpyDtoH(to.data(), from, to.size()), "reading a rank's output");
}

Result<void> poison(CUdeviceptr at, std::size_t size) {
  if (size == 0) return {};
  if (auto set = cuda::check(cuMemsetD8(at, static_cast<unsigned char>(collective::kPoison), size),
                             "poisoning a rank's output");
      !set)
    return set;
  return cuda::check(cuCtxSynchronize(), "poisoning a rank's output");
}

}  // namespace millrace::nccl
