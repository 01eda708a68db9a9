// SPDX-License-Identifier: Apache-2.0
#include "nccl/group.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "machine/host_call.hpp"
#include "machine/machine.hpp"
#include "nccl/device_memory.hpp"
#include "nccl/misuse.hpp"
#include "nccl/play.hpp"

namespace millrace::standin::nccl {
namespace {

// What runs on a stream as one: a collective, or sends and receives. A captured one runs again and again, so
// it is never freed.
struct Launch {
  ncclComm_t comm = nullptr;
  std::vector<Task> tasks;
  bool once = true;
};

struct Member {
  ncclComm_t comm;
  CUstream stream;
  Task task;
};
thread_local int depth = 0;
thread_local std::vector<Member> members;

void run(void* data) {
  auto* launch = static_cast<Launch*>(data);
  GpuState& gpu = Machine::instance().gpu(launch->comm->gpu);
  const std::int64_t ready_ns = HostCall::ready_ns(gpu, now_ns());
  const bool messages = launch->tasks.front().order.kind >= Kind::kSend;
  if (messages)
    play_messages(launch->comm, launch->tasks, ready_ns);
  else
    for (const Task& task : launch->tasks)
      play(launch->comm, task.order, task.trouble, std::max(ready_ns, launch->comm->end_ns));
  if (launch->comm->end_ns > ready_ns) HostCall::say_end(gpu, launch->comm->end_ns);
  if (launch->once) delete launch;
}

ncclResult_t check_array(ncclComm_t comm, const char* call, const char* which, std::uint64_t address,
                         std::size_t size) {
  if (size == 0) return ncclSuccess;
  const auto range = range_of(address);
  if (!range || !range->holds(address, size))
    return misuse(ncclInvalidArgument, std::string(call) + ": its " + which + " of " + std::to_string(size) +
                                           " bytes is no memory of a GPU, or runs beyond it");
  if (range->gpu != comm->gpu)
    return misuse(ncclInvalidArgument, std::string(call) + ": its " + which + " lies on another GPU");
  return ncclSuccess;
}

ncclResult_t check(ncclComm_t comm, const Order& order, CUstream stream) {
  const char* call = name_of(order.kind);
  CUcontext owner = nullptr;
  if (cuStreamGetCtx(stream, &owner) != CUDA_SUCCESS || owner != comm->context)
    return misuse(ncclInvalidArgument, std::string(call) + ": the stream is of another context");
  if (comm->life != Life::kAlive)
    return misuse(ncclInvalidUsage, std::string(call) + ": the communicator is finalized");
  if (size_of(order.type) == 0)
    return misuse(ncclInvalidArgument, std::string(call) + ": invalid type " + std::to_string(order.type));
  if (order.operation < ncclSum || order.operation >= ncclNumOps)
    return misuse(ncclInvalidArgument, std::string(call) + ": invalid reduction operation");
  if (order.root < 0 || order.root >= comm->ranks)
    return misuse(ncclInvalidArgument,
                  std::string(call) + ": invalid root or peer " + std::to_string(order.root));
  if (const auto fine =
          check_array(comm, call, "input", order.input, input_bytes(order, comm->rank, comm->ranks));
      fine != ncclSuccess)
    return fine;
  return check_array(comm, call, "output", order.output, output_bytes(order, comm->rank, comm->ranks));
}

ncclResult_t put_on_stream(ncclComm_t comm, CUstream stream, std::vector<Task> tasks) {
  CUstreamCaptureStatus capturing = CU_STREAM_CAPTURE_STATUS_NONE;
  cuStreamIsCapturing(stream, &capturing);
  auto* launch = new Launch{comm, std::move(tasks), capturing == CU_STREAM_CAPTURE_STATUS_NONE};
  if (cuLaunchHostFunc(stream, &run, launch) != CUDA_SUCCESS) {
    delete launch;
    set_last_error("Cuda failure at a launch");
    return ncclUnhandledCudaError;
  }
  if (comm->is_blocking) return ncclSuccess;
  comm->is_busy = true;
  return ncclInProgress;
}

}  // namespace

ncclResult_t submit(ncclComm_t comm, const Order& order, CUstream stream) {
  Trouble trouble;
  if (const auto entered = enter(name_of(order.kind), comm, &trouble); entered != ncclSuccess) return entered;
  if (comm->state == ncclInProgress || comm->is_busy)
    return misuse(ncclInvalidUsage, std::string(name_of(order.kind)) +
                                        ": the call before is still in progress: ask ncclCommGetAsyncError");
  if (comm->state != ncclSuccess) return static_cast<ncclResult_t>(comm->state.load());
  if (const auto fine = check(comm, order, stream); fine != ncclSuccess) return fine;
  if (depth > 0) {
    members.push_back({comm, stream, {order, trouble}});
    return ncclSuccess;
  }
  return put_on_stream(comm, stream, {{order, trouble}});
}

ncclResult_t begin_group() {
  ++depth;
  return ncclSuccess;
}

ncclResult_t end_group() {
  if (depth == 0) return misuse(ncclInvalidUsage, "ncclGroupEnd: not in a group call");
  if (--depth > 0 || members.empty()) return ncclSuccess;
  std::vector<Member> all = std::exchange(members, {});
  std::vector<Task> tasks;
  for (const Member& member : all) {
    if (member.comm != all.front().comm || member.stream != all.front().stream)
      die("a group of several communicators or streams is not played by this stand-in");
    if ((member.task.order.kind >= Kind::kSend) != (all.front().task.order.kind >= Kind::kSend))
      die("a group of collectives and messages is not played by this stand-in");
    tasks.push_back(member.task);
  }
  return put_on_stream(all.front().comm, all.front().stream, std::move(tasks));
}

}  // namespace millrace::standin::nccl
