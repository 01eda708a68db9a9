// SPDX-License-Identifier: Apache-2.0
// Streams and events.
#include <algorithm>

#include "cuda/driver.hpp"
#include "machine/host_call.hpp"

using namespace millrace::standin;
using namespace millrace::standin::cuda;

namespace {

CUresult entered_by(const char* call, CUevent event) {
  if (event == nullptr) return CUDA_ERROR_INVALID_HANDLE;
  if (!event->is_alive) return misuse(CUDA_ERROR_INVALID_HANDLE, "an event was used that had been destroyed");
  return enter(call, event->context);
}

CUresult make_stream(const char* call, CUstream* stream) {
  if (const CUresult entered = enter_current(call); entered != CUDA_SUCCESS) return entered;
  *stream = new CUstream_st{current(), Timeline::start(), nullptr, true};
  const std::lock_guard guard(lock());
  current()->streams.insert(*stream);
  return CUDA_SUCCESS;
}

}  // namespace

extern "C" {

CUresult CUDAAPI cuStreamCreate(CUstream* stream, unsigned int) {
  return make_stream("cuStreamCreate", stream);
}
CUresult CUDAAPI cuStreamCreateWithPriority(CUstream* stream, unsigned int, int) {
  return make_stream("cuStreamCreateWithPriority", stream);
}

// Returns at once; what was queued is done nevertheless (CUDA Driver API, cuStreamDestroy). The handle is
// kept, to tell who uses it later.
CUresult CUDAAPI cuStreamDestroy(CUstream stream) {
  if (stream == nullptr || !stream->is_alive)
    return misuse(CUDA_ERROR_INVALID_HANDLE, "a stream was destroyed twice");
  const std::lock_guard guard(lock());
  stream->is_alive = false;
  stream->timeline->close();
  stream->context->streams.erase(stream);
  return CUDA_SUCCESS;
}

CUresult CUDAAPI cuStreamQuery(CUstream given) {
  CUstream stream = nullptr;
  if (const CUresult found = find_stream(given, given == nullptr ? current() : nullptr, stream);
      found != CUDA_SUCCESS)
    return found;
  if (const CUresult entered = enter("cuStreamQuery", stream->context); entered != CUDA_SUCCESS)
    return entered;
  if (!stream->timeline->is_idle()) return CUDA_ERROR_NOT_READY;
  return static_cast<CUresult>(stream->context->sticky.load());
}

CUresult CUDAAPI cuStreamSynchronize(CUstream given) {
  CUstream stream = nullptr;
  if (const CUresult found = find_stream(given, given == nullptr ? current() : nullptr, stream);
      found != CUDA_SUCCESS)
    return found;
  if (const CUresult entered = enter("cuStreamSynchronize", stream->context); entered != CUDA_SUCCESS)
    return entered;
  stream->timeline->wait_idle();
  return static_cast<CUresult>(stream->context->sticky.load());
}

CUresult CUDAAPI cuStreamGetCtx(CUstream given, CUcontext* context) {
  CUstream stream = nullptr;
  if (const CUresult found = find_stream(given, given == nullptr ? current() : nullptr, stream);
      found != CUDA_SUCCESS)
    return found;
  *context = stream->context;
  return CUDA_SUCCESS;
}

// Of what the event's last recording was when this is called.
CUresult CUDAAPI cuStreamWaitEvent(CUstream given, CUevent event, unsigned int) {
  if (const CUresult entered = entered_by("cuStreamWaitEvent", event); entered != CUDA_SUCCESS)
    return entered;
  CUstream stream = nullptr;
  if (const CUresult found = find_stream(given, given == nullptr ? current() : nullptr, stream);
      found != CUDA_SUCCESS)
    return found;
  if (const auto moment = event->moment)
    add(stream, [moment](std::int64_t ready_ns) { return std::max(ready_ns, moment->wait()); });
  return CUDA_SUCCESS;
}

CUresult CUDAAPI cuLaunchHostFunc(CUstream given, CUhostFn function, void* data) {
  CUstream stream = nullptr;
  if (const CUresult found = find_stream(given, given == nullptr ? current() : nullptr, stream);
      found != CUDA_SUCCESS)
    return found;
  Trouble trouble;
  if (const CUresult entered = enter("cuLaunchHostFunc", stream->context, &trouble); entered != CUDA_SUCCESS)
    return entered;
  GpuState& gpu = Machine::instance().gpu(stream->context->gpu);
  add(stream, [function, data, trouble, &gpu](std::int64_t ready_ns) {
    if (trouble.hang) hang();
    sleep_until(ready_ns);
    HostCall::begin(gpu, ready_ns);
    function(data);
    return HostCall::end(gpu, now_ns());  // it takes what it takes
  });
  return CUDA_SUCCESS;
}

CUresult CUDAAPI cuEventCreate(CUevent* event, unsigned int) {
  if (const CUresult entered = enter_current("cuEventCreate"); entered != CUDA_SUCCESS) return entered;
  *event = new CUevent_st{current(), nullptr, true};
  return CUDA_SUCCESS;
}

CUresult CUDAAPI cuEventDestroy(CUevent event) {
  if (event == nullptr || !event->is_alive)
    return misuse(CUDA_ERROR_INVALID_HANDLE, "an event was destroyed twice");
  event->is_alive = false;
  return CUDA_SUCCESS;
}

CUresult CUDAAPI cuEventRecord(CUevent event, CUstream given) {
  if (const CUresult entered = entered_by("cuEventRecord", event); entered != CUDA_SUCCESS) return entered;
  CUstream stream = nullptr;
  if (const CUresult found = find_stream(given, event->context, stream); found != CUDA_SUCCESS) return found;
  auto moment = event->moment = std::make_shared<Moment>();
  add(stream, [moment](std::int64_t ready_ns) {
    sleep_until(ready_ns);
    moment->set(ready_ns);
    return ready_ns;
  });
  return CUDA_SUCCESS;
}

CUresult CUDAAPI cuEventQuery(CUevent event) {
  if (const CUresult entered = entered_by("cuEventQuery", event); entered != CUDA_SUCCESS) return entered;
  if (event->moment != nullptr && !event->moment->is_set()) return CUDA_ERROR_NOT_READY;
  return static_cast<CUresult>(event->context->sticky.load());
}

CUresult CUDAAPI cuEventSynchronize(CUevent event) {
  if (const CUresult entered = entered_by("cuEventSynchronize", event); entered != CUDA_SUCCESS)
    return entered;
  if (event->moment != nullptr) event->moment->wait();
  return static_cast<CUresult>(event->context->sticky.load());
}

CUresult CUDAAPI cuEventElapsedTime(float* milliseconds, CUevent start, CUevent end) {
  for (CUevent event : {start, end}) {
    if (const CUresult entered = entered_by("cuEventElapsedTime", event); entered != CUDA_SUCCESS)
      return entered;
    if (event->moment == nullptr)
      return misuse(CUDA_ERROR_INVALID_HANDLE, "the time of an event that was never recorded");
    if (!event->moment->is_set()) return CUDA_ERROR_NOT_READY;
  }
  *milliseconds =
      static_cast<float>(static_cast<double>(end->moment->at_ns() - start->moment->at_ns()) * 1e-6);
  return CUDA_SUCCESS;
}

// The variant that libraries built with a toolkit before 12.8 call; headers of 13 name the one above _v2.
#ifdef cuEventElapsedTime
CUresult CUDAAPI standin_elapsed_time_v1(float* milliseconds, CUevent start,
                                         CUevent end) asm("cuEventElapsedTime");
__attribute__((visibility("default"))) CUresult CUDAAPI standin_elapsed_time_v1(float* milliseconds,
                                                                                CUevent start, CUevent end) {
  return cuEventElapsedTime(milliseconds, start, end);
}
#endif
}
