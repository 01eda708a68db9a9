// SPDX-License-Identifier: Apache-2.0
// cuInit, cuDriverGetVersion, cuDevice….
#include <algorithm>
#include <cctype>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "cuda/driver.hpp"

using namespace millrace::standin;
using namespace millrace::standin::cuda;

namespace {

CUresult find_gpu(const char* call, CUdevice device, const GpuDescription*& gpu) {
  if (const CUresult entered = enter_without_context(call); entered != CUDA_SUCCESS) return entered;
  if (device < 0 || static_cast<std::size_t>(device) >= visible_gpus().size())
    return CUDA_ERROR_INVALID_DEVICE;
  gpu = &Machine::instance()
             .description()
             .gpus[static_cast<std::size_t>(visible_gpus()[static_cast<std::size_t>(device)])];
  return CUDA_SUCCESS;
}

int attribute_of(const GpuDescription& gpu, CUdevice_attribute attribute) {
  switch (attribute) {
    case CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT:
      return 8;
    case CU_DEVICE_ATTRIBUTE_MAX_THREADS_PER_BLOCK:
      return 1024;
    case CU_DEVICE_ATTRIBUTE_WARP_SIZE:
      return 32;
    case CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR:
      return 9;
    case CU_DEVICE_ATTRIBUTE_CLOCK_RATE:
      return 1'980'000;
    case CU_DEVICE_ATTRIBUTE_L2_CACHE_SIZE:
      return 1 << 20;
    case CU_DEVICE_ATTRIBUTE_ASYNC_ENGINE_COUNT:
      return 3;
    case CU_DEVICE_ATTRIBUTE_PCI_DOMAIN_ID:
      return static_cast<int>(std::strtol(gpu.pci.c_str(), nullptr, 16));
    case CU_DEVICE_ATTRIBUTE_PCI_BUS_ID:
      return static_cast<int>(std::strtol(gpu.pci.c_str() + 5, nullptr, 16));
    case CU_DEVICE_ATTRIBUTE_PCI_DEVICE_ID:
      return static_cast<int>(std::strtol(gpu.pci.c_str() + 8, nullptr, 16));
    case CU_DEVICE_ATTRIBUTE_UNIFIED_ADDRESSING:
    case CU_DEVICE_ATTRIBUTE_CAN_MAP_HOST_MEMORY:
    case CU_DEVICE_ATTRIBUTE_CAN_USE_HOST_POINTER_FOR_REGISTERED_MEM:
    case CU_DEVICE_ATTRIBUTE_DMA_BUF_SUPPORTED:
    case CU_DEVICE_ATTRIBUTE_GPU_DIRECT_RDMA_SUPPORTED:
      return 1;
    default:
      return 0;
  }
}

}  // namespace

