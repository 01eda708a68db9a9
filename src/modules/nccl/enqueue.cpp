// SPDX-License-Identifier: Apache-2.0
#include "modules/nccl/enqueue.hpp"

#include "modules/nccl/newer_calls.hpp"

namespace millrace::nccl {
namespace {

using collective::Collective;
using collective::ElementType;
using collective::Operation;

// One call's arguments, in elements.
struct Arguments {
  const Settings& settings;
  int rank;
  const void* input;
  void* output;
  std::size_t input_count, output_count;
  ncclDataType_t type;
  ncclComm_t communicator;
  CUstream stream;

  [[nodiscard]] const void* input_share(int of, std::size_t count) const {
    return static_cast<const std::byte*>(input) + static_cast<std::size_t>(of) * count * settings.element();
  }
  [[nodiscard]] void* output_share(int of, std::size_t count) const {
    return static_cast<std::byte*>(output) + static_cast<std::size_t>(of) * count * settings.element();
  }
};

// Calls within one group; NCCL says at its end what they came to.
ncclResult_t grouped(const auto& calls) {
  if (const ncclResult_t began = ncclGroupStart(); began != ncclSuccess) return began;
  const ncclResult_t said = calls();
  const ncclResult_t ended = ncclGroupEnd();
  return said != ncclSuccess && said != ncclInProgress ? said : ended;
}

ncclResult_t send(const Arguments& a, const void* from, std::size_t count, int to) {
  return ncclSend(from, count, a.type, to, a.communicator, a.stream);
}
ncclResult_t receive(const Arguments& a, void* to, std::size_t count, int from) {
  return ncclRecv(to, count, a.type, from, a.communicator, a.stream);
}

// `call` for each rank, until one fails.
ncclResult_t for_ranks(const Arguments& a, const auto& call) {
  for (int rank = 0; rank < a.settings.ranks; ++rank) {
    const ncclResult_t said = call(rank);
    if (said != ncclSuccess && said != ncclInProgress) return said;
  }
  return ncclSuccess;
}

ncclResult_t all_to_all(const Arguments& a) {
  const std::size_t share = a.input_count / static_cast<std::size_t>(a.settings.ranks);
  if (const auto call = newer_calls().all_to_all; call != nullptr && !a.settings.grouped)
    return call(a.input, a.output, share, a.type, a.communicator, a.stream);
  return grouped([&] {
    return for_ranks(a, [&](int rank) {
      const ncclResult_t said = send(a, a.input_share(rank, share), share, rank);
      return said != ncclSuccess && said != ncclInProgress
                 ? said
                 : receive(a, a.output_share(rank, share), share, rank);
    });
  });
}

ncclResult_t gather(const Arguments& a) {
  const int root = a.settings.root;
  if (const auto call = newer_calls().gather; call != nullptr && !a.settings.grouped)
    return call(a.input, a.output, a.input_count, a.type, root, a.communicator, a.stream);
  return grouped([&] {
    const ncclResult_t said = send(a, a.input, a.input_count, root);
    if (a.rank != root || (said != ncclSuccess && said != ncclInProgress)) return said;
    return for_ranks(
        a, [&](int rank) { return receive(a, a.output_share(rank, a.input_count), a.input_count, rank); });
  });
}

ncclResult_t scatter(const Arguments& a) {
  const int root = a.settings.root;
  if (const auto call = newer_calls().scatter; call != nullptr && !a.settings.grouped)
    return call(a.input, a.output, a.output_count, a.type, root, a.communicator, a.stream);
  return grouped([&] {
    const ncclResult_t said = receive(a, a.output, a.output_count, root);
    if (a.rank != root || (said != ncclSuccess && said != ncclInProgress)) return said;
    return for_ranks(
        a, [&](int rank) { return send(a, a.input_share(rank, a.output_count), a.output_count, rank); });
  });
}

// Around a ring: to the next rank, from the one before.
ncclResult_t send_receive(const Arguments& a) {
  const int ranks = a.settings.ranks;
  return grouped([&] {
    const ncclResult_t said = send(a, a.input, a.input_count, (a.rank + 1) % ranks);
    return said != ncclSuccess && said != ncclInProgress
               ? said
               : receive(a, a.output, a.output_count, (a.rank + ranks - 1) % ranks);
  });
}

}  // namespace

ncclDataType_t type_of(ElementType type) {
  switch (type) {
    case ElementType::kInt8:
      return ncclInt8;
    case ElementType::kInt32:
      return ncclInt32;
    case ElementType::kHalf:
      return ncclFloat16;
    case ElementType::kBfloat16:
      return ncclBfloat16;
    case ElementType::kFloat:
      return ncclFloat32;
    case ElementType::kDouble:
      return ncclFloat64;
  }
  return ncclFloat32;
}

ncclRedOp_t operation_of(Operation operation) {
  switch (operation) {
    case Operation::kSum:
      return ncclSum;
    case Operation::kProduct:
      return ncclProd;
    case Operation::kMinimum:
      return ncclMin;
    case Operation::kMaximum:
      return ncclMax;
    case Operation::kAverage:
      return ncclAvg;
  }
  return ncclSum;
}

bool falls_back(const Settings& s) {
  if (s.grouped) return false;
  return (s.collective == Collective::kAllToAll && newer_calls().all_to_all == nullptr) ||
         (s.collective == Collective::kGather && newer_calls().gather == nullptr) ||
         (s.collective == Collective::kScatter && newer_calls().scatter == nullptr);
}

ncclResult_t enqueue(const Settings& s, int rank, const Turn& turn, ncclComm_t communicator,
                     CUstream stream) {
  const Arguments a{s,
                    rank,
                    reinterpret_cast<const void*>(turn.input),
                    reinterpret_cast<void*>(turn.output),
                    turn.input_bytes / s.element(),
                    turn.output_bytes / s.element(),
                    type_of(s.type),
                    communicator,
                    stream};
  const ncclRedOp_t operation = operation_of(s.operation.value_or(Operation::kSum));
  switch (s.collective) {
    case Collective::kAllReduce:
      return ncclAllReduce(a.input, a.output, a.input_count, a.type, operation, communicator, stream);
    case Collective::kAllGather:
      return ncclAllGather(a.input, a.output, a.input_count, a.type, communicator, stream);
    case Collective::kReduceScatter:
      return ncclReduceScatter(a.input, a.output, a.output_count, a.type, operation, communicator, stream);
    case Collective::kBroadcast:
      return ncclBroadcast(a.input, a.output, a.output_count, a.type, s.root, communicator, stream);
    case Collective::kReduce:
      return ncclReduce(a.input, a.output, a.input_count, a.type, operation, s.root, communicator, stream);
    case Collective::kAllToAll:
      return all_to_all(a);
    case Collective::kGather:
      return gather(a);
    case Collective::kScatter:
      return scatter(a);
    case Collective::kSendReceive:
      return send_receive(a);
  }
  return ncclInvalidUsage;
}

}  // namespace millrace::nccl
