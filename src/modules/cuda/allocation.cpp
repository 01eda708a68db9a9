// SPDX-License-Identifier: Apache-2.0
#include "modules/cuda/allocation.hpp"

#include <fmt/format.h>
#include <numa.h>
#include <numaif.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "modules/cuda/failure.hpp"
#include "units/quantity.hpp"

namespace millrace::cuda {
namespace {

std::size_t whole_pages(std::size_t size) {
  const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  return (size + page - 1) / page * page;
}

// Pages go where the policy of their range says, whoever touches them first: here, the driver that pins them.
Result<void> place(void* at, std::size_t size, int node) {
  if (node < 0 || numa_available() < 0) return {};
  bitmask* nodes = numa_allocate_nodemask();
  if (static_cast<unsigned long>(node) < nodes->size) numa_bitmask_setbit(nodes, static_cast<unsigned>(node));
  const long refused = mbind(at, size, MPOL_BIND, nodes->maskp, nodes->size + 1, 0);
  const int reason = errno;
  numa_free_nodemask(nodes);
  if (refused == 0 || node == numa_node_of_cpu(sched_getcpu()))
    return {};  // there, first touch does the same
  return failure(fmt::format("cannot place pinned memory on NUMA node {}: {}", node, std::strerror(reason)),
                 "in a container, grant CAP_SYS_NICE, or leave the placement near", Exit::kInconclusive);
}

}  // namespace

Result<DeviceMemory> DeviceMemory::allocate(const Context& context, std::size_t size) {
  if (auto current = context.make_current(); !current) return tl::unexpected(current.error());
  DeviceMemory memory;
  const CUresult result = cuMemAlloc(&memory.data_, size);
  if (result == CUDA_SUCCESS) {
    memory.size_ = size;
    memory.context_ = context.handle();
    return memory;
  }
  memory.data_ = 0;
  Error error =
      cuda_failure(result, fmt::format("allocating {} on {}", to_binary({size}), context.device().id()));
  if (const auto left = context.memory(); left && result == CUDA_ERROR_OUT_OF_MEMORY)
    error.what += fmt::format("; {} of {} are free", to_binary({left->free}), to_binary({left->total}));
  return tl::unexpected(error);
}

DeviceMemory::~DeviceMemory() {
  if (data_ == 0) return;
  CUcontext before = nullptr;
  cuCtxGetCurrent(&before);
  cuCtxSetCurrent(context_);
  cuMemFree(data_);
  cuCtxSetCurrent(before);
}

Result<PinnedMemory> PinnedMemory::allocate(std::size_t size, int numa_node) {
  const std::size_t whole = whole_pages(size == 0 ? 1 : size);
  void* at = mmap(nullptr, whole, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (at == MAP_FAILED)
    return failure(
        fmt::format("cannot allocate {} of host memory: {}", to_binary({size}), std::strerror(errno)),
        "ask for less, or free memory");
  const auto placed = place(at, whole, numa_node);
  const CUresult result =
      placed ? cuMemHostRegister(at, whole, CU_MEMHOSTREGISTER_PORTABLE | CU_MEMHOSTREGISTER_DEVICEMAP)
             : CUDA_SUCCESS;
  if (!placed || result != CUDA_SUCCESS) {
    munmap(at, whole);
    if (!placed) return tl::unexpected(placed.error());
    return tl::unexpected(cuda_failure(result, fmt::format("pinning {} of host memory", to_binary({size}))));
  }
  PinnedMemory memory;
  memory.data_ = at;
  memory.size_ = size;
  return memory;
}

PinnedMemory::~PinnedMemory() {
  if (data_ == nullptr) return;
  cuMemHostUnregister(data_);
  munmap(data_, whole_pages(size_ == 0 ? 1 : size_));
}

CUdeviceptr PinnedMemory::address() const {
  CUdeviceptr address = 0;
  if (cuMemHostGetDevicePointer(&address, data_, 0) != CUDA_SUCCESS)
    return reinterpret_cast<CUdeviceptr>(data_);
  return address;
}

int node_of(const void* data) {
  int node = -1;
  if (get_mempolicy(&node, nullptr, 0, const_cast<void*>(data), MPOL_F_NODE | MPOL_F_ADDR) != 0) return -1;
  return node;
}

}  // namespace millrace::cuda