extern "C" {

CUresult CUDAAPI cuInit(unsigned int flags) {
  if (flags != 0) return CUDA_ERROR_INVALID_VALUE;
  if (const auto fault = Machine::instance().fault("cuda", "cuInit", -1)) {
    if (fault->what == FaultKind::kHang) hang();
    return result_named(fault->error).value_or(CUDA_ERROR_UNKNOWN);
  }
  return initialise();
}

CUresult CUDAAPI cuDriverGetVersion(int* version) {
  *version = Machine::instance().description().driver_version;
  return CUDA_SUCCESS;
}

CUresult CUDAAPI cuDeviceGetCount(int* count) {
  if (const CUresult entered = enter_without_context("cuDeviceGetCount"); entered != CUDA_SUCCESS)
    return entered;
  *count = static_cast<int>(visible_gpus().size());
  return CUDA_SUCCESS;
}

CUresult CUDAAPI cuDeviceGet(CUdevice* device, int ordinal) {
  const GpuDescription* gpu = nullptr;
  *device = ordinal;
  return find_gpu("cuDeviceGet", ordinal, gpu);
}

CUresult CUDAAPI cuDeviceGetName(char* name, int length, CUdevice device) {
  const GpuDescription* gpu = nullptr;
  if (const CUresult found = find_gpu("cuDeviceGetName", device, gpu); found != CUDA_SUCCESS) return found;
  std::snprintf(name, static_cast<std::size_t>(length), "Millrace stand-in GPU");
  return CUDA_SUCCESS;
}

CUresult CUDAAPI cuDeviceGetUuid(CUuuid* uuid, CUdevice device) {
  const GpuDescription* gpu = nullptr;
  if (const CUresult found = find_gpu("cuDeviceGetUuid", device, gpu); found != CUDA_SUCCESS) return found;
  std::string digits;
  for (const char c : gpu->uuid.substr(4))
    if (c != '-') digits += c;
  for (std::size_t i = 0; i < 16; ++i)
    uuid->bytes[i] = static_cast<char>(std::strtol(digits.substr(2 * i, 2).c_str(), nullptr, 16));
  return CUDA_SUCCESS;
}

CUresult CUDAAPI cuDeviceGetPCIBusId(char* text, int length, CUdevice device) {
  const GpuDescription* gpu = nullptr;
  if (const CUresult found = find_gpu("cuDeviceGetPCIBusId", device, gpu); found != CUDA_SUCCESS)
    return found;
  std::string pci = gpu->pci;
  std::transform(pci.begin(), pci.end(), pci.begin(), [](unsigned char c) { return std::toupper(c); });
  std::snprintf(text, static_cast<std::size_t>(length), "%s", pci.c_str());
  return CUDA_SUCCESS;
}

CUresult CUDAAPI cuDeviceGetByPCIBusId(CUdevice* device, const char* text) {
  if (const CUresult entered = enter_without_context("cuDeviceGetByPCIBusId"); entered != CUDA_SUCCESS)
    return entered;
  for (std::size_t i = 0; i < visible_gpus().size(); ++i)
    if (strcasecmp(
            Machine::instance().description().gpus[static_cast<std::size_t>(visible_gpus()[i])].pci.c_str(),
            text) == 0) {
      *device = static_cast<CUdevice>(i);
      return CUDA_SUCCESS;
    }
  return CUDA_ERROR_INVALID_DEVICE;
}

CUresult CUDAAPI cuDeviceTotalMem(size_t* bytes, CUdevice device) {
  const GpuDescription* gpu = nullptr;
  if (const CUresult found = find_gpu("cuDeviceTotalMem", device, gpu); found != CUDA_SUCCESS) return found;
  *bytes = gpu->memory_bytes;
  return CUDA_SUCCESS;
}

CUresult CUDAAPI cuDeviceGetAttribute(int* value, CUdevice_attribute attribute, CUdevice device) {
  const GpuDescription* gpu = nullptr;
  if (const CUresult found = find_gpu("cuDeviceGetAttribute", device, gpu); found != CUDA_SUCCESS)
    return found;
  *value = attribute_of(*gpu, attribute);
  return CUDA_SUCCESS;
}

CUresult CUDAAPI cuDeviceCanAccessPeer(int* can, CUdevice device, CUdevice peer) {
  const GpuDescription *gpu = nullptr, *other = nullptr;
  if (const CUresult found = find_gpu("cuDeviceCanAccessPeer", device, gpu); found != CUDA_SUCCESS)
    return found;
  if (const CUresult found = find_gpu("cuDeviceCanAccessPeer", peer, other); found != CUDA_SUCCESS)
    return found;
  // As on most hosts: by NVLink, or below one switch; not through two roots.
  const bool below_one = !gpu->pcie_switch.empty() && gpu->pcie_switch == other->pcie_switch;
  *can = gpu != other && (below_one || Machine::instance().nvlink_between(gpu->index, other->index)) ? 1 : 0;
  return CUDA_SUCCESS;
}

CUresult CUDAAPI cuDeviceGetP2PAttribute(int* value, CUdevice_P2PAttribute attribute, CUdevice device,
                                         CUdevice peer) {
  if (attribute == CU_DEVICE_P2P_ATTRIBUTE_ACCESS_SUPPORTED)
    return cuDeviceCanAccessPeer(value, device, peer);
  *value = 0;
  return enter_without_context("cuDeviceGetP2PAttribute");
}
}
