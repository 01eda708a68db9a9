// SPDX-License-Identifier: Apache-2.0
// Memory of devices, pinned host memory, and what a pointer is.
#include <sys/mman.h>
#include <unistd.h>

#include <cstring>

#include "cuda/driver.hpp"
#include "cuda/host_ranges.hpp"
#include "machine/gpu_memory.hpp"

using namespace millrace::standin;
using namespace millrace::standin::cuda;

namespace {

std::uint64_t address_of(const void* pointer) { return reinterpret_cast<std::uint64_t>(pointer); }

int ordinal_of(int gpu) {
  for (std::size_t i = 0; i < visible_gpus().size(); ++i)
    if (visible_gpus()[i] == gpu) return static_cast<int>(i);
  return -1;
}

CUresult attribute_of_device_memory(void* data, CUpointer_attribute attribute,
                                    const GpuMemory::Range& range) {
  switch (attribute) {
    case CU_POINTER_ATTRIBUTE_MEMORY_TYPE:
      *static_cast<unsigned*>(data) = CU_MEMORYTYPE_DEVICE;
      return CUDA_SUCCESS;
    case CU_POINTER_ATTRIBUTE_DEVICE_ORDINAL:
      *static_cast<int*>(data) = ordinal_of(range.gpu);
      return CUDA_SUCCESS;
    case CU_POINTER_ATTRIBUTE_RANGE_START_ADDR:
    case CU_POINTER_ATTRIBUTE_DEVICE_POINTER:
      *static_cast<CUdeviceptr*>(data) = range.begin;
      return CUDA_SUCCESS;
    case CU_POINTER_ATTRIBUTE_RANGE_SIZE:
      *static_cast<std::size_t*>(data) = range.size;
      return CUDA_SUCCESS;
    default:
      return CUDA_ERROR_INVALID_VALUE;
  }
}

CUresult attribute_of_host_memory(void* data, CUpointer_attribute attribute, const HostRange& range,
                                  CUdeviceptr pointer) {
  switch (attribute) {
    case CU_POINTER_ATTRIBUTE_MEMORY_TYPE:
      *static_cast<unsigned*>(data) = CU_MEMORYTYPE_HOST;
      return CUDA_SUCCESS;
    case CU_POINTER_ATTRIBUTE_DEVICE_ORDINAL:
      *static_cast<int*>(data) = current() == nullptr ? 0 : current()->device;
      return CUDA_SUCCESS;
    case CU_POINTER_ATTRIBUTE_RANGE_START_ADDR:
      *static_cast<CUdeviceptr*>(data) = range.begin;
      return CUDA_SUCCESS;
    case CU_POINTER_ATTRIBUTE_DEVICE_POINTER:
    case CU_POINTER_ATTRIBUTE_HOST_POINTER:
      *static_cast<CUdeviceptr*>(data) = pointer;
      return CUDA_SUCCESS;
    case CU_POINTER_ATTRIBUTE_RANGE_SIZE:
      *static_cast<std::size_t*>(data) = range.size;
      return CUDA_SUCCESS;
    default:
      return CUDA_ERROR_INVALID_VALUE;
  }
}

}  // namespace

