// SPDX-License-Identifier: Apache-2.0
// Transfers in the order of a CUDA stream, as functions that it calls. Faults name "cuFileReadAsync" and
// "cuFileWriteAsync".
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <set>

#include "cuda.hpp"
#include "driver.hpp"
#include "machine/clock.hpp"
#include "misuse.hpp"
#include "transfer.hpp"

namespace millrace::standin {
namespace {

std::mutex streams_mutex;
std::set<CUstream> registered_streams;

// Of each registered buffer: which stream's transfers are under way in it, and how many.
struct Users {
  CUstream stream = nullptr;
  int transfers = 0;
};
std::map<const void*, Users> users_of_buffers;

struct Queued {
  Request request;
  std::size_t* size;
  off_t *file_offset, *at;
  ssize_t* done;
  CUstream stream;
};

void run(void* data) {
  const std::unique_ptr<Queued> queued(static_cast<Queued*>(data));
  Request request = queued->request;
  // What the pointers point to counts now, not when it was queued.
  request.size = *queued->size;
  request.file_offset = *queued->file_offset;
  request.at = *queued->at;
  std::int64_t ready = now_ns();
  *queued->done = transfer(request, ready);
  const std::scoped_lock hold(streams_mutex);
  --users_of_buffers[request.base].transfers;
}

CUfileError_t queue(Queued one) {
  check_not_forked();
  if (!is_open()) return {CU_FILE_DRIVER_NOT_INITIALIZED, CUDA_SUCCESS};
  if (!has_context()) return {CU_FILE_INVALID_CONTEXT_ERROR, CUDA_SUCCESS};
  if (one.size == nullptr || one.file_offset == nullptr || one.at == nullptr || one.done == nullptr)
    return {CU_FILE_INVALID_VALUE, CUDA_SUCCESS};
  {
    const std::scoped_lock hold(streams_mutex);
    if (!registered_streams.contains(one.stream))
      misuse("a stream is used that is not registered, or not any more");
    Users& of_this = users_of_buffers[one.request.base];
    if (of_this.transfers > 0 && of_this.stream != one.stream)
      misuse(
          "transfers of two streams are under way in one registered buffer: cuFile 1.15's compatibility mode "
          "gives one the other's bytes");
    of_this.stream = one.stream;
    ++of_this.transfers;
  }
  one.request.size = *one.size;
  one.request.file_offset = *one.file_offset;
  one.request.at = *one.at;
  check_request(one.request);
  const CUresult queued = launch_host_function(one.stream, run, new Queued(one));
  return {queued == CUDA_SUCCESS ? CU_FILE_SUCCESS : CU_FILE_CUDA_DRIVER_ERROR, queued};
}

}  // namespace
}  // namespace millrace::standin

using namespace millrace::standin;

CUfileError_t cuFileStreamRegister(CUstream stream, unsigned) {
  if (const auto refused = refused_call("cuFileStreamRegister", -1)) return {*refused, CUDA_SUCCESS};
  if (!is_stream(stream)) return {CU_FILE_INVALID_VALUE, CUDA_SUCCESS};
  const std::scoped_lock hold(streams_mutex);
  registered_streams.insert(stream);
  return {CU_FILE_SUCCESS, CUDA_SUCCESS};
}

CUfileError_t cuFileStreamDeregister(CUstream stream) {
  check_not_forked();
  const std::scoped_lock hold(streams_mutex);
  return {registered_streams.erase(stream) == 1 ? CU_FILE_SUCCESS : CU_FILE_INVALID_VALUE, CUDA_SUCCESS};
}

CUfileError_t cuFileReadAsync(CUfileHandle_t file, void* base, size_t* size, off_t* file_offset, off_t* at,
                              ssize_t* done, CUstream stream) {
  return queue({{"cuFileReadAsync", true, file, base, 0, 0, 0}, size, file_offset, at, done, stream});
}

CUfileError_t cuFileWriteAsync(CUfileHandle_t file, void* base, size_t* size, off_t* file_offset, off_t* at,
                               ssize_t* done, CUstream stream) {
  return queue({{"cuFileWriteAsync", false, file, base, 0, 0, 0}, size, file_offset, at, done, stream});
}
