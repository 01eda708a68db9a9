// SPDX-License-Identifier: Apache-2.0
#include "modules/rdma/region.hpp"

#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "modules/rdma/words.hpp"
#include "units/quantity.hpp"

namespace millrace::rdma {
namespace {

constexpr std::size_t kHuge = std::size_t{2} << 20;  // x86-64's, and aarch64's with 4 KiB pages
constexpr std::int64_t kCopyTime_ns = 10'000'000'000;

std::size_t round_up(std::size_t value, std::size_t unit) { return (value + unit - 1) / unit * unit; }

std::size_t page_size() { return static_cast<std::size_t>(sysconf(_SC_PAGESIZE)); }

std::optional<std::uint64_t> locked_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_MEMLOCK, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return std::nullopt;
  return limit.rlim_cur;
}

Result<void> copy(const sdk::Memory& device, void* to, const void* from, std::size_t size,
                  const std::string& name) {
  std::uint64_t ticket = 0;
  if (device.copy(to, from, size, ticket) && device.wait(ticket, kCopyTime_ns)) return {};
  return failure(fmt::format("cannot copy {} to or from the memory {}", to_binary({size}), name));
}

}  // namespace

Result<Region> Region::in_host(std::size_t size, bool huge) {
  Region region;
  region.size_ = round_up(size, page_size());
  constexpr int kFlags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE;
  void* at = MAP_FAILED;
  if (huge) {
    region.mapped_ = round_up(size, kHuge);
    at = mmap(nullptr, region.mapped_, PROT_READ | PROT_WRITE, kFlags | MAP_HUGETLB, -1, 0);
    region.huge_ = at != MAP_FAILED;
  }
  if (at == MAP_FAILED) {
    region.mapped_ = region.size_;
    at = mmap(nullptr, region.mapped_, PROT_READ | PROT_WRITE, kFlags, -1, 0);
  }
  if (at == MAP_FAILED)
    return failure(
        fmt::format("cannot allocate {} for messages: {}", to_binary({size}), std::strerror(errno)),
        "free some memory, or ask for less by --size, --buffer and --queue-pairs");
  region.data_ = static_cast<std::byte*>(at);
  std::memset(region.data_, 0, region.size_);  // MAP_POPULATE is a wish
  return region;
}

Result<Region> Region::in_device(const sdk::Host& host, const std::string& name, std::size_t size) {
  const sdk::Memory memory = host.memory(name);
  if (!memory)
    return failure(fmt::format("there is no memory '{}'", name), "`millrace probes` shows the memories");
  Region region;
  region.memory_ = name;
  region.size_ = round_up(size, page_size());
  void* at = nullptr;
  if (memory.raw()->allocate(memory.raw()->self, MILLRACE_MEMORY_DEVICE, region.size_, &at) != MILLRACE_OK)
    return failure(fmt::format("cannot allocate {} in the memory {}", to_binary({region.size_}), name),
                   "free memory of the device, or ask for less");
  region.data_ = static_cast<std::byte*>(at);
  region.device_ = memory;
  return region;
}

Region::Region(Region&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)),
      size_(other.size_),
      mapped_(other.mapped_),
      memory_(std::move(other.memory_)),
      huge_(other.huge_),
      device_(other.device_) {}

Region& Region::operator=(Region&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  std::swap(mapped_, other.mapped_);
  std::swap(memory_, other.memory_);
  std::swap(huge_, other.huge_);
  std::swap(device_, other.device_);
  return *this;
}

Region::~Region() {
  if (data_ == nullptr) return;
  if (device_)
    device_->raw()->release(device_->raw()->self, data_);
  else
    munmap(data_, mapped_);
}

Result<void> Region::put(std::size_t offset, std::span<const std::byte> bytes) const {
  if (device_) return copy(*device_, data_ + offset, bytes.data(), bytes.size(), memory_);
  std::memcpy(data_ + offset, bytes.data(), bytes.size());
  return {};
}

Result<void> Region::get(std::size_t offset, std::span<std::byte> bytes) const {
  if (device_) return copy(*device_, bytes.data(), data_ + offset, bytes.size(), memory_);
  std::memcpy(bytes.data(), data_ + offset, bytes.size());
  return {};
}

Result<Region::Registered> Region::registered(ibv_pd* domain, int remote, bool relaxed_ordering) const {
  const int access = IBV_ACCESS_LOCAL_WRITE | remote | (relaxed_ordering ? IBV_ACCESS_RELAXED_ORDERING : 0);
  Registered made;
  std::int32_t fd = -1;
  if (device_ && device_->raw()->export_dmabuf != nullptr &&
      device_->raw()->export_dmabuf(device_->raw()->self, data_, size_, &fd) == MILLRACE_OK) {
    // Whole pages from the buffer's own beginning: offset 0, and the address as the CPU has it.
    made.region.reset(
        ibv_reg_dmabuf_mr(domain, 0, size_, reinterpret_cast<std::uint64_t>(data_), fd, access));
    made.by_dmabuf = made.region != nullptr;
    const int reason = errno;
    close(fd);  // the registration holds its own reference
    errno = reason;
  } else {
    made.region.reset(ibv_reg_mr(domain, data_, size_, static_cast<unsigned>(access)));
  }
  if (!made.region)
    return tl::unexpected(registration_refused(errno, size_, memory_,
                                               ibv_get_device_name(domain->context->device), locked_limit()));
  return made;
}

}  // namespace millrace::rdma