extern "C" {

CUresult CUDAAPI cuMemGetInfo(size_t* free, size_t* total) {
  if (const CUresult entered = enter_current("cuMemGetInfo"); entered != CUDA_SUCCESS) return entered;
  *free = GpuMemory::instance().free_bytes(current()->gpu);
  *total = Machine::instance().description().gpus[static_cast<std::size_t>(current()->gpu)].memory_bytes;
  return CUDA_SUCCESS;
}

CUresult CUDAAPI cuMemAlloc(CUdeviceptr* pointer, size_t size) {
  if (const CUresult entered = enter_current("cuMemAlloc"); entered != CUDA_SUCCESS) return entered;
  if (size == 0) return CUDA_ERROR_INVALID_VALUE;
  const auto address = GpuMemory::instance().allocate(current()->gpu, size);
  *pointer = address.value_or(0);
  return address ? CUDA_SUCCESS : CUDA_ERROR_OUT_OF_MEMORY;
}

// Waits for all work of the device first, as the vendor's does.
CUresult CUDAAPI cuMemFree(CUdeviceptr pointer) {
  if (pointer == 0) return CUDA_SUCCESS;
  if (const CUresult entered = enter_current("cuMemFree"); entered != CUDA_SUCCESS) return entered;
  cuCtxSynchronize();
  if (GpuMemory::instance().free(pointer)) return CUDA_SUCCESS;
  return misuse(CUDA_ERROR_INVALID_VALUE, "device memory was freed that is not allocated");
}

CUresult CUDAAPI cuMemHostAlloc(void** pointer, size_t size, unsigned int) {
  if (const CUresult entered = enter_current("cuMemHostAlloc"); entered != CUDA_SUCCESS) return entered;
  void* at = size == 0 ? MAP_FAILED
                       : mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (at == MAP_FAILED) return CUDA_ERROR_OUT_OF_MEMORY;
  *pointer = at;
  return add_host_range({address_of(at), size, true});
}

CUresult CUDAAPI cuMemFreeHost(void* pointer) {
  if (!is_initialised()) return CUDA_ERROR_NOT_INITIALIZED;
  HostRange range;
  if (!remove_host_range(address_of(pointer), true, range))
    return misuse(CUDA_ERROR_INVALID_VALUE, "host memory was freed that cuMemHostAlloc did not allocate");
  munmap(pointer, range.size);
  return CUDA_SUCCESS;
}

CUresult CUDAAPI cuMemHostRegister(void* pointer, size_t size, unsigned int) {
  if (const CUresult entered = enter_current("cuMemHostRegister"); entered != CUDA_SUCCESS) return entered;
  if (pointer == nullptr || size == 0) return CUDA_ERROR_INVALID_VALUE;
  return add_host_range({address_of(pointer), size, false});
}

CUresult CUDAAPI cuMemHostUnregister(void* pointer) {
  if (!is_initialised()) return CUDA_ERROR_NOT_INITIALIZED;
  HostRange range;
  if (remove_host_range(address_of(pointer), false, range)) return CUDA_SUCCESS;
  return misuse(CUDA_ERROR_HOST_MEMORY_NOT_REGISTERED, "host memory was unregistered that is not registered");
}

CUresult CUDAAPI cuMemHostGetDevicePointer(CUdeviceptr* device, void* host, unsigned int flags) {
  if (flags != 0) return CUDA_ERROR_INVALID_VALUE;
  if (const CUresult entered = enter_current("cuMemHostGetDevicePointer"); entered != CUDA_SUCCESS)
    return entered;
  if (!find_host_range(address_of(host)))
    return misuse(CUDA_ERROR_INVALID_VALUE, "host memory that is not pinned has no device pointer");
  *device = address_of(host);
  return CUDA_SUCCESS;
}

CUresult CUDAAPI cuPointerGetAttribute(void* data, CUpointer_attribute attribute, CUdeviceptr pointer) {
  if (!is_initialised()) return CUDA_ERROR_NOT_INITIALIZED;
  if (const auto range = GpuMemory::instance().find(pointer))
    return attribute_of_device_memory(data, attribute, *range);
  if (const auto range = find_host_range(pointer))
    return attribute_of_host_memory(data, attribute, *range, pointer);
  return CUDA_ERROR_INVALID_VALUE;
}

CUresult CUDAAPI cuMemGetAddressRange(CUdeviceptr* begin, size_t* size, CUdeviceptr pointer) {
  if (const CUresult entered = enter_current("cuMemGetAddressRange"); entered != CUDA_SUCCESS) return entered;
  const auto range = GpuMemory::instance().find(pointer);
  if (!range) return CUDA_ERROR_NOT_FOUND;
  if (begin != nullptr) *begin = range->begin;
  if (size != nullptr) *size = range->size;
  return CUDA_SUCCESS;
}

// The descriptor is of the file that holds the GPU's memory: it stands for a dma-buf that nobody here
// imports.
CUresult CUDAAPI cuMemGetHandleForAddressRange(void* handle, CUdeviceptr pointer, size_t size,
                                               CUmemRangeHandleType type, unsigned long long) {
  if (const CUresult entered = enter_current("cuMemGetHandleForAddressRange"); entered != CUDA_SUCCESS)
    return entered;
  const auto page = static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
  const auto range = GpuMemory::instance().find(pointer);
  if (type != CU_MEM_RANGE_HANDLE_TYPE_DMA_BUF_FD || !range) return CUDA_ERROR_INVALID_VALUE;
  if (pointer % page != 0 || size % page != 0 || size == 0)
    return misuse(CUDA_ERROR_INVALID_VALUE, "a dma-buf begins and ends at whole pages");
  if (pointer + size > range->begin + (range->size + page - 1) / page * page) return CUDA_ERROR_INVALID_VALUE;
  const int fd = memfd_create("standin-dmabuf", MFD_CLOEXEC);
  if (fd < 0) return CUDA_ERROR_OPERATING_SYSTEM;
  *static_cast<int*>(handle) = fd;
  return CUDA_SUCCESS;
}
}
