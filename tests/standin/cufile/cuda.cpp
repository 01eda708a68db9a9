// SPDX-License-Identifier: Apache-2.0
#include "cuda.hpp"

#include <dlfcn.h>

#include <array>
#include <cstdio>
#include <cstring>

#include "machine/machine.hpp"
#include "misuse.hpp"

namespace millrace::standin {
namespace {

template <typename Function>
Function find(const char* name) {
  static void* const library = dlopen("libcuda.so.1", RTLD_NOW | RTLD_NOLOAD);
  if (library == nullptr) misuse("no libcuda.so.1 is loaded: CUDA must be initialised before cuFile");
  void* const found = dlsym(library, name);
  if (found == nullptr) misuse(std::string("this libcuda.so.1 has no ") + name);
  return reinterpret_cast<Function>(found);
}

#define MILLRACE_CUDA(call) find<decltype(&call)>(#call)

// "GPU-0011…" of 16 bytes, as the description writes it.
std::string text_of(const CUuuid& uuid) {
  std::string text = "GPU";
  for (std::size_t i = 0; i < sizeof uuid.bytes; ++i) {
    char digits[3];
    std::snprintf(digits, sizeof digits, "%02x", static_cast<unsigned char>(uuid.bytes[i]));
    text += (i == 0 || i == 4 || i == 6 || i == 8 || i == 10) ? std::string("-") + digits : digits;
  }
  return text;
}

int gpu_of(int ordinal) {
  CUdevice device = 0;
  CUuuid uuid{};
  if (MILLRACE_CUDA(cuDeviceGet)(&device, ordinal) != CUDA_SUCCESS ||
      find<CUresult (*)(CUuuid*, CUdevice)>("cuDeviceGetUuid_v2")(&uuid, device) != CUDA_SUCCESS)
    misuse("the CUDA driver does not know the device of its own memory");
  for (const GpuDescription& gpu : Machine::instance().description().gpus)
    if (gpu.uuid == text_of(uuid)) return gpu.index;
  misuse("the CUDA driver names a device that the machine has not");
}

}  // namespace

bool has_context() {
  CUcontext context = nullptr;
  return MILLRACE_CUDA(cuCtxGetCurrent)(&context) == CUDA_SUCCESS && context != nullptr;
}

std::optional<Allocation> allocation_of(const void* address) {
  const auto pointer = reinterpret_cast<CUdeviceptr>(address);
  const auto ask = MILLRACE_CUDA(cuPointerGetAttribute);
  unsigned kind = 0;
  int ordinal = 0;
  CUdeviceptr begin = 0;
  std::size_t size = 0;
  if (ask(&kind, CU_POINTER_ATTRIBUTE_MEMORY_TYPE, pointer) != CUDA_SUCCESS || kind != CU_MEMORYTYPE_DEVICE ||
      ask(&ordinal, CU_POINTER_ATTRIBUTE_DEVICE_ORDINAL, pointer) != CUDA_SUCCESS ||
      ask(&begin, CU_POINTER_ATTRIBUTE_RANGE_START_ADDR, pointer) != CUDA_SUCCESS ||
      ask(&size, CU_POINTER_ATTRIBUTE_RANGE_SIZE, pointer) != CUDA_SUCCESS)
    return std::nullopt;
  return Allocation{gpu_of(ordinal), begin, size};
}

CUresult launch_host_function(CUstream stream, CUhostFn function, void* data) {
  return MILLRACE_CUDA(cuLaunchHostFunc)(stream, function, data);
}

bool is_stream(CUstream stream) {
  const CUresult asked = MILLRACE_CUDA(cuStreamQuery)(stream);
  return asked == CUDA_SUCCESS || asked == CUDA_ERROR_NOT_READY;
}

}  // namespace millrace::standin
