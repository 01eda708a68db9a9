// SPDX-License-Identifier: Apache-2.0
#include "cuda/driver.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <sstream>

namespace millrace::standin::cuda {
namespace {

std::atomic<int> initialised_in = 0;  // process

// CUDA C++ Programming Guide, "CUDA Environment Variables": indices or UUIDs; what stands after one that is
// none is not looked at; an index that comes twice hides all.
std::vector<int> read_visible() {
  const auto& gpus = Machine::instance().description().gpus;
  std::vector<int> visible;
  const char* given = std::getenv("CUDA_VISIBLE_DEVICES");
  if (given == nullptr) {
    for (const GpuDescription& gpu : gpus) visible.push_back(gpu.index);
    return visible;
  }
  std::istringstream list(given);
  for (std::string word; std::getline(list, word, ',');) {
    const auto named = std::find_if(gpus.begin(), gpus.end(), [&](const GpuDescription& gpu) {
      return word == std::to_string(gpu.index) || (word.size() > 4 && gpu.uuid.starts_with(word));
    });
    if (named == gpus.end()) break;
    if (std::find(visible.begin(), visible.end(), named->index) != visible.end()) return {};
    visible.push_back(named->index);
  }
  return visible;
}

CUresult play(const FaultDescription& fault, CUcontext context, Trouble* trouble) {
  switch (fault.what) {
    case FaultKind::kError: {
      const CUresult result = result_named(fault.error).value_or(CUDA_ERROR_LAUNCH_FAILED);
      const bool stays = result == CUDA_ERROR_ECC_UNCORRECTABLE || result == CUDA_ERROR_LAUNCH_FAILED ||
                         result == CUDA_ERROR_ILLEGAL_ADDRESS;
      if (stays && context != nullptr) context->sticky = result;
      return result;
    }
    case FaultKind::kLost:
      return CUDA_ERROR_UNKNOWN;
    case FaultKind::kHang:
      if (trouble == nullptr) hang();
      trouble->hang = true;
      return CUDA_SUCCESS;
    case FaultKind::kWrongData:
      if (trouble != nullptr) trouble->wrong_data = true;
      return CUDA_SUCCESS;
    case FaultKind::kSlow:
      if (trouble != nullptr) trouble->slower = fault.factor;
      return CUDA_SUCCESS;
  }
  return CUDA_SUCCESS;
}

}  // namespace

const std::vector<int>& visible_gpus() {
  static const auto* const visible = new std::vector<int>(read_visible());
  return *visible;
}

bool is_initialised() { return initialised_in.load() == getpid(); }

CUresult initialise() {
  if (visible_gpus().empty()) return CUDA_ERROR_NO_DEVICE;
  initialised_in = getpid();
  return CUDA_SUCCESS;
}

std::recursive_mutex& lock() {
  static auto* const mutex = new std::recursive_mutex;
  return *mutex;
}

std::vector<CUcontext>& context_stack() {
  thread_local std::vector<CUcontext> stack;
  return stack;
}

CUcontext current() { return context_stack().empty() ? nullptr : context_stack().back(); }

void hang() {
  for (;;) pause();
}

CUresult enter(const char* call, CUcontext context, Trouble* trouble) {
  if (!is_initialised()) return CUDA_ERROR_NOT_INITIALIZED;
  const int gpu = context == nullptr ? -1 : context->gpu;
  if (context != nullptr && context->sticky != 0) return static_cast<CUresult>(context->sticky.load());
  if (gpu >= 0 && Machine::instance().is_lost(gpu)) return CUDA_ERROR_UNKNOWN;
  const auto fault = Machine::instance().fault("cuda", call, gpu);
  return fault ? play(*fault, context, trouble) : CUDA_SUCCESS;
}

CUresult enter_current(const char* call, Trouble* trouble) {
  if (!is_initialised()) return CUDA_ERROR_NOT_INITIALIZED;
  if (current() == nullptr)
    return misuse(CUDA_ERROR_INVALID_CONTEXT, std::string(call) + " without a current context");
  return enter(call, current(), trouble);
}

CUresult enter_without_context(const char* call) { return enter(call, nullptr); }

CUresult misuse(CUresult result, const std::string& what) {
  std::fprintf(stderr, "stand-in libcuda: %s\n", what.c_str());
  return result;
}

CUresult find_stream(CUstream given, CUcontext context, CUstream& stream) {
  const std::lock_guard guard(lock());
  if (given == nullptr || given == CU_STREAM_LEGACY || given == CU_STREAM_PER_THREAD) {
    if (context == nullptr) return CUDA_ERROR_INVALID_CONTEXT;
    if (context->default_stream == nullptr)
      context->default_stream = new CUstream_st{context, Timeline::start(), nullptr, true};
    stream = context->default_stream;
    return CUDA_SUCCESS;
  }
  if (!given->is_alive) return misuse(CUDA_ERROR_INVALID_HANDLE, "a stream was used that had been destroyed");
  if (context != nullptr && given->context != context)
    return misuse(CUDA_ERROR_INVALID_HANDLE, "a stream was used in another context than its own");
  stream = given;
  return CUDA_SUCCESS;
}

void add(CUstream stream, Operation operation) {
  if (stream->capture != nullptr)
    stream->capture->operations.push_back(std::move(operation));
  else
    stream->timeline->add(std::move(operation));
}

}  // namespace millrace::standin::cuda
