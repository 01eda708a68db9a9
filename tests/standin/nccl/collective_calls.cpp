// SPDX-License-Identifier: Apache-2.0
#include "nccl/group.hpp"

using namespace millrace::standin::nccl;

namespace {

std::uint64_t at(const void* address) { return reinterpret_cast<std::uint64_t>(address); }

}  // namespace

extern "C" {

ncclResult_t ncclAllReduce(const void* input, void* output, size_t count, ncclDataType_t type,
                           ncclRedOp_t operation, ncclComm_t comm, cudaStream_t stream) {
  return submit(comm, {Kind::kAllReduce, type, operation, 0, count, at(input), at(output)}, stream);
}

ncclResult_t ncclReduce(const void* input, void* output, size_t count, ncclDataType_t type,
                        ncclRedOp_t operation, int root, ncclComm_t comm, cudaStream_t stream) {
  return submit(comm, {Kind::kReduce, type, operation, root, count, at(input), at(output)}, stream);
}

ncclResult_t ncclReduceScatter(const void* input, void* output, size_t count, ncclDataType_t type,
                               ncclRedOp_t operation, ncclComm_t comm, cudaStream_t stream) {
  return submit(comm, {Kind::kReduceScatter, type, operation, 0, count, at(input), at(output)}, stream);
}

ncclResult_t ncclAllGather(const void* input, void* output, size_t count, ncclDataType_t type,
                           ncclComm_t comm, cudaStream_t stream) {
  return submit(comm, {Kind::kAllGather, type, ncclSum, 0, count, at(input), at(output)}, stream);
}

ncclResult_t ncclBroadcast(const void* input, void* output, size_t count, ncclDataType_t type, int root,
                           ncclComm_t comm, cudaStream_t stream) {
  return submit(comm, {Kind::kBroadcast, type, ncclSum, root, count, at(input), at(output)}, stream);
}

ncclResult_t ncclAlltoAll(const void* input, void* output, size_t count, ncclDataType_t type, ncclComm_t comm,
                          cudaStream_t stream) {
  return submit(comm, {Kind::kAllToAll, type, ncclSum, 0, count, at(input), at(output)}, stream);
}

ncclResult_t ncclGather(const void* input, void* output, size_t count, ncclDataType_t type, int root,
                        ncclComm_t comm, cudaStream_t stream) {
  return submit(comm, {Kind::kGather, type, ncclSum, root, count, at(input), at(output)}, stream);
}

ncclResult_t ncclScatter(const void* input, void* output, size_t count, ncclDataType_t type, int root,
                         ncclComm_t comm, cudaStream_t stream) {
  return submit(comm, {Kind::kScatter, type, ncclSum, root, count, at(input), at(output)}, stream);
}

ncclResult_t ncclSend(const void* input, size_t count, ncclDataType_t type, int peer, ncclComm_t comm,
                      cudaStream_t stream) {
  return submit(comm, {Kind::kSend, type, ncclSum, peer, count, at(input), 0}, stream);
}

ncclResult_t ncclRecv(void* output, size_t count, ncclDataType_t type, int peer, ncclComm_t comm,
                      cudaStream_t stream) {
  return submit(comm, {Kind::kReceive, type, ncclSum, peer, count, 0, at(output)}, stream);
}

}  // extern "C"
