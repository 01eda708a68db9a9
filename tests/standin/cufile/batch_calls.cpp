// SPDX-License-Identifier: Apache-2.0
// A batch handle has a thread that does its operations one after the other. Faults name
// "cuFileBatchIOSubmit".
#include <time.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <vector>

#include "driver.hpp"
#include "machine/clock.hpp"
#include "misuse.hpp"
#include "transfer.hpp"

namespace millrace::standin {
namespace {

class Batch {
 public:
  explicit Batch(unsigned slots) : slots_(slots), thread_([this] { work(); }) {}

  CUfileOpError submit(unsigned count, const CUfileIOParams_t* parameters) {
    const std::scoped_lock hold(mutex_);
    if (outstanding_ > 0) misuse("cuFileBatchIOSubmit: the handle's operations before are not all over");
    if (count > slots_) return CU_FILE_BATCH_FULL;
    for (unsigned i = 0; i < count; ++i) {
      check_request(request_of(parameters[i]));
      waiting_.push_back(parameters[i]);
    }
    outstanding_ = count;
    changed_.notify_all();
    return CU_FILE_SUCCESS;
  }

  unsigned take(unsigned least, unsigned room, CUfileIOEvents_t* events, const timespec* timeout) {
    std::unique_lock hold(mutex_);
    const auto enough = [&] { return done_.size() >= std::min<std::size_t>(least, outstanding_); };
    if (timeout == nullptr)
      changed_.wait(hold, enough);
    else
      changed_.wait_for(
          hold, std::chrono::seconds(timeout->tv_sec) + std::chrono::nanoseconds(timeout->tv_nsec), enough);
    const auto count = static_cast<unsigned>(std::min<std::size_t>(room, done_.size()));
    for (unsigned i = 0; i < count; ++i, done_.pop_front()) events[i] = done_.front();
    outstanding_ -= count;
    return count;
  }

  void end() {
    {
      const std::scoped_lock hold(mutex_);
      if (outstanding_ > 0) misuse("cuFileBatchIODestroy: operations of the handle are still under way");
      ended_ = true;
    }
    changed_.notify_all();
    thread_.join();
  }

 private:
  static Request request_of(const CUfileIOParams_t& one) {
    return {
        "cuFileBatchIOSubmit",   one.opcode == CUFILE_READ, one.fh, one.u.batch.devPtr_base, one.u.batch.size,
        one.u.batch.file_offset, one.u.batch.devPtr_offset, true};
  }

  void work() {
    std::unique_lock hold(mutex_);
    std::int64_t ready = 0;
    while (true) {
      changed_.wait(hold, [this] { return ended_ || !waiting_.empty(); });
      if (ended_) return;
      if (done_.size() + waiting_.size() == outstanding_ && done_.empty()) ready = std::max(ready, now_ns());
      const CUfileIOParams_t one = waiting_.front();
      waiting_.pop_front();
      hold.unlock();
      const ssize_t result = transfer(request_of(one), ready);
      hold.lock();
      const bool failed = result < 0;
      const ssize_t reported = result == -1 ? -errno : result;
      done_.push_back(
          {one.cookie, failed ? CUFILE_FAILED : CUFILE_COMPLETE, static_cast<std::size_t>(reported)});
      changed_.notify_all();
    }
  }

  unsigned slots_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<CUfileIOParams_t> waiting_;
  std::deque<CUfileIOEvents_t> done_;
  std::size_t outstanding_ = 0;  // submitted, and not taken yet
  bool ended_ = false;
  std::thread thread_;  // last: it uses the rest
};

Batch& batch_of(CUfileBatchHandle_t handle) {
  if (handle == nullptr) misuse("a batch handle is used that was never set up");
  return *static_cast<Batch*>(handle);
}

}  // namespace
}  // namespace millrace::standin

using namespace millrace::standin;

CUfileError_t cuFileBatchIOSetUp(CUfileBatchHandle_t* handle, unsigned slots) {
  if (const auto refused = refused_call("cuFileBatchIOSetUp", -1)) return {*refused, CUDA_SUCCESS};
  if (slots == 0 || slots > 128) return {CU_FILE_INVALID_VALUE, CUDA_SUCCESS};
  *handle = new Batch(slots);
  return {CU_FILE_SUCCESS, CUDA_SUCCESS};
}

CUfileError_t cuFileBatchIOSubmit(CUfileBatchHandle_t handle, unsigned count, CUfileIOParams_t* parameters,
                                  unsigned flags) {
  check_not_forked();
  if (count == 0 || flags != 0) return {CU_FILE_INVALID_VALUE, CUDA_SUCCESS};
  return {batch_of(handle).submit(count, parameters), CUDA_SUCCESS};
}

CUfileError_t cuFileBatchIOGetStatus(CUfileBatchHandle_t handle, unsigned least, unsigned* count,
                                     CUfileIOEvents_t* events, timespec* timeout) {
  check_not_forked();
  if (count == nullptr || least > *count) return {CU_FILE_INVALID_VALUE, CUDA_SUCCESS};
  *count = batch_of(handle).take(least, *count, events, timeout);
  return {CU_FILE_SUCCESS, CUDA_SUCCESS};
}

// What is under way here is always soon over, or hangs for ever.
CUfileError_t cuFileBatchIOCancel(CUfileBatchHandle_t) { return {CU_FILE_SUCCESS, CUDA_SUCCESS}; }

void cuFileBatchIODestroy(CUfileBatchHandle_t handle) {
  batch_of(handle).end();
  delete static_cast<Batch*>(handle);
}
