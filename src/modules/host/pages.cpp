// SPDX-License-Identifier: Apache-2.0
#include "modules/host/pages.hpp"

#include <fmt/format.h>
#include <numa.h>
#include <numaif.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "units/quantity.hpp"

namespace millrace::host {
namespace {

constexpr std::size_t kHuge = std::size_t{2} << 20;  // x86-64's, and aarch64's with 4 KiB pages

std::size_t round_up(std::size_t value, std::size_t unit) { return (value + unit - 1) / unit * unit; }

int bind_to_node(void* at, std::size_t size, int node) {
  bitmask* nodes = numa_allocate_nodemask();
  numa_bitmask_setbit(nodes, static_cast<unsigned>(node));
  const long refused = mbind(at, size, MPOL_BIND, nodes->maskp, nodes->size + 1, 0);
  const int reason = refused == 0 ? 0 : errno;
  numa_free_nodemask(nodes);
  return reason;
}

bool runs_on(int node) { return numa_node_of_cpu(sched_getcpu()) == node; }

// Faults every page in. MADV_POPULATE_WRITE (Linux 5.14) reports what a plain touch would die of by SIGBUS.
int populate(std::byte* at, std::size_t size) {
#ifdef MADV_POPULATE_WRITE
  if (madvise(at, size, MADV_POPULATE_WRITE) == 0) return 0;
  if (errno != EINVAL) return errno;
#endif
  const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  for (std::size_t offset = 0; offset < size; offset += page) at[offset] = std::byte{0};
  return 0;
}

}  // namespace

Result<Pages> Pages::allocate(std::size_t size, int node) {
  const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  const bool huge = size >= kHuge;
  const std::size_t usable = round_up(size == 0 ? 1 : size, page);
  const std::size_t mapped = huge ? usable + kHuge : usable;
  void* mapping = mmap(nullptr, mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (mapping == MAP_FAILED)
    return failure(fmt::format("cannot allocate {} of memory: {}", to_binary({size}), std::strerror(errno)),
                   "ask for less, or free memory");
  auto* data = static_cast<std::byte*>(mapping);
  if (huge)
    data += round_up(reinterpret_cast<std::uintptr_t>(data), kHuge) - reinterpret_cast<std::uintptr_t>(data);
  Pages pages(mapping, mapped, data, size);
  if (huge) madvise(data, usable, MADV_HUGEPAGE);  // a wish: small pages serve as well, slower
  if (node != kLocalNode && numa_available() >= 0) {
    const int refused = bind_to_node(data, usable, node);
    if (refused != 0 && !runs_on(node))  // on the node itself, first touch does the same
      return failure(fmt::format("cannot place memory on NUMA node {}: {}", node, std::strerror(refused)),
                     "in a container, grant CAP_SYS_NICE or measure within one node");
  }
  if (const int reason = populate(data, usable); reason != 0)
    return failure(fmt::format("cannot populate {} of memory: {}", to_binary({size}), std::strerror(reason)),
                   "ask for less, or free memory");
  return pages;
}

Pages::Pages(Pages&& other) noexcept
    : mapping_(std::exchange(other.mapping_, nullptr)),
      mapped_(other.mapped_),
      data_(std::exchange(other.data_, nullptr)),
      size_(std::exchange(other.size_, 0)) {}

Pages& Pages::operator=(Pages&& other) noexcept {
  std::swap(mapping_, other.mapping_);
  std::swap(mapped_, other.mapped_);
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  return *this;
}

Pages::~Pages() {
  if (mapping_ != nullptr) munmap(mapping_, mapped_);
}

}  // namespace millrace::host
