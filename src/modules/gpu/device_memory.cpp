// SPDX-License-Identifier: Apache-2.0
#include "modules/gpu/device_memory.hpp"

#include <dlfcn.h>
#include <fmt/format.h>
#include <time.h>
#include <unistd.h>

#include "modules/cuda/failure.hpp"
#include "units/quantity.hpp"

namespace millrace::gpu {
namespace {

constexpr std::int64_t kBusyGrace_ns = 10'000'000'000;  // beyond the time asked for
constexpr std::int64_t kAwake_ns = 300'000;             // the end of a busy time is watched without sleeping

std::int64_t monotonic_ns() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1'000'000'000 + now.tv_nsec;
}

void sleep_until(std::int64_t ns) {
  const timespec until{ns / 1'000'000'000, ns % 1'000'000'000};
  clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, nullptr);
}

CUdeviceptr address_of(const void* pointer) { return reinterpret_cast<CUdeviceptr>(pointer); }

// CUDA 11.7 and later.
using RangeHandle = CUresult (*)(void*, CUdeviceptr, std::size_t, CUmemRangeHandleType, unsigned long long);

}  // namespace

Result<std::unique_ptr<OpenGpu>> OpenGpu::open(const cuda::Device& device) {
  auto gpu = std::make_unique<OpenGpu>();
  auto context = cuda::Context::of(device);
  if (!context) return tl::unexpected(context.error());
  gpu->context_ = std::move(*context);
  for (cuda::Stream* stream : {&gpu->copies_, &gpu->computing_}) {
    auto made = cuda::Stream::make();
    if (!made) return tl::unexpected(made.error());
    *stream = std::move(*made);
  }
  if (auto kernels = Kernels::load(gpu->context_); kernels) {
    gpu->kernels_ = std::move(*kernels);
    auto took = cuda::PinnedMemory::allocate(sizeof(std::uint64_t));
    if (!took) return tl::unexpected(took.error());
    gpu->took_ = std::move(*took);
  }
  return gpu;
}

OpenGpu::~OpenGpu() {
  pending_.clear();
  idle_events_.clear();
  (void)context_.make_current();
}

// After an error that the context does not survive, or a time-out, nothing is freed: that could wait for
// ever.
void OpenGpu::abandon() {
  for (auto& [pointer, memory] : on_device_) memory.abandon();
  for (auto& [pointer, memory] : staging_) memory.abandon();
  for (auto& [ticket, event] : pending_) event.abandon();
  for (cuda::Event& event : idle_events_) event.abandon();
  if (kernels_) kernels_->abandon();
  took_.abandon();
  copies_.abandon();
  computing_.abandon();
  context_.abandon();
}

Result<void*> OpenGpu::allocate(bool staging, std::size_t size) {
  if (auto current = context_.make_current(); !current) return tl::unexpected(current.error());
  void* pointer = nullptr;
  if (staging) {
    auto memory = cuda::PinnedMemory::allocate(size);
    if (!memory) return tl::unexpected(memory.error());
    pointer = memory->data();
    const std::scoped_lock hold(mutex_);
    staging_.emplace(pointer, std::move(*memory));
  } else {
    auto memory = cuda::DeviceMemory::allocate(context_, size);
    if (!memory) return tl::unexpected(memory.error());
    pointer = reinterpret_cast<void*>(memory->data());
    const std::scoped_lock hold(mutex_);
    on_device_.emplace(pointer, std::move(*memory));
  }
  return pointer;
}

Result<void> OpenGpu::release(void* pointer) {
  const std::scoped_lock hold(mutex_);
  if (on_device_.erase(pointer) + staging_.erase(pointer) == 1) return {};
  return failure(fmt::format("memory of {} was released that had not been allocated", device().id()),
                 "this is a bug of the probe");
}

Result<void> OpenGpu::register_host(void* pointer, std::size_t size) {
  if (auto current = context_.make_current(); !current) return current;
  return cuda::check(
      cuMemHostRegister(pointer, size, CU_MEMHOSTREGISTER_PORTABLE | CU_MEMHOSTREGISTER_DEVICEMAP),
      fmt::format("pinning {} of host memory for {}", to_binary({size}), device().id()));
}

Result<void> OpenGpu::unregister_host(void* pointer) {
  if (auto current = context_.make_current(); !current) return current;
  return cuda::check(cuMemHostUnregister(pointer), "unpinning host memory");
}

