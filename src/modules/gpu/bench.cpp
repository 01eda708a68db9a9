// SPDX-License-Identifier: Apache-2.0
#include "modules/gpu/bench.hpp"

#include <fmt/format.h>

#include <cstring>

#include "modules/cuda/failure.hpp"
#include "modules/cuda/stream.hpp"
#include "modules/gpu/pattern_words.hpp"

namespace millrace::gpu {
namespace {

constexpr int kSpoilt = 0xA5;

std::uint64_t seed_of(int memory, int nth) {
  return (static_cast<std::uint64_t>(memory + 2000) << 40) | static_cast<std::uint64_t>(nth + 1) << 56;
}

}  // namespace

Bench::~Bench() = default;

Result<void> Bench::add_gpu(const cuda::Device& device) {
  if (gpus_.contains(device.index)) return {};
  auto gpu = std::make_unique<Gpu>();
  auto context = cuda::Context::of(device);
  if (!context) return tl::unexpected(context.error());
  gpu->context = std::move(*context);
  auto stream = cuda::Stream::make();
  if (!stream) return tl::unexpected(stream.error());
  gpu->stream = std::move(*stream);
  auto kernels = Kernels::load(gpu->context);
  gpu->has_kernels = kernels.has_value();
  if (kernels)
    gpu->kernels = std::move(*kernels);
  else if (kernels.error().exit != Exit::kInconclusive)
    return tl::unexpected(kernels.error());
  else
    why_no_kernels_ = kernels.error();
  if (gate_ == nullptr) {
    auto gate = Gate::make();
    if (!gate) return tl::unexpected(gate.error());
    gate_ = std::make_unique<Gate>(std::move(*gate));
  }
  gpus_.emplace(device.index, std::move(gpu));
  return {};
}

const Kernels* Bench::kernels(int gpu) const {
  const Gpu& found = *gpus_.at(gpu);
  return found.has_kernels ? &found.kernels : nullptr;
}

Result<Bench::Memory*> Bench::memory(std::map<Key, Memory>& all, int where, int nth) {
  if (const auto found = all.find({where, nth}); found != all.end()) return &found->second;
  Memory made;
  made.seed = seed_of(where, nth);
  if (is_host(where)) {
    auto host = cuda::PinnedMemory::allocate(size_, node_of_host(where));
    if (!host) return tl::unexpected(host.error());
    made.host = std::move(*host);
  } else {
    auto device = cuda::DeviceMemory::allocate(context(where), size_);
    if (!device) return tl::unexpected(device.error());
    made.device = std::move(*device);
  }
  return &all.emplace(Key{where, nth}, std::move(made)).first->second;
}

Result<void> Bench::finish(const Gpu& gpu, const std::string& doing) {
  const auto done = cuda::wait_until([&] { return gpu.stream.is_done(); }, timeout_ns_, doing);
  if (done) return {};
  return tl::unexpected(done.error());
}

Result<void> Bench::need_staging() {
  if (staging_.data() != nullptr) return {};
  auto staging = cuda::PinnedMemory::allocate(size_);
  if (!staging) return tl::unexpected(staging.error());
  staging_ = std::move(*staging);
  return {};
}

Result<Bench::Buffer> Bench::source(int where, int nth) {
  const bool fresh = !sources_.contains({where, nth});
  const auto made = memory(sources_, where, nth);
  if (!made) return tl::unexpected(made.error());
  const Buffer buffer{(*made)->address(), (*made)->seed};
  if (!fresh) return buffer;
  if (is_host(where)) {
    fill_words((*made)->host.data(), size_, buffer.seed);
    return buffer;
  }
  if (auto staged = need_staging(); !staged) return tl::unexpected(staged.error());
  fill_words(staging_.data(), size_, buffer.seed);
  const Gpu& gpu = *gpus_.at(where);
  if (auto current = gpu.context.make_current(); !current) return tl::unexpected(current.error());
  const std::string doing = fmt::format("filling memory of {}", gpu.context.device().id());
  if (auto copied =
          cuda::check(cuMemcpyAsync(buffer.address, staging_.address(), size_, gpu.stream.handle()), doing);
      !copied)
    return tl::unexpected(copied.error());
  if (auto done = finish(gpu, doing); !done) return tl::unexpected(done.error());
  return buffer;
}

Result<Bench::Buffer> Bench::target(int where, int nth) {
  const auto made = memory(targets_, where, nth);
  if (!made) return tl::unexpected(made.error());
  return Buffer{(*made)->address(), 0};
}

Result<void> Bench::spoil(int where, CUdeviceptr target) {
  if (is_host(where)) {
    for (const auto& [key, memory] : targets_)
      if (key.first == where && memory.address() == target) std::memset(memory.host.data(), kSpoilt, size_);
    return {};
  }
  const Gpu& gpu = *gpus_.at(where);
  if (auto current = gpu.context.make_current(); !current) return current;
  const std::string doing = fmt::format("clearing memory of {}", gpu.context.device().id());
  if (auto set = cuda::check(cuMemsetD8Async(target, kSpoilt, size_, gpu.stream.handle()), doing); !set)
    return set;
  return finish(gpu, doing);
}

Result<std::optional<std::size_t>> Bench::first_wrong(int where, CUdeviceptr target, std::uint64_t seed) {
  if (is_host(where)) {
    for (const auto& [key, memory] : targets_)
      if (key.first == where && memory.address() == target)
        return first_wrong_word(memory.host.data(), size_, seed);
    return std::nullopt;
  }
  if (auto staged = need_staging(); !staged) return tl::unexpected(staged.error());
  const Gpu& gpu = *gpus_.at(where);
  if (auto current = gpu.context.make_current(); !current) return tl::unexpected(current.error());
  const std::string doing = fmt::format("reading back from {}", gpu.context.device().id());
  if (auto copied = cuda::check(cuMemcpyAsync(staging_.address(), target, size_, gpu.stream.handle()), doing);
      !copied)
    return tl::unexpected(copied.error());
  if (auto done = finish(gpu, doing); !done) return tl::unexpected(done.error());
  return first_wrong_word(staging_.data(), size_, seed);
}

void Bench::abandon() {
  for (auto* all : {&sources_, &targets_})
    for (auto& [key, memory] : *all) {
      memory.device.abandon();
      memory.host.abandon();
    }
  staging_.abandon();
  if (gate_ != nullptr) gate_->abandon();
  for (auto& [index, gpu] : gpus_) {
    gpu->stream.abandon();
    if (gpu->has_kernels) gpu->kernels.abandon();
    gpu->context.abandon();
  }
}

}  // namespace millrace::gpu
