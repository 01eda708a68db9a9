// SPDX-License-Identifier: Apache-2.0
#include "modules/cuda/context.hpp"

#include <fmt/format.h>

#include <utility>

#include "modules/cuda/failure.hpp"

namespace millrace::cuda {

Result<Context> Context::of(const Device& device) {
  Context context;
  context.device_ = device;
  if (auto made = check(cuDevicePrimaryCtxRetain(&context.handle_, device.handle),
                        fmt::format("opening {} ({})", device.id(), device.pci));
      !made) {
    context.handle_ = nullptr;
    return tl::unexpected(made.error());
  }
  if (auto current = context.make_current(); !current) return tl::unexpected(current.error());
  return context;
}

Context::Context(Context&& other) noexcept
    : device_(std::move(other.device_)),
      handle_(std::exchange(other.handle_, nullptr)),
      abandoned_(other.abandoned_) {}

Context& Context::operator=(Context&& other) noexcept {
  std::swap(device_, other.device_);
  std::swap(handle_, other.handle_);
  std::swap(abandoned_, other.abandoned_);
  return *this;
}

Context::~Context() {
  if (handle_ != nullptr && !abandoned_) cuDevicePrimaryCtxRelease(device_.handle);
}

Result<void> Context::make_current() const {
  return check(cuCtxSetCurrent(handle_), fmt::format("making the context of {} current", device_.id()));
}

Result<void> Context::reach(const Context& peer) const {
  int can = 0;
  const std::string doing =
      fmt::format("giving {} access to the memory of {}", device_.id(), peer.device_.id());
  if (auto asked = check(cuDeviceCanAccessPeer(&can, device_.handle, peer.device_.handle), doing); !asked)
    return asked;
  if (can == 0) return tl::unexpected(cuda_failure(CUDA_ERROR_PEER_ACCESS_UNSUPPORTED, doing));
  if (auto current = make_current(); !current) return current;
  const CUresult result = cuCtxEnablePeerAccess(peer.handle_, 0);
  if (result == CUDA_ERROR_PEER_ACCESS_ALREADY_ENABLED) return {};
  return check(result, doing);
}

Result<Context::Memory> Context::memory() const {
  if (auto current = make_current(); !current) return tl::unexpected(current.error());
  std::size_t free = 0, total = 0;
  if (auto asked =
          check(cuMemGetInfo(&free, &total), fmt::format("asking for free memory of {}", device_.id()));
      !asked)
    return tl::unexpected(asked.error());
  return Memory{free, total};
}

}  // namespace millrace::cuda
