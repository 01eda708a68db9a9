// SPDX-License-Identifier: Apache-2.0
#include "modules/gpu/gate.hpp"

#include <atomic>

namespace millrace::gpu {
namespace {

std::atomic_ref<std::uint32_t> word(const cuda::PinnedMemory& words, std::size_t index) {
  return std::atomic_ref(reinterpret_cast<std::uint32_t*>(words.data())[index]);
}

}  // namespace

Result<Gate> Gate::make() {
  auto words = cuda::PinnedMemory::allocate(2 * sizeof(std::uint32_t));
  if (!words) return tl::unexpected(words.error());
  Gate gate;
  gate.words_ = std::move(*words);
  return gate;
}

Result<void> Gate::close(const Kernels& kernels, CUstream stream, const cuda::Event& passed,
                         std::int64_t timeout_ns) {
  word(words_, 0) = 0;
  word(words_, 1) = 0;
  const CUdeviceptr at = words_.address();
  if (auto launched = kernels.gate(stream, at, at + sizeof(std::uint32_t), timeout_ns); !launched)
    return launched;
  return passed.record(stream);
}

void Gate::open() { word(words_, 0) = 1; }

bool Gate::gave_up() const { return word(words_, 1) != 0; }

}  // namespace millrace::gpu
