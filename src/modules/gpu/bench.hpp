// SPDX-License-Identifier: Apache-2.0
// What a measurement has in hand: the GPUs' contexts and kernels, and the buffers that its copies run
// between. Each memory has sources, filled with words of their own, and targets; rounds share them, since
// they run one by one.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "modules/cuda/allocation.hpp"
#include "modules/cuda/context.hpp"
#include "modules/cuda/driver.hpp"
#include "modules/gpu/gate.hpp"
#include "modules/gpu/kernels.hpp"
#include "modules/gpu/rounds.hpp"

namespace millrace::gpu {

class Bench {
 public:
  Bench(std::uint64_t size, std::int64_t timeout_ns) : size_(size), timeout_ns_(timeout_ns) {}
  ~Bench();

  Result<void> add_gpu(const cuda::Device& device);
  [[nodiscard]] const cuda::Context& context(int gpu) const { return gpus_.at(gpu)->context; }
  // Null where there are none; `why_no_kernels` says why.
  [[nodiscard]] const Kernels* kernels(int gpu) const;
  [[nodiscard]] const Error& why_no_kernels() const { return why_no_kernels_; }
  [[nodiscard]] Gate* gate() { return gate_.get(); }

  // A buffer of a memory (a GPU's index, or host_at a node) as copies see it; the nth of those that one round
  // uses at once.
  struct Buffer {
    CUdeviceptr address = 0;
    std::uint64_t seed = 0;  // of a source's words
  };
  Result<Buffer> source(int memory, int nth);
  Result<Buffer> target(int memory, int nth);
  // Spoils a target, so that words of an earlier round do not pass for this one's.
  Result<void> spoil(int memory, CUdeviceptr target);
  // Whether the target holds the words of `seed`. The offset of the first wrong byte, or nothing.
  Result<std::optional<std::size_t>> first_wrong(int memory, CUdeviceptr target, std::uint64_t seed);

  // Nothing is freed any more: after a hang or a lost GPU that could take for ever.
  void abandon();

 private:
  struct Gpu {
    cuda::Context context;
    Kernels kernels;
    bool has_kernels = false;
    cuda::Stream stream;  // for what is not measured
  };
  struct Memory {
    std::uint64_t seed = 0;
    cuda::DeviceMemory device;
    cuda::PinnedMemory host;
    [[nodiscard]] CUdeviceptr address() const { return device.data() != 0 ? device.data() : host.address(); }
  };
  using Key = std::pair<int, int>;  // memory, nth
  Result<Memory*> memory(std::map<Key, Memory>& all, int where, int nth);
  Result<void> finish(const Gpu& gpu, const std::string& doing);
  Result<void> need_staging();

  std::uint64_t size_;
  std::int64_t timeout_ns_;
  std::map<int, std::unique_ptr<Gpu>> gpus_;
  Error why_no_kernels_;
  std::unique_ptr<Gate> gate_;
  std::map<Key, Memory> sources_, targets_;
  cuda::PinnedMemory staging_;
};

}  // namespace millrace::gpu
