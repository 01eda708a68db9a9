// SPDX-License-Identifier: Apache-2.0
#include "nccl/communicator.hpp"

#include <time.h>
#include <unistd.h>

#include <set>

#include "machine/machine.hpp"
#include "nccl/misuse.hpp"

namespace millrace::standin::nccl {
namespace {

std::mutex communicators_mutex;
std::set<ncclComm_t>& known() {
  static std::set<ncclComm_t> all;
  return all;
}

ncclResult_t result_named(const std::string& name, ncclResult_t otherwise) {
  constexpr const char* kNames[] = {"ncclSuccess",       "ncclUnhandledCudaError", "ncclSystemError",
                                    "ncclInternalError", "ncclInvalidArgument",    "ncclInvalidUsage",
                                    "ncclRemoteError",   "ncclInProgress"};
  for (int i = 0; i < 8; ++i)
    if (name == kNames[i]) return static_cast<ncclResult_t>(i);
  return otherwise;
}

[[noreturn]] void hang_for_ever() {
  for (;;) pause();
}

// What a GPU's own faults do to a call. A slow one takes `factor` times longer, of a call that takes 10 ms.
ncclResult_t trouble_of(const char* call, int gpu, Trouble& trouble) {
  constexpr double kCall_ns = 10e6;
  Machine& machine = Machine::instance();
  const auto fault = machine.fault("nccl", call, gpu);
  if (gpu >= 0 && machine.is_lost(gpu)) {
    set_last_error("Cuda failure 'the GPU is lost'");
    return ncclUnhandledCudaError;
  }
  if (!fault) return ncclSuccess;
  switch (fault->what) {
    case FaultKind::kError:
      set_last_error(std::string(call) + " fails, as the stand-in was told");
      return result_named(fault->error, ncclSystemError);
    case FaultKind::kHang:
      trouble.hang = true;
      return ncclSuccess;
    case FaultKind::kWrongData:
      trouble.wrong_data = true;
      return ncclSuccess;
    case FaultKind::kSlow:
      sleep_until(now_ns() + static_cast<std::int64_t>(kCall_ns * (fault->factor - 1)));
      return ncclSuccess;
    case FaultKind::kLost:
      return ncclUnhandledCudaError;
  }
  return ncclSuccess;
}

}  // namespace

void nap() {
  const timespec time{0, 30'000};
  nanosleep(&time, nullptr);
}

ncclComm_t new_communicator() {
  const std::lock_guard lock(communicators_mutex);
  return *known().insert(new ncclComm).first;
}

ncclResult_t enter_on_gpu(const char* call, int gpu, bool* hang) {
  Trouble trouble;
  const ncclResult_t result = trouble_of(call, gpu, trouble);
  if (trouble.hang && hang == nullptr) hang_for_ever();
  if (hang != nullptr) *hang = trouble.hang;
  return result;
}

ncclResult_t enter(const char* call, ncclComm_t comm, Trouble* trouble) {
  {
    const std::lock_guard lock(communicators_mutex);
    if (comm == nullptr) return misuse(ncclInvalidArgument, std::string(call) + ": the communicator is null");
    if (!known().contains(comm)) die(std::string(call) + ": what it was given is no communicator");
  }
  if (comm->life == Life::kDestroyed || comm->life == Life::kAborted)
    die(std::string(call) + ": the communicator was used after ncclCommDestroy or ncclCommAbort");
  Trouble mine;
  const ncclResult_t result = trouble_of(call, comm->gpu, mine);
  if (result == ncclUnhandledCudaError && Machine::instance().is_lost(comm->gpu)) comm->seat().lost = 1;
  if (trouble != nullptr)
    *trouble = mine;
  else if (mine.hang)
    hang_for_ever();
  return result;
}

bool notice_lost(ncclComm_t comm) {
  for (int rank = 0; rank < comm->ranks; ++rank) {
    if (comm->table->seats[static_cast<std::size_t>(rank)].lost == 0) continue;
    set_last_error("rank " + std::to_string(rank) + " is gone");
    comm->state = rank == comm->rank ? ncclUnhandledCudaError : ncclRemoteError;
    return true;
  }
  return false;
}

void join(ncclComm_t comm) {
  Table& table = *comm->table;
  Seat& mine = comm->seat();
  mine.gpu = comm->gpu;
  std::int32_t nobody = 0;
  if (!mine.process.compare_exchange_strong(nobody, getpid())) {
    comm->state = misuse(ncclInvalidUsage, "two came as rank " + std::to_string(comm->rank));
    return;
  }
  ++table.come;
  const auto ranks = static_cast<std::uint32_t>(comm->ranks);
  if (!wait_until(comm, [&] { return table.come.load() >= ranks; })) return;
  if (comm->rank == 0) Meeting::remove(comm->name);
  for (int other = 0; other < comm->ranks; ++other)
    if (other != comm->rank && table.seats[static_cast<std::size_t>(other)].gpu == comm->gpu) {
      comm->state = misuse(ncclInvalidUsage, "Duplicate GPU detected: rank " + std::to_string(comm->rank) +
                                                 " and rank " + std::to_string(other));
      return;
    }
  comm->state = ncclSuccess;
}

void finalize(ncclComm_t comm) {
  comm->seat().closed = 1;
  const auto all_closed = [&] {
    for (int rank = 0; rank < comm->ranks; ++rank)
      if (comm->table->seats[static_cast<std::size_t>(rank)].closed == 0) return false;
    return true;
  };
  if (!wait_until(comm, all_closed)) return;
  for (int rank = 0; rank < comm->ranks; ++rank) {
    const std::uint64_t theirs = comm->table->seats[static_cast<std::size_t>(rank)].entered;
    if (theirs != comm->collectives)
      die("called by too few ranks: rank " + std::to_string(comm->rank) + " came to " +
          std::to_string(comm->collectives) + " collectives and rank " + std::to_string(rank) + " to " +
          std::to_string(theirs));
  }
  comm->state = ncclSuccess;
}

}  // namespace millrace::standin::nccl
