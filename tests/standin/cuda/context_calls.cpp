// SPDX-License-Identifier: Apache-2.0
// Primary contexts and which is current. Contexts of its own (cuCtxCreate) nobody here makes.
#include <map>

#include "cuda/driver.hpp"

using namespace millrace::standin;
using namespace millrace::standin::cuda;

namespace {

// One for each device, never freed: what uses one that was released is found out by its count.
CUcontext primary(CUdevice device) {
  static auto* const all = new std::map<CUdevice, CUcontext>;
  const std::lock_guard guard(lock());
  CUcontext& context = (*all)[device];
  if (context == nullptr) {
    context = new CUctx_st;
    context->device = device;
    context->gpu = visible_gpus()[static_cast<std::size_t>(device)];
  }
  return context;
}

bool exists(CUdevice device) {
  return device >= 0 && static_cast<std::size_t>(device) < visible_gpus().size();
}

}  // namespace

extern "C" {

CUresult CUDAAPI cuDevicePrimaryCtxRetain(CUcontext* context, CUdevice device) {
  if (!is_initialised()) return CUDA_ERROR_NOT_INITIALIZED;
  if (!exists(device)) return CUDA_ERROR_INVALID_DEVICE;
  if (const CUresult entered = enter("cuDevicePrimaryCtxRetain", primary(device)); entered != CUDA_SUCCESS)
    return entered;
  const std::lock_guard guard(lock());
  *context = primary(device);
  ++(*context)->retained;
  return CUDA_SUCCESS;
}

CUresult CUDAAPI cuDevicePrimaryCtxRelease(CUdevice device) {
  if (!exists(device)) return CUDA_ERROR_INVALID_DEVICE;
  const std::lock_guard guard(lock());
  CUcontext context = primary(device);
  if (context->retained == 0)
    return misuse(CUDA_ERROR_INVALID_CONTEXT, "a primary context was released once too often");
  --context->retained;
  return CUDA_SUCCESS;
}

CUresult CUDAAPI cuDevicePrimaryCtxSetFlags(CUdevice device, unsigned int) {
  return exists(device) ? enter_without_context("cuDevicePrimaryCtxSetFlags") : CUDA_ERROR_INVALID_DEVICE;
}

CUresult CUDAAPI cuDevicePrimaryCtxGetState(CUdevice device, unsigned int* flags, int* active) {
  if (!exists(device)) return CUDA_ERROR_INVALID_DEVICE;
  *flags = 0;
  *active = primary(device)->retained > 0 ? 1 : 0;
  return enter_without_context("cuDevicePrimaryCtxGetState");
}

CUresult CUDAAPI cuCtxSetCurrent(CUcontext context) {
  if (!is_initialised()) return CUDA_ERROR_NOT_INITIALIZED;
  if (context != nullptr && context->retained == 0)
    return misuse(CUDA_ERROR_CONTEXT_IS_DESTROYED, "a context was made current that nobody holds");
  auto& stack = context_stack();
  if (stack.empty())
    stack.push_back(context);
  else
    stack.back() = context;
  return CUDA_SUCCESS;
}

CUresult CUDAAPI cuCtxGetCurrent(CUcontext* context) {
  *context = current();
  return is_initialised() ? CUDA_SUCCESS : CUDA_ERROR_NOT_INITIALIZED;
}

CUresult CUDAAPI cuCtxPushCurrent(CUcontext context) {
  if (context == nullptr) return CUDA_ERROR_INVALID_CONTEXT;
  context_stack().push_back(context);
  return CUDA_SUCCESS;
}

CUresult CUDAAPI cuCtxPopCurrent(CUcontext* context) {
  if (context_stack().empty()) return CUDA_ERROR_INVALID_CONTEXT;
  if (context != nullptr) *context = current();
  context_stack().pop_back();
  return CUDA_SUCCESS;
}

CUresult CUDAAPI cuCtxGetDevice(CUdevice* device) {
  if (current() == nullptr) return CUDA_ERROR_INVALID_CONTEXT;
  *device = current()->device;
  return CUDA_SUCCESS;
}

CUresult CUDAAPI cuCtxGetStreamPriorityRange(int* least, int* greatest) {
  if (least != nullptr) *least = 0;
  if (greatest != nullptr) *greatest = -5;
  return enter_current("cuCtxGetStreamPriorityRange");
}

CUresult CUDAAPI cuCtxSynchronize() {
  if (const CUresult entered = enter_current("cuCtxSynchronize"); entered != CUDA_SUCCESS) return entered;
  std::set<CUstream> streams;
  {
    const std::lock_guard guard(lock());
    streams = current()->streams;
    if (current()->default_stream != nullptr) streams.insert(current()->default_stream);
  }
  for (CUstream stream : streams) stream->timeline->wait_idle();
  return static_cast<CUresult>(current()->sticky.load());
}

CUresult CUDAAPI cuCtxEnablePeerAccess(CUcontext peer, unsigned int flags) {
  if (flags != 0 || peer == nullptr) return CUDA_ERROR_INVALID_VALUE;
  if (const CUresult entered = enter_current("cuCtxEnablePeerAccess"); entered != CUDA_SUCCESS)
    return entered;
  int can = 0;
  cuDeviceCanAccessPeer(&can, current()->device, peer->device);
  if (can == 0) return CUDA_ERROR_PEER_ACCESS_UNSUPPORTED;
  const std::lock_guard guard(lock());
  return current()->peers.insert(peer).second ? CUDA_SUCCESS : CUDA_ERROR_PEER_ACCESS_ALREADY_ENABLED;
}

CUresult CUDAAPI cuCtxDisablePeerAccess(CUcontext peer) {
  if (const CUresult entered = enter_current("cuCtxDisablePeerAccess"); entered != CUDA_SUCCESS)
    return entered;
  const std::lock_guard guard(lock());
  return current()->peers.erase(peer) == 1 ? CUDA_SUCCESS : CUDA_ERROR_PEER_ACCESS_NOT_ENABLED;
}
}
