// SPDX-License-Identifier: Apache-2.0
// A rank's communicator in this process. Never freed, so that a use after its end is noticed.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "nccl/meeting.hpp"
#include "nccl/vendor.hpp"

namespace millrace::standin::nccl {

struct Registration {
  std::uint64_t begin = 0;
  std::size_t size = 0;
};

enum class Life { kAlive, kFinalized, kDestroyed, kAborted };

}  // namespace millrace::standin::nccl

struct ncclComm {
  std::string name;  // of the meeting
  int rank = 0, ranks = 0, gpu = -1;
  CUcontext context = nullptr;
  bool is_blocking = true;
  millrace::standin::nccl::Table* table = nullptr;
  std::atomic<millrace::standin::nccl::Life> life = millrace::standin::nccl::Life::kAlive;
  std::atomic<int> state = ncclInProgress;  // ncclResult_t, of what goes on in the background
  // Once more "in progress" for the next question, as a non-blocking communicator's calls are.
  std::atomic<bool> is_busy = false;
  std::atomic<bool> is_aborted = false;  // whatever waits gives up
  std::uint64_t collectives = 0;         // played
  std::int64_t end_ns = 0;               // of the last one, by the machine's links
  std::mutex mutex;
  std::vector<std::unique_ptr<millrace::standin::nccl::Registration>> registrations;
  std::thread background;  // joins, and finalizes

  [[nodiscard]] millrace::standin::nccl::Seat& seat() const {
    return table->seats[static_cast<std::size_t>(rank)];
  }
};

namespace millrace::standin::nccl {

// First of every call on a communicator: is it one, alive, idle, its GPU there, and has the machine a fault
// for the call? With `trouble`, a hang and wrong data come back in it; without, a hang hangs the call.
ncclResult_t enter(const char* call, ncclComm_t comm, Trouble* trouble = nullptr);
// A call without communicator, by the current context's GPU.
ncclResult_t enter_on_gpu(const char* call, int gpu, bool* hang = nullptr);

// Remembers it, for enter.
ncclComm_t new_communicator();

// Naps until `is_over`; false: the communicator was aborted or the machine lost the GPU (then its state says
// so). `waiting_for` is said when another rank closed its communicator and will never come.
bool wait_until(ncclComm_t comm, const auto& is_over);
void nap();

// The background's work of ncclCommInitRankConfig: sits down at the table and waits for all.
void join(ncclComm_t comm);
// Of ncclCommFinalize: waits until all ranks say that they are done, and have done as much.
void finalize(ncclComm_t comm);

// True where another rank's GPU is lost: then the state says ncclRemoteError.
bool notice_lost(ncclComm_t comm);

bool wait_until(ncclComm_t comm, const auto& is_over) {
  while (!is_over()) {
    if (comm->is_aborted || notice_lost(comm)) return false;
    nap();
  }
  return true;
}

}  // namespace millrace::standin::nccl
