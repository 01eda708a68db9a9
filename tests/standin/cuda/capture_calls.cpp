// SPDX-License-Identifier: Apache-2.0
// Graphs, as far as one stream that is captured and replayed goes.
#include "cuda/driver.hpp"

using namespace millrace::standin::cuda;

extern "C" {

CUresult CUDAAPI cuStreamBeginCapture(CUstream stream, CUstreamCaptureMode) {
  if (stream == nullptr)
    return CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED;  // the default stream cannot be captured
  CUstream found = nullptr;
  if (const CUresult result = find_stream(stream, nullptr, found); result != CUDA_SUCCESS) return result;
  if (const CUresult entered = enter("cuStreamBeginCapture", stream->context); entered != CUDA_SUCCESS)
    return entered;
  if (stream->capture != nullptr) return CUDA_ERROR_ILLEGAL_STATE;
  stream->capture = new CUgraph_st;
  return CUDA_SUCCESS;
}

CUresult CUDAAPI cuStreamIsCapturing(CUstream stream, CUstreamCaptureStatus* status) {
  const bool capturing = stream != nullptr && stream->capture != nullptr;
  *status = capturing ? CU_STREAM_CAPTURE_STATUS_ACTIVE : CU_STREAM_CAPTURE_STATUS_NONE;
  return CUDA_SUCCESS;
}

CUresult CUDAAPI cuStreamEndCapture(CUstream stream, CUgraph* graph) {
  if (stream == nullptr || stream->capture == nullptr) return CUDA_ERROR_ILLEGAL_STATE;
  *graph = stream->capture;
  stream->capture = nullptr;
  return enter("cuStreamEndCapture", stream->context);
}

CUresult CUDAAPI cuGraphInstantiate(CUgraphExec* ready, CUgraph graph, unsigned long long) {
  if (graph == nullptr) return CUDA_ERROR_INVALID_VALUE;
  *ready = new CUgraphExec_st{graph->operations};
  return CUDA_SUCCESS;
}

CUresult CUDAAPI cuGraphLaunch(CUgraphExec graph, CUstream given) {
  CUstream stream = nullptr;
  if (const CUresult found = find_stream(given, given == nullptr ? current() : nullptr, stream);
      found != CUDA_SUCCESS)
    return found;
  if (const CUresult entered = enter("cuGraphLaunch", stream->context); entered != CUDA_SUCCESS)
    return entered;
  for (const Operation& operation : graph->operations) add(stream, operation);
  return CUDA_SUCCESS;
}

CUresult CUDAAPI cuGraphDestroy(CUgraph graph) {
  delete graph;
  return CUDA_SUCCESS;
}

CUresult CUDAAPI cuGraphExecDestroy(CUgraphExec graph) {
  delete graph;
  return CUDA_SUCCESS;
}
}
