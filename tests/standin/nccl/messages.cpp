// SPDX-License-Identifier: Apache-2.0
#include "nccl/messages.hpp"

#include <algorithm>
#include <cstring>
#include <string>

#include "machine/machine.hpp"
#include "nccl/misuse.hpp"

namespace millrace::standin::nccl {
namespace {

constexpr std::int64_t kSpin_ns = 50'000;

// The letters from one rank to another.
Letter& letter(ncclComm_t comm, int from, int to) {
  return comm->table->seats[static_cast<std::size_t>(from)].letters[static_cast<std::size_t>(to)];
}

bool post(ncclComm_t comm, const Order& order, std::int64_t ready_ns, std::uint64_t& number) {
  Letter& mine = letter(comm, comm->rank, order.root);
  if (mine.posted.load() != mine.taken.load()) return false;  // the one before is still on its way
  mine.address = order.input;
  mine.count = order.count;
  mine.type = order.type;
  mine.ready_ns = ready_ns;
  number = mine.posted.load() + 1;
  mine.posted = number;
  return true;
}

bool take(ncclComm_t comm, const Task& task, std::int64_t ready_ns, std::int64_t& end_ns) {
  const Order& order = task.order;
  Letter& theirs = letter(comm, order.root, comm->rank);
  if (theirs.posted.load() == theirs.taken.load()) return false;
  if (theirs.count != order.count || theirs.type != order.type)
    die("ranks want different things: rank " + std::to_string(order.root) + " sends " +
        std::to_string(theirs.count) + " elements of type " + std::to_string(theirs.type) + ", rank " +
        std::to_string(comm->rank) + " receives " + std::to_string(order.count) + " of type " +
        std::to_string(order.type));
  const std::size_t size = order.count * size_of(order.type);
  std::memcpy(reinterpret_cast<void*>(order.output), reinterpret_cast<const void*>(theirs.address), size);
  if (task.trouble.wrong_data && size > 0)
    reinterpret_cast<std::byte*>(order.output)[size / 2] ^= std::byte{1};
  Machine& machine = Machine::instance();
  const int sender = comm->table->seats[static_cast<std::size_t>(order.root)].gpu;
  ready_ns = std::max(ready_ns, theirs.ready_ns);
  theirs.end_ns = sender == comm->gpu
                      ? ready_ns
                      : machine.transfer(machine.gpu_to_gpu(sender, comm->gpu), size, ready_ns);
  end_ns = std::max(end_ns, theirs.end_ns);
  theirs.taken = theirs.posted.load();
  return true;
}

}  // namespace

void play_messages(ncclComm_t comm, const std::vector<Task>& tasks, std::int64_t ready_ns) {
  struct Progress {
    bool posted = false, done = false;
    std::uint64_t number = 0;
  };
  std::vector<Progress> progress(tasks.size());
  std::int64_t end_ns = 0;
  const auto advance = [&] {
    bool all = true;
    for (std::size_t i = 0; i < tasks.size(); ++i) {
      const Order& order = tasks[i].order;
      Progress& mine = progress[i];
      if (mine.done || tasks[i].trouble.hang) {
        all = all && mine.done;
        continue;
      }
      if (order.kind == Kind::kReceive) {
        mine.done = take(comm, tasks[i], ready_ns, end_ns);
      } else {
        if (!mine.posted) mine.posted = post(comm, order, ready_ns, mine.number);
        Letter& sent = letter(comm, comm->rank, order.root);
        mine.done = mine.posted && sent.taken.load() >= mine.number;
        if (mine.done) end_ns = std::max(end_ns, sent.end_ns);
      }
      all = all && mine.done;
    }
    return all;
  };
  if (!wait_until(comm, advance)) return;
  comm->end_ns = end_ns;
  sleep_until(end_ns, kSpin_ns);
}

}  // namespace millrace::standin::nccl
