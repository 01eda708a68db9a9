// SPDX-License-Identifier: Apache-2.0
// Modules, functions and launches.
#include <cstring>
#include <map>

#include "cuda/kernels.hpp"

using namespace millrace::standin::cuda;

struct CUfunc_st {
  std::string name;
  CUcontext context = nullptr;
};

struct CUmod_st {
  CUcontext context = nullptr;
  std::map<std::string, CUfunc_st> functions;
};

namespace {

// A fat binary (fatbinary.h's magic number), a cubin (ELF), or PTX text.
bool is_image(const void* image) {
  constexpr unsigned char kFatBinary[] = {0x50, 0xED, 0x55, 0xBA}, kElf[] = {0x7F, 'E', 'L', 'F'};
  return std::memcmp(image, kFatBinary, 4) == 0 || std::memcmp(image, kElf, 4) == 0 ||
         std::memcmp(image, "//", 2) == 0;
}

}  // namespace

extern "C" {

CUresult CUDAAPI cuModuleLoadData(CUmodule* module, const void* image) {
  if (const CUresult entered = enter_current("cuModuleLoadData"); entered != CUDA_SUCCESS) return entered;
  if (image == nullptr) return CUDA_ERROR_INVALID_VALUE;
  if (!is_image(image)) return misuse(CUDA_ERROR_INVALID_IMAGE, "what was loaded is no image of kernels");
  *module = new CUmod_st{current(), {}};
  return CUDA_SUCCESS;
}

CUresult CUDAAPI cuModuleUnload(CUmodule module) {
  delete module;
  return CUDA_SUCCESS;
}

CUresult CUDAAPI cuModuleGetFunction(CUfunction* function, CUmodule module, const char* name) {
  if (const CUresult entered = enter_current("cuModuleGetFunction"); entered != CUDA_SUCCESS) return entered;
  if (!is_known_kernel(name))
    return misuse(CUDA_ERROR_NOT_FOUND, std::string("it cannot play a kernel named ") + name);
  *function = &module->functions.try_emplace(name, CUfunc_st{name, module->context}).first->second;
  return CUDA_SUCCESS;
}

CUresult CUDAAPI cuLaunchKernel(CUfunction function, unsigned int grid_x, unsigned int grid_y,
                                unsigned int grid_z, unsigned int block_x, unsigned int block_y,
                                unsigned int block_z, unsigned int, CUstream given, void** arguments,
                                void**) {
  if (function == nullptr) return CUDA_ERROR_INVALID_HANDLE;
  CUstream stream = nullptr;
  Trouble trouble;
  if (const CUresult entered = enter_current("cuLaunchKernel", &trouble); entered != CUDA_SUCCESS)
    return entered;
  if (function->context != current())
    return misuse(CUDA_ERROR_INVALID_HANDLE, "a kernel was launched in another context than its module's");
  if (const CUresult found = find_stream(given, current(), stream); found != CUDA_SUCCESS) return found;
  if (grid_x * grid_y * grid_z == 0 || block_x * block_y * block_z == 0 || block_x * block_y * block_z > 1024)
    return misuse(CUDA_ERROR_INVALID_VALUE,
                  "a launch without blocks or threads, or with more than 1024 a block");
  Operation play;
  if (const CUresult planned = plan_kernel(function->name, current(), arguments, trouble, play);
      planned != CUDA_SUCCESS)
    return planned;
  add(stream, std::move(play));
  return CUDA_SUCCESS;
}
}
