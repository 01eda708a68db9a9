// SPDX-License-Identifier: Apache-2.0
// cuGetErrorName, cuGetErrorString, cuGetProcAddress.
#include <dlfcn.h>

#include <array>

#include "cuda/driver.hpp"

namespace {

struct Words {
  CUresult result;
  const char* name;
  const char* text;
};

#define WORDS(name, text) \
  Words { name, #name, text }
// Texts as CUDA's documentation of CUresult has them, shortened as cuGetErrorString does.
constexpr std::array kWords{
    WORDS(CUDA_SUCCESS, "no error"),
    WORDS(CUDA_ERROR_INVALID_VALUE, "invalid argument"),
    WORDS(CUDA_ERROR_OUT_OF_MEMORY, "out of memory"),
    WORDS(CUDA_ERROR_NOT_INITIALIZED, "initialization error"),
    WORDS(CUDA_ERROR_DEINITIALIZED, "driver shutting down"),
    WORDS(CUDA_ERROR_STUB_LIBRARY, "CUDA driver is a stub library"),
    WORDS(CUDA_ERROR_DEVICE_UNAVAILABLE, "CUDA-capable device(s) is/are busy or unavailable"),
    WORDS(CUDA_ERROR_NO_DEVICE, "no CUDA-capable device is detected"),
    WORDS(CUDA_ERROR_INVALID_DEVICE, "invalid device ordinal"),
    WORDS(CUDA_ERROR_INVALID_IMAGE, "device kernel image is invalid"),
    WORDS(CUDA_ERROR_INVALID_CONTEXT, "invalid device context"),
    WORDS(CUDA_ERROR_NO_BINARY_FOR_GPU, "no kernel image is available for execution on the device"),
    WORDS(CUDA_ERROR_ECC_UNCORRECTABLE, "uncorrectable ECC error encountered"),
    WORDS(CUDA_ERROR_PEER_ACCESS_UNSUPPORTED, "peer access is not supported between these two devices"),
    WORDS(CUDA_ERROR_NVLINK_UNCORRECTABLE, "uncorrectable NVLink error detected during the execution"),
    WORDS(CUDA_ERROR_INVALID_HANDLE, "invalid resource handle"),
    WORDS(CUDA_ERROR_NOT_FOUND, "named symbol not found"),
    WORDS(CUDA_ERROR_NOT_READY, "device not ready"),
    WORDS(CUDA_ERROR_ILLEGAL_ADDRESS, "an illegal memory access was encountered"),
    WORDS(CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES, "too many resources requested for launch"),
    WORDS(CUDA_ERROR_LAUNCH_TIMEOUT, "the launch timed out and was terminated"),
    WORDS(CUDA_ERROR_PEER_ACCESS_ALREADY_ENABLED, "peer access is already enabled"),
    WORDS(CUDA_ERROR_PEER_ACCESS_NOT_ENABLED, "peer access has not been enabled"),
    WORDS(CUDA_ERROR_CONTEXT_IS_DESTROYED, "context is destroyed"),
    WORDS(CUDA_ERROR_HOST_MEMORY_ALREADY_REGISTERED,
          "part or all of the requested memory range is already mapped"),
    WORDS(CUDA_ERROR_HOST_MEMORY_NOT_REGISTERED, "pointer does not correspond to a registered memory region"),
    WORDS(CUDA_ERROR_LAUNCH_FAILED, "unspecified launch failure"),
    WORDS(CUDA_ERROR_NOT_PERMITTED, "operation not permitted"),
    WORDS(CUDA_ERROR_NOT_SUPPORTED, "operation not supported"),
    WORDS(CUDA_ERROR_SYSTEM_NOT_READY, "system not yet initialized"),
    WORDS(CUDA_ERROR_SYSTEM_DRIVER_MISMATCH,
          "system has unsupported display driver / cuda driver combination"),
    WORDS(CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED, "operation not permitted when stream is capturing"),
    WORDS(CUDA_ERROR_STREAM_CAPTURE_INVALIDATED, "operation failed due to a previous error during capture"),
    WORDS(CUDA_ERROR_UNKNOWN, "unknown error"),
};
#undef WORDS

const Words* words_of(CUresult result) {
  for (const Words& words : kWords)
    if (words.result == result) return &words;
  return nullptr;
}

}  // namespace

std::optional<CUresult> millrace::standin::cuda::result_named(const std::string& name) {
  for (const Words& words : kWords)
    if (name == words.name) return words.result;
  return std::nullopt;
}

extern "C" {

CUresult CUDAAPI cuGetErrorName(CUresult error, const char** text) {
  const Words* words = words_of(error);
  *text = words == nullptr ? nullptr : words->name;
  return words == nullptr ? CUDA_ERROR_INVALID_VALUE : CUDA_SUCCESS;
}

CUresult CUDAAPI cuGetErrorString(CUresult error, const char** text) {
  const Words* words = words_of(error);
  *text = words == nullptr ? nullptr : words->text;
  return words == nullptr ? CUDA_ERROR_INVALID_VALUE : CUDA_SUCCESS;
}

// The newest variant that this library has.
CUresult CUDAAPI cuGetProcAddress(const char* symbol, void** function, int, cuuint64_t,
                                  CUdriverProcAddressQueryResult* found) {
  Dl_info self{};
  dladdr(reinterpret_cast<void*>(&cuGetErrorName), &self);
  void* const library = dlopen(self.dli_fname, RTLD_NOW | RTLD_NOLOAD);
  *function = nullptr;
  for (const char* variant : {"_v3", "_v2", ""})
    if (*function == nullptr && library != nullptr)
      *function = dlsym(library, (std::string(symbol) + variant).c_str());
  if (found != nullptr)
    *found = *function == nullptr ? CU_GET_PROC_ADDRESS_SYMBOL_NOT_FOUND : CU_GET_PROC_ADDRESS_SUCCESS;
  return CUDA_SUCCESS;
}
}
