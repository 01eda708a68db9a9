// SPDX-License-Identifier: Apache-2.0
#include "modules/cuda/stream.hpp"

#include <dlfcn.h>
#include <fmt/format.h>
#include <time.h>

#include <algorithm>

#include "modules/cuda/failure.hpp"
#include "units/quantity.hpp"

namespace millrace::cuda {
namespace {

constexpr std::int64_t kFirstNap_ns = 20'000;
constexpr std::int64_t kLongestNap_ns = 1'000'000;

std::int64_t monotonic_ns() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1'000'000'000 + now.tv_nsec;
}

void nap(std::int64_t ns) {
  const timespec length{ns / 1'000'000'000, ns % 1'000'000'000};
  nanosleep(&length, nullptr);
}

// Headers of CUDA 13 name the variant that came with 12.8; the older one does all that is wanted, in every
// driver.
using ElapsedTime = CUresult (*)(float*, CUevent, CUevent);
ElapsedTime elapsed_time() {
  static const auto function = reinterpret_cast<ElapsedTime>(dlsym(RTLD_DEFAULT, "cuEventElapsedTime"));
  return function;
}

Result<bool> done(CUresult result, const char* doing) {
  if (result == CUDA_ERROR_NOT_READY) return false;
  if (auto asked = check(result, doing); !asked) return tl::unexpected(asked.error());
  return true;
}

}  // namespace

Result<Event> Event::make() {
  Event event;
  if (auto made = check(cuEventCreate(&event.handle_, CU_EVENT_DEFAULT), "making an event"); !made)
    return tl::unexpected(made.error());
  return event;
}

Event::~Event() {
  if (handle_ != nullptr) cuEventDestroy(handle_);
}

Result<void> Event::record(CUstream stream) const {
  return check(cuEventRecord(handle_, stream), "recording an event");
}

Result<bool> Event::is_done() const { return done(cuEventQuery(handle_), "waiting for the GPU"); }

Result<double> Event::seconds_since(const Event& earlier) const {
  float milliseconds = 0;
  const ElapsedTime function = elapsed_time();
  if (function == nullptr)
    return failure("this libcuda.so.1 has no cuEventElapsedTime", "update the NVIDIA driver",
                   Exit::kInconclusive);
  if (auto asked =
          check(function(&milliseconds, earlier.handle_, handle_), "reading the time between two events");
      !asked)
    return tl::unexpected(asked.error());
  return static_cast<double>(milliseconds) * 1e-3;
}

Result<Stream> Stream::make() {
  Stream stream;
  if (auto made = check(cuStreamCreate(&stream.handle_, CU_STREAM_NON_BLOCKING), "making a stream"); !made)
    return tl::unexpected(made.error());
  return stream;
}

Stream::~Stream() {
  if (handle_ != nullptr) cuStreamDestroy(handle_);
}

Result<void> Stream::wait_for(const Event& event) const {
  return check(cuStreamWaitEvent(handle_, event.handle(), CU_EVENT_WAIT_DEFAULT),
               "letting a stream wait for an event");
}

Result<bool> Stream::is_done() const { return done(cuStreamQuery(handle_), "waiting for the GPU"); }

Result<bool> wait_until(const std::function<Result<bool>()>& is_done, std::int64_t timeout_ns,
                        const std::string& doing, const std::function<bool()>& stop, bool spin) {
  const std::int64_t deadline = monotonic_ns() + timeout_ns;
  for (std::int64_t pause = kFirstNap_ns;; pause = std::min(pause + pause / 4, kLongestNap_ns)) {
    auto now_done = is_done();
    if (!now_done) return tl::unexpected(now_done.error());
    if (*now_done) return true;
    if (stop && stop()) return false;
    if (monotonic_ns() >= deadline)
      return failure(
          fmt::format("{} did not end within {}", doing, to_text(Duration{timeout_ns})),
          "the GPU hangs or is far slower than expected: `nvidia-smi` and `dmesg | grep Xid` tell more");
    if (!spin) nap(pause);
  }
}

}  // namespace millrace::cuda
