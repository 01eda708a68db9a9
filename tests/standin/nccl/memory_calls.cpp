// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <mutex>
#include <set>
#include <string>

#include "nccl/communicator.hpp"
#include "nccl/device_memory.hpp"
#include "nccl/misuse.hpp"

using namespace millrace::standin::nccl;

namespace {

std::mutex ranges_mutex;
std::set<void*>& allocated() {
  static std::set<void*> all;
  return all;
}
std::set<std::uint64_t>& registered() {  // of all communicators of this process
  static std::set<std::uint64_t> all;
  return all;
}

}  // namespace

extern "C" {

ncclResult_t ncclMemAlloc(void** pointer, size_t size) {
  if (const auto entered = enter_on_gpu("ncclMemAlloc", current_gpu()); entered != ncclSuccess)
    return entered;
  CUdeviceptr address = 0;
  if (pointer == nullptr || size == 0 || cuMemAlloc(&address, size) != CUDA_SUCCESS) {
    set_last_error("Cuda failure 'out of memory'");
    return ncclUnhandledCudaError;
  }
  *pointer = reinterpret_cast<void*>(address);
  const std::lock_guard lock(ranges_mutex);
  allocated().insert(*pointer);
  return ncclSuccess;
}

ncclResult_t ncclMemFree(void* pointer) {
  const std::lock_guard lock(ranges_mutex);
  if (allocated().erase(pointer) == 0)
    return misuse(ncclInvalidArgument, "ncclMemFree: ncclMemAlloc did not give this memory");
  if (registered().contains(reinterpret_cast<std::uint64_t>(pointer)))
    die("ncclMemFree: the memory is still registered");
  return cuMemFree(reinterpret_cast<CUdeviceptr>(pointer)) == CUDA_SUCCESS ? ncclSuccess
                                                                           : ncclUnhandledCudaError;
}

ncclResult_t ncclCommRegister(const ncclComm_t comm, void* buffer, size_t size, void** handle) {
  if (const auto entered = enter("ncclCommRegister", comm); entered != ncclSuccess) return entered;
  const auto address = reinterpret_cast<std::uint64_t>(buffer);
  const auto range = range_of(address);
  if (!range || range->gpu != comm->gpu || !range->holds(address, size))
    return misuse(ncclInvalidArgument, "ncclCommRegister: the buffer is no memory of this rank's GPU");
  const std::lock_guard lock(ranges_mutex);
  registered().insert(address);
  comm->registrations.push_back(std::make_unique<Registration>(Registration{address, size}));
  *handle = comm->registrations.back().get();
  return ncclSuccess;
}

ncclResult_t ncclCommDeregister(const ncclComm_t comm, void* handle) {
  if (const auto entered = enter("ncclCommDeregister", comm); entered != ncclSuccess) return entered;
  const std::lock_guard lock(ranges_mutex);
  const auto found = std::find_if(comm->registrations.begin(), comm->registrations.end(),
                                  [handle](const auto& one) { return one.get() == handle; });
  if (found == comm->registrations.end())
    return misuse(ncclInvalidArgument, "ncclCommDeregister: the handle is of no registration");
  registered().erase((*found)->begin);
  comm->registrations.erase(found);
  return ncclSuccess;
}

}  // extern "C"
