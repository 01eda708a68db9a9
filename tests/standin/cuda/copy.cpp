// SPDX-License-Identifier: Apache-2.0
#include "cuda/copy.hpp"

#include <algorithm>
#include <cstring>

#include "cuda/host_ranges.hpp"
#include "machine/gpu_memory.hpp"

namespace millrace::standin::cuda {
namespace {

// -1: host memory, pinned or not. False: a part of a GPU's window in which nothing is allocated.
bool place_of(std::uint64_t address, std::uint64_t size, int& gpu, bool& pinned) {
  gpu = GpuMemory::instance().gpu_of(address);
  if (gpu < 0) {
    const auto range = find_host_range(address);
    pinned = range && address + size <= range->begin + range->size;
    return true;
  }
  pinned = true;
  const auto range = GpuMemory::instance().find(address);
  return range && address + size <= range->begin + range->size;
}

void count(const Copy& copy, std::uint64_t bytes) {
  Machine& machine = Machine::instance();
  if (copy.from_gpu == copy.to_gpu && copy.from_gpu >= 0) {
    machine.gpu(copy.from_gpu).bytes_memory += 2 * bytes;
    return;
  }
  if (copy.from_gpu >= 0) machine.gpu(copy.from_gpu).bytes_out += bytes;
  if (copy.to_gpu >= 0) machine.gpu(copy.to_gpu).bytes_in += bytes;
}

}  // namespace

CUresult plan_copy(CUcontext context, std::uint64_t to, std::uint64_t from, std::uint64_t size, Copy& copy) {
  bool from_pinned = false, to_pinned = false;
  copy.to = to;
  copy.from = from;
  copy.size = size;
  if (!place_of(from, size, copy.from_gpu, from_pinned) || !place_of(to, size, copy.to_gpu, to_pinned))
    return misuse(CUDA_ERROR_INVALID_VALUE, "a copy reaches device memory that is not allocated");
  const Machine& machine = Machine::instance();
  if (copy.from_gpu >= 0 && copy.to_gpu >= 0)
    copy.path = machine.gpu_to_gpu(copy.from_gpu, copy.to_gpu);
  else if (copy.from_gpu >= 0)
    copy.path = machine.gpu_to_host(copy.from_gpu);
  else if (copy.to_gpu >= 0)
    copy.path = machine.host_to_gpu(copy.to_gpu);
  if (context != nullptr && !(from_pinned && to_pinned)) copy.slower = 2;
  return CUDA_SUCCESS;
}

std::int64_t play_copy(const Copy& copy, std::int64_t ready_ns) {
  if (copy.trouble.hang) hang();
  Machine& machine = Machine::instance();
  const std::uint64_t part = machine.part_of(copy.path);
  auto* const to = reinterpret_cast<std::byte*>(copy.to);
  const auto* const from = reinterpret_cast<const std::byte*>(copy.from);
  std::int64_t end_ns = ready_ns;
  for (std::uint64_t at = 0; at < copy.size; at += part) {
    const std::uint64_t now = std::min(part, copy.size - at);
    end_ns = machine.transfer(copy.path, now, end_ns, copy.slower * copy.trouble.slower);
    std::memmove(to + at, from + at, now);
    count(copy, now);
    sleep_until(end_ns);
  }
  if (copy.trouble.wrong_data && copy.size > 0)
    to[copy.size / 2] = static_cast<std::byte>(std::to_integer<unsigned>(to[copy.size / 2]) + 1U);
  return end_ns;
}

}  // namespace millrace::standin::cuda
