// SPDX-License-Identifier: Apache-2.0
#include "modules/gpu/kernels.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "modules/cuda/failure.hpp"
#include "modules/gpu/kernel_image.hpp"

namespace millrace::gpu {
namespace {

constexpr unsigned kThreads = 512;     // a block; one block on each multiprocessor
constexpr unsigned kOwnThreads = 256;  // a block of a copy within the GPU, a word each

template <typename... Arguments>
Result<void> launch(const char* name, CUfunction function, unsigned blocks, unsigned threads, CUstream stream,
                    Arguments... values) {
  void* arguments[] = {&values...};
  return cuda::check(cuLaunchKernel(function, blocks, 1, 1, threads, 1, 1, 0, stream, arguments, nullptr),
                     fmt::format("launching the kernel {}", name));
}

}  // namespace

Result<Kernels> Kernels::load(const cuda::Context& context) {
  const auto image = kernel_image();
  if (image.empty())
    return failure("this Millrace was built without nvcc, and so has no GPU kernels",
                   "build it where the CUDA Toolkit's nvcc is found, or measure by the copy engine",
                   Exit::kInconclusive);
  if (auto current = context.make_current(); !current) return tl::unexpected(current.error());
  Kernels kernels;
  kernels.context_ = context.handle();
  const std::string doing = fmt::format("loading the kernels on {}", context.device().id());
  if (auto loaded = cuda::check(cuModuleLoadData(&kernels.module_, image.data()), doing); !loaded) {
    kernels.module_ = nullptr;
    return tl::unexpected(loaded.error());
  }
  const std::pair<CUfunction*, const char*> all[] = {
      {&kernels.gate_, "millrace_gate"},         {&kernels.copy_, "millrace_copy"},
      {&kernels.copy_own_, "millrace_copy_own"}, {&kernels.read_, "millrace_read"},
      {&kernels.write_, "millrace_write"},       {&kernels.chase_, "millrace_chase"},
      {&kernels.busy_, "millrace_busy"}};
  for (const auto& [function, name] : all)
    if (auto found = cuda::check(cuModuleGetFunction(function, kernels.module_, name), doing); !found)
      return tl::unexpected(found.error());
  kernels.multiprocessors_ = static_cast<unsigned>(std::max(context.device().multiprocessors, 1));
  return kernels;
}

Kernels& Kernels::operator=(Kernels&& other) noexcept {
  std::swap(context_, other.context_);
  std::swap(module_, other.module_);
  std::swap(gate_, other.gate_);
  std::swap(copy_, other.copy_);
  std::swap(copy_own_, other.copy_own_);
  std::swap(read_, other.read_);
  std::swap(write_, other.write_);
  std::swap(chase_, other.chase_);
  std::swap(busy_, other.busy_);
  std::swap(multiprocessors_, other.multiprocessors_);
  return *this;
}

Kernels::~Kernels() {
  if (module_ == nullptr) return;
  CUcontext before = nullptr;  // a module is unloaded from the current context
  cuCtxGetCurrent(&before);
  cuCtxSetCurrent(context_);
  cuModuleUnload(module_);
  cuCtxSetCurrent(before);
}

Result<void> Kernels::gate(CUstream stream, CUdeviceptr go, CUdeviceptr gave_up,
                           std::int64_t timeout_ns) const {
  return launch("millrace_gate", gate_, 1, 1, stream, go, gave_up,
                static_cast<unsigned long long>(timeout_ns));
}

Result<void> Kernels::copy(CUstream stream, CUdeviceptr to, CUdeviceptr from, std::uint64_t size) const {
  return launch("millrace_copy", copy_, multiprocessors_, kThreads, stream, to, from,
                static_cast<unsigned long long>(size / 16));
}

Result<void> Kernels::copy_own(CUstream stream, CUdeviceptr to, CUdeviceptr from, std::uint64_t size) const {
  const std::uint64_t words = size / 16;
  const auto blocks = static_cast<unsigned>((words + kOwnThreads - 1) / kOwnThreads);
  return launch("millrace_copy_own", copy_own_, blocks, kOwnThreads, stream, to, from,
                static_cast<unsigned long long>(words));
}

Result<void> Kernels::read(CUstream stream, CUdeviceptr from, std::uint64_t size, CUdeviceptr sink) const {
  return launch("millrace_read", read_, 2 * multiprocessors_, kThreads, stream, from,
                static_cast<unsigned long long>(size / 16), sink);
}

Result<void> Kernels::write(CUstream stream, CUdeviceptr to, std::uint64_t size, std::uint32_t value) const {
  return launch("millrace_write", write_, 2 * multiprocessors_, kThreads, stream, to,
                static_cast<unsigned long long>(size / 16), value);
}

Result<void> Kernels::chase(CUstream stream, CUdeviceptr start, std::uint64_t steps, CUdeviceptr out) const {
  return launch("millrace_chase", chase_, 1, 1, stream, start, static_cast<unsigned long long>(steps), out);
}

Result<void> Kernels::busy(CUstream stream, std::int64_t ns, CUdeviceptr took) const {
  return launch("millrace_busy", busy_, multiprocessors_, 256, stream, static_cast<unsigned long long>(ns),
                took);
}

}  // namespace millrace::gpu
