// SPDX-License-Identifier: Apache-2.0
// cuMemcpy… and cuMemset….
#include <cstring>

#include "cuda/copy.hpp"

using namespace millrace::standin;
using namespace millrace::standin::cuda;

namespace {

std::uint64_t pointer_address(const void* pointer) { return reinterpret_cast<std::uint64_t>(pointer); }

CUresult copy_async(const char* call, std::uint64_t to, std::uint64_t from, std::size_t size,
                    CUstream given) {
  CUstream stream = nullptr;
  Copy copy;
  if (const CUresult entered = enter_current(call, &copy.trouble); entered != CUDA_SUCCESS) return entered;
  if (const CUresult found = find_stream(given, current(), stream); found != CUDA_SUCCESS) return found;
  if (size == 0) return CUDA_SUCCESS;
  if (const CUresult planned = plan_copy(current(), to, from, size, copy); planned != CUDA_SUCCESS)
    return planned;
  add(stream, [copy](std::int64_t ready_ns) { return play_copy(copy, ready_ns); });
  return CUDA_SUCCESS;
}

CUresult copy_now(const char* call, std::uint64_t to, std::uint64_t from, std::size_t size) {
  if (const CUresult queued = copy_async(call, to, from, size, nullptr); queued != CUDA_SUCCESS)
    return queued;
  return cuStreamSynchronize(nullptr);
}

template <typename Word>
CUresult set_async(const char* call, CUdeviceptr to, Word value, std::size_t count, CUstream given) {
  CUstream stream = nullptr;
  Copy copy;
  if (const CUresult entered = enter_current(call, &copy.trouble); entered != CUDA_SUCCESS) return entered;
  if (const CUresult found = find_stream(given, current(), stream); found != CUDA_SUCCESS) return found;
  if (to % sizeof(Word) != 0)
    return misuse(CUDA_ERROR_INVALID_VALUE, "cuMemset at an address that is not aligned");
  if (count == 0) return CUDA_SUCCESS;
  if (const CUresult planned = plan_copy(current(), to, to, count * sizeof(Word), copy);
      planned != CUDA_SUCCESS)
    return planned;
  if (copy.to_gpu < 0) return CUDA_ERROR_INVALID_VALUE;
  copy.path = Machine::instance().gpu_memory(copy.to_gpu);
  add(stream, [copy, to, value, count](std::int64_t ready_ns) {
    if (copy.trouble.hang) hang();
    const std::int64_t end_ns = Machine::instance().transfer(copy.path, count * sizeof(Word), ready_ns);
    for (std::size_t i = 0; i < count; ++i) reinterpret_cast<Word*>(to)[i] = value;
    return end_ns;
  });
  return CUDA_SUCCESS;
}

}  // namespace

extern "C" {

CUresult CUDAAPI cuMemcpyAsync(CUdeviceptr to, CUdeviceptr from, size_t size, CUstream stream) {
  return copy_async("cuMemcpyAsync", to, from, size, stream);
}
CUresult CUDAAPI cuMemcpyHtoDAsync(CUdeviceptr to, const void* from, size_t size, CUstream stream) {
  return copy_async("cuMemcpyHtoDAsync", to, pointer_address(from), size, stream);
}
CUresult CUDAAPI cuMemcpyDtoHAsync(void* to, CUdeviceptr from, size_t size, CUstream stream) {
  return copy_async("cuMemcpyDtoHAsync", pointer_address(to), from, size, stream);
}
CUresult CUDAAPI cuMemcpyDtoDAsync(CUdeviceptr to, CUdeviceptr from, size_t size, CUstream stream) {
  return copy_async("cuMemcpyDtoDAsync", to, from, size, stream);
}
CUresult CUDAAPI cuMemcpyPeerAsync(CUdeviceptr to, CUcontext, CUdeviceptr from, CUcontext, size_t size,
                                   CUstream stream) {
  return copy_async("cuMemcpyPeerAsync", to, from, size, stream);
}
CUresult CUDAAPI cuMemcpy(CUdeviceptr to, CUdeviceptr from, size_t size) {
  return copy_now("cuMemcpy", to, from, size);
}
CUresult CUDAAPI cuMemcpyHtoD(CUdeviceptr to, const void* from, size_t size) {
  return copy_now("cuMemcpyHtoD", to, pointer_address(from), size);
}
CUresult CUDAAPI cuMemcpyDtoH(void* to, CUdeviceptr from, size_t size) {
  return copy_now("cuMemcpyDtoH", pointer_address(to), from, size);
}
CUresult CUDAAPI cuMemcpyDtoD(CUdeviceptr to, CUdeviceptr from, size_t size) {
  return copy_now("cuMemcpyDtoD", to, from, size);
}

CUresult CUDAAPI cuMemsetD8Async(CUdeviceptr to, unsigned char value, size_t count, CUstream stream) {
  return set_async<unsigned char>("cuMemsetD8Async", to, value, count, stream);
}
CUresult CUDAAPI cuMemsetD32Async(CUdeviceptr to, unsigned int value, size_t count, CUstream stream) {
  return set_async<unsigned int>("cuMemsetD32Async", to, value, count, stream);
}
CUresult CUDAAPI cuMemsetD8(CUdeviceptr to, unsigned char value, size_t count) {
  const CUresult queued = set_async<unsigned char>("cuMemsetD8", to, value, count, nullptr);
  return queued == CUDA_SUCCESS ? cuStreamSynchronize(nullptr) : queued;
}
CUresult CUDAAPI cuMemsetD32(CUdeviceptr to, unsigned int value, size_t count) {
  const CUresult queued = set_async<unsigned int>("cuMemsetD32", to, value, count, nullptr);
  return queued == CUDA_SUCCESS ? cuStreamSynchronize(nullptr) : queued;
}
}
