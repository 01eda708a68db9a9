// SPDX-License-Identifier: Apache-2.0
#include "nccl/play.hpp"

#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

#include "machine/machine.hpp"
#include "nccl/arithmetic.hpp"
#include "nccl/misuse.hpp"

namespace millrace::standin::nccl {
namespace {

constexpr std::int64_t kPlaySpin_ns = 50'000;

const Seat& seat_of(ncclComm_t comm, int rank) { return comm->table->seats[static_cast<std::size_t>(rank)]; }

std::string said(const Order& order) {
  return std::string(name_of(order.kind)) + " of " + std::to_string(order.count) + " elements of type " +
         std::to_string(order.type) + ", operation " + std::to_string(order.operation) + ", root " +
         std::to_string(order.root);
}

bool fit(const Order& a, const Order& b) {
  const bool reduces =
      a.kind == Kind::kAllReduce || a.kind == Kind::kReduceScatter || a.kind == Kind::kReduce;
  const bool rooted = a.kind == Kind::kBroadcast || a.kind == Kind::kReduce || a.kind == Kind::kGather ||
                      a.kind == Kind::kScatter;
  return a.kind == b.kind && a.count == b.count && a.type == b.type &&
         (!reduces || a.operation == b.operation) && (!rooted || a.root == b.root);
}

// The vendor's library hangs or corrupts where ranks want different things.
void compare(ncclComm_t comm, const Order& mine) {
  for (int rank = 0; rank < comm->ranks; ++rank)
    if (const Order& theirs = seat_of(comm, rank).order; !fit(mine, theirs))
      die("ranks want different things: rank " + std::to_string(comm->rank) + " " + said(mine) + ", rank " +
          std::to_string(rank) + " " + said(theirs));
}

// Waits for all ranks to come to collective `number`; one that closed its communicator never will.
bool wait_for_all(ncclComm_t comm, std::uint64_t number, const Order& order) {
  return wait_until(comm, [&] {
    bool all = true;
    for (int rank = 0; rank < comm->ranks; ++rank) {
      const Seat& seat = seat_of(comm, rank);
      if (seat.entered.load() >= number) continue;
      all = false;
      if (seat.closed != 0 && seat.entered.load() < number)
        die("called by too few ranks: " + said(order) + " is collective " + std::to_string(number) +
            " of rank " + std::to_string(comm->rank) + ", and rank " + std::to_string(rank) +
            " closed its communicator after " + std::to_string(seat.entered.load()));
    }
    return all;
  });
}

std::vector<std::byte> result_of(ncclComm_t comm, const Order& order) {
  std::vector<std::byte> result(output_bytes(order, comm->rank, comm->ranks));
  if (result.empty()) return result;
  const std::size_t one = order.count * size_of(order.type);
  const auto own = static_cast<std::size_t>(comm->rank);
  std::vector<std::uint64_t> inputs;
  for (int rank = 0; rank < comm->ranks; ++rank) inputs.push_back(seat_of(comm, rank).order.input);
  const auto copy = [&](std::size_t to, std::size_t from_rank, std::size_t from) {
    std::memcpy(result.data() + to, reinterpret_cast<const std::byte*>(inputs[from_rank]) + from, one);
  };
  const auto root = static_cast<std::size_t>(order.root);
  switch (order.kind) {
    case Kind::kAllReduce:
    case Kind::kReduce:
      reduce(inputs, 0, order.count, order.type, order.operation, result.data());
      break;
    case Kind::kReduceScatter:
      reduce(inputs, own * order.count, order.count, order.type, order.operation, result.data());
      break;
    case Kind::kAllGather:
    case Kind::kGather:
      for (std::size_t rank = 0; rank < inputs.size(); ++rank) copy(rank * one, rank, 0);
      break;
    case Kind::kAllToAll:
      for (std::size_t rank = 0; rank < inputs.size(); ++rank) copy(rank * one, rank, own * one);
      break;
    case Kind::kBroadcast:
      copy(0, root, 0);
      break;
    case Kind::kScatter:
      copy(0, root, own * one);
      break;
    case Kind::kSend:
    case Kind::kReceive:
      break;
  }
  return result;
}

// What this rank sends, over the links to whom: around a ring, as NCCL's ring algorithm does, or straight to
// each. Returns when the last byte has crossed.
std::int64_t send_all(ncclComm_t comm, const Order& order, std::int64_t ready_ns) {
  Machine& machine = Machine::instance();
  const int n = comm->ranks;
  const std::size_t one = order.count * size_of(order.type);
  std::int64_t end_ns = ready_ns;
  const auto to = [&](int rank, double bytes) {
    if (rank == comm->rank || bytes <= 0) return;
    const Path path = machine.gpu_to_gpu(comm->gpu, seat_of(comm, rank).gpu);
    end_ns = std::max(end_ns, machine.transfer(path, static_cast<std::uint64_t>(bytes), ready_ns));
  };
  const int next = (comm->rank + 1) % n;
  const auto share = static_cast<double>(one);
  switch (order.kind) {
    case Kind::kAllReduce:
      to(next, 2.0 * (n - 1) / n * share);
      break;
    case Kind::kAllGather:
    case Kind::kReduceScatter:
      to(next, (n - 1) * share);
      break;
    case Kind::kBroadcast:
      if (next != order.root) to(next, share);
      break;
    case Kind::kReduce:
      if (comm->rank != order.root) to(next, share);
      break;
    case Kind::kGather:
      to(order.root, share);
      break;
    case Kind::kAllToAll:
      for (int rank = 0; rank < n; ++rank) to(rank, share);
      break;
    case Kind::kScatter:
      for (int rank = 0; rank < n && comm->rank == order.root; ++rank) to(rank, share);
      break;
    case Kind::kSend:
    case Kind::kReceive:
      break;
  }
  return end_ns;
}

}  // namespace

void play(ncclComm_t comm, const Order& order, const Trouble& trouble, std::int64_t ready_ns) {
  if (trouble.hang) {
    wait_until(comm, [] { return false; });
    return;
  }
  Seat& mine = comm->seat();
  const std::uint64_t number = ++comm->collectives;
  mine.order = order;
  mine.ready_ns = ready_ns;
  mine.entered = number;
  if (!wait_for_all(comm, number, order)) return;
  compare(comm, order);
  std::int64_t begin_ns = ready_ns;
  for (int rank = 0; rank < comm->ranks; ++rank) begin_ns = std::max(begin_ns, seat_of(comm, rank).ready_ns);
  mine.end_ns = send_all(comm, order, begin_ns);
  std::vector<std::byte> result = result_of(comm, order);
  if (trouble.wrong_data && !result.empty()) result[result.size() / 2] ^= std::byte{1};
  mine.computed = number;
  // Nobody writes before all have read: in place, one's output is another's input.
  const auto all_computed = [&] {
    for (int rank = 0; rank < comm->ranks; ++rank)
      if (seat_of(comm, rank).computed.load() < number) return false;
    return true;
  };
  if (!wait_until(comm, all_computed)) return;
  if (!result.empty()) std::memcpy(reinterpret_cast<void*>(order.output), result.data(), result.size());
  std::int64_t end_ns = begin_ns;
  for (int rank = 0; rank < comm->ranks; ++rank) end_ns = std::max(end_ns, seat_of(comm, rank).end_ns);
  comm->end_ns = end_ns;
  sleep_until(end_ns, kPlaySpin_ns);
}

}  // namespace millrace::standin::nccl
