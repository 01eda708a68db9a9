// SPDX-License-Identifier: Apache-2.0
#include <cstring>
#include <string>

#include "nccl/communicator.hpp"
#include "nccl/device_memory.hpp"
#include "nccl/misuse.hpp"
#include "nccl/own_address.hpp"

using namespace millrace::standin::nccl;

namespace {

ncclResult_t begin(ncclComm_t comm) {
  std::string why;
  comm->table = Meeting::open(comm->name, why);
  if (comm->table == nullptr) {
    set_last_error(why);
    return ncclSystemError;
  }
  comm->background = std::thread([comm] { join(comm); });
  if (!comm->is_blocking) return ncclInProgress;
  comm->background.join();
  return static_cast<ncclResult_t>(comm->state.load());
}

void end_background(ncclComm_t comm) {
  if (comm->background.joinable()) comm->background.join();
}

}  // namespace

extern "C" {

ncclResult_t ncclGetUniqueId(ncclUniqueId* id) {
  if (id == nullptr) return misuse(ncclInvalidArgument, "ncclGetUniqueId: the id is null");
  if (const auto entered = enter_on_gpu("ncclGetUniqueId", -1); entered != ncclSuccess) return entered;
  std::memset(id->internal, 0, sizeof id->internal);
  const std::string name = Meeting::new_name();
  write_own_address(id->internal + kAddressInId);
  std::memcpy(id->internal + kNameInId, name.data(), name.size());
  return ncclSuccess;
}

ncclResult_t ncclCommInitRankConfig(ncclComm_t* result, int ranks, ncclUniqueId id, int rank,
                                    ncclConfig_t* config) {
  const char* call = "ncclCommInitRankConfig";
  if (result == nullptr) return misuse(ncclInvalidArgument, std::string(call) + ": the communicator is null");
  *result = nullptr;
  if (config != nullptr && (config->magic != 0xcafebeef || config->size < sizeof(size_t)))
    return misuse(ncclInvalidArgument,
                  std::string(call) + ": the config was not initialized by NCCL_CONFIG_INITIALIZER");
  if (ranks < 1 || ranks > kMostRanks || rank < 0 || rank >= ranks)
    return misuse(ncclInvalidArgument, std::string(call) + ": invalid rank requested");
  const int gpu = current_gpu();
  if (gpu < 0) return misuse(ncclUnhandledCudaError, std::string(call) + ": no context is current");
  bool hang = false;
  if (const auto entered = enter_on_gpu(call, gpu, &hang); entered != ncclSuccess) return entered;
  ncclComm_t comm = *result = new_communicator();
  comm->name.assign(id.internal + kNameInId,
                    strnlen(id.internal + kNameInId, sizeof id.internal - kNameInId));
  comm->rank = rank;
  comm->ranks = ranks;
  comm->gpu = gpu;
  cuCtxGetCurrent(&comm->context);
  comm->is_blocking = config == nullptr || config->blocking != 0;  // undefined: blocking
  if (!hang) return begin(comm);
  std::string why;
  comm->table = Meeting::open(comm->name, why);
  return ncclInProgress;  // for ever: it never sits down
}

ncclResult_t ncclCommGetAsyncError(ncclComm_t comm, ncclResult_t* error) {
  if (const auto entered = enter("ncclCommGetAsyncError", comm); entered != ncclSuccess) return entered;
  if (comm->state == ncclSuccess) notice_lost(comm);
  const bool busy = comm->is_busy.exchange(false);
  *error =
      busy && comm->state == ncclSuccess ? ncclInProgress : static_cast<ncclResult_t>(comm->state.load());
  return ncclSuccess;
}

ncclResult_t ncclCommFinalize(ncclComm_t comm) {
  if (const auto entered = enter("ncclCommFinalize", comm); entered != ncclSuccess) return entered;
  if (comm->life == Life::kFinalized)
    return misuse(ncclInvalidArgument, "ncclCommFinalize: for the second time");
  if (comm->state != ncclSuccess) return static_cast<ncclResult_t>(comm->state.load());
  end_background(comm);
  comm->life = Life::kFinalized;
  comm->state = ncclInProgress;
  comm->background = std::thread([comm] { finalize(comm); });
  if (!comm->is_blocking) return ncclInProgress;
  end_background(comm);
  return static_cast<ncclResult_t>(comm->state.load());
}

ncclResult_t ncclCommDestroy(ncclComm_t comm) {
  if (const auto entered = enter("ncclCommDestroy", comm); entered != ncclSuccess) return entered;
  if (comm->life == Life::kAlive) {
    end_background(comm);
    finalize(comm);
  }
  end_background(comm);
  if (!comm->registrations.empty())
    misuse(ncclInvalidUsage, "ncclCommDestroy: " + std::to_string(comm->registrations.size()) +
                                 " buffers are still registered");
  comm->life = Life::kDestroyed;
  return ncclSuccess;
}

ncclResult_t ncclCommAbort(ncclComm_t comm) {
  if (const auto entered = enter("ncclCommAbort", comm); entered != ncclSuccess && comm == nullptr)
    return entered;
  comm->is_aborted = true;
  end_background(comm);
  if (comm->rank == 0) Meeting::remove(comm->name);
  comm->life = Life::kAborted;
  return ncclSuccess;
}

}  // extern "C"
