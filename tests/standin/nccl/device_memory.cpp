// SPDX-License-Identifier: Apache-2.0
#include "nccl/device_memory.hpp"

#include <algorithm>
#include <cctype>
#include <string>

#include "machine/machine.hpp"

namespace millrace::standin::nccl {
namespace {

int gpu_of(CUdevice device) {
  char pci[32] = {};
  if (cuDeviceGetPCIBusId(pci, sizeof pci, device) != CUDA_SUCCESS) return -1;
  std::string address(pci);
  std::transform(address.begin(), address.end(), address.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  // CUDA's domains may have eight digits.
  for (const GpuDescription& gpu : Machine::instance().description().gpus)
    if (address.ends_with(gpu.pci)) return gpu.index;
  return -1;
}

}  // namespace

int current_gpu() {
  CUdevice device = 0;
  return cuCtxGetDevice(&device) == CUDA_SUCCESS ? gpu_of(device) : -1;
}

std::optional<Range> range_of(std::uint64_t address) {
  unsigned kind = 0;
  int ordinal = -1;
  CUdeviceptr begin = 0;
  std::size_t size = 0;
  const auto ask = [address](void* answer, CUpointer_attribute attribute) {
    return cuPointerGetAttribute(answer, attribute, address) == CUDA_SUCCESS;
  };
  if (!ask(&kind, CU_POINTER_ATTRIBUTE_MEMORY_TYPE) || kind != CU_MEMORYTYPE_DEVICE ||
      !ask(&ordinal, CU_POINTER_ATTRIBUTE_DEVICE_ORDINAL) ||
      !ask(&begin, CU_POINTER_ATTRIBUTE_RANGE_START_ADDR) || !ask(&size, CU_POINTER_ATTRIBUTE_RANGE_SIZE))
    return std::nullopt;
  CUdevice device = 0;
  if (cuDeviceGet(&device, ordinal) != CUDA_SUCCESS) return std::nullopt;
  return Range{gpu_of(device), begin, size};
}

}  // namespace millrace::standin::nccl