Result<std::uint64_t> OpenGpu::copy(void* to, const void* from, std::size_t size) {
  if (auto current = context_.make_current(); !current) return tl::unexpected(current.error());
  const std::scoped_lock hold(mutex_);
  const std::string doing = fmt::format("copying {} on {}", to_binary({size}), device().id());
  if (auto queued =
          cuda::check(cuMemcpyAsync(address_of(to), address_of(from), size, copies_.handle()), doing);
      !queued)
    return tl::unexpected(queued.error());
  cuda::Event event;
  if (idle_events_.empty()) {
    auto made = cuda::Event::make();
    if (!made) return tl::unexpected(made.error());
    event = std::move(*made);
  } else {
    event = std::move(idle_events_.back());
    idle_events_.pop_back();
  }
  if (auto recorded = event.record(copies_.handle()); !recorded) return tl::unexpected(recorded.error());
  pending_.emplace_back(++last_ticket_, std::move(event));
  return last_ticket_;
}

Result<bool> OpenGpu::is_past(std::uint64_t ticket) {
  const std::scoped_lock hold(mutex_);
  while (!pending_.empty()) {
    auto done = pending_.front().second.is_done();
    if (!done) return done;
    if (!*done) break;
    last_done_ = pending_.front().first;
    idle_events_.push_back(std::move(pending_.front().second));
    pending_.pop_front();
  }
  return last_done_ >= ticket;
}

Result<void> OpenGpu::wait(std::uint64_t ticket, std::int64_t timeout_ns) {
  if (auto current = context_.make_current(); !current) return current;
  const auto done = cuda::wait_until([&] { return is_past(ticket); }, timeout_ns,
                                     fmt::format("a copy on {}", device().id()));
  if (done) return {};
  Error error = done.error();
  if (!error.what.starts_with("a copy on"))
    error.what = fmt::format("a copy on {}: {}", device().id(), error.what);
  const std::scoped_lock hold(mutex_);
  abandon();
  return tl::unexpected(error);
}

Result<std::int64_t> OpenGpu::busy_for(std::int64_t ns) {
  const std::int64_t begin_ns = monotonic_ns();
  if (!kernels_) {
    sleep_until(begin_ns + ns);
    return monotonic_ns() - begin_ns;
  }
  const std::scoped_lock hold(computing_mutex_);
  if (auto current = context_.make_current(); !current) return tl::unexpected(current.error());
  if (auto launched = kernels_->busy(computing_.handle(), ns, took_.address()); !launched)
    return tl::unexpected(launched.error());
  sleep_until(begin_ns + ns - kAwake_ns);
  const auto done = cuda::wait_until([&] { return computing_.is_done(); }, ns + kBusyGrace_ns,
                                     fmt::format("computing on {}", device().id()), {}, true);
  if (!done) {
    const std::scoped_lock all(mutex_);
    abandon();
    return tl::unexpected(done.error());
  }
  return monotonic_ns() - begin_ns;
}

Result<int> OpenGpu::export_dmabuf(void* pointer, std::size_t size) {
  if (auto current = context_.make_current(); !current) return tl::unexpected(current.error());
  const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  if (address_of(pointer) % page != 0 || size % page != 0)
    return failure(fmt::format("a dma-buf of {} must begin and end at whole pages of {}", device().id(),
                               to_binary({page})),
                   "this is a bug of the probe");
  static const auto function =
      reinterpret_cast<RangeHandle>(dlsym(RTLD_DEFAULT, "cuMemGetHandleForAddressRange"));
  int supported = 0;
  cuDeviceGetAttribute(&supported, CU_DEVICE_ATTRIBUTE_DMA_BUF_SUPPORTED, device().handle);
  if (function == nullptr || supported == 0)
    return failure(
        fmt::format("the driver cannot export memory of {} as a dma-buf", device().id()),
        "it takes the open kernel modules of NVIDIA's driver (515 or later) and Linux 5.12 or later",
        Exit::kInconclusive);
  int fd = -1;
  if (auto got =
          cuda::check(function(&fd, address_of(pointer), size, CU_MEM_RANGE_HANDLE_TYPE_DMA_BUF_FD, 0),
                      fmt::format("exporting {} of {} as a dma-buf", to_binary({size}), device().id()));
      !got)
    return tl::unexpected(got.error());
  return fd;
}

std::optional<OpenGpu::Range> OpenGpu::allocation_of(const void* pointer) {
  const std::scoped_lock hold(mutex_);
  auto after = on_device_.upper_bound(const_cast<void*>(pointer));
  if (after == on_device_.begin()) return std::nullopt;
  --after;
  const std::size_t offset = address_of(pointer) - after->second.data();
  if (offset >= after->second.size()) return std::nullopt;
  return Range{after->first, after->second.size()};
}

}  // namespace millrace::gpu
