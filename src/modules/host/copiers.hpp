// SPDX-License-Identifier: Apache-2.0
// The threads of memory.copy, each on a CPU of its own with memory of its own, and what they do together:
// take turns in growing numbers, or copy until the host says stop.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <thread>
#include <vector>

#include "millrace/probe.hpp"
#include "modules/host/stream_copy.hpp"
#include "units/result.hpp"

namespace millrace::host {

struct CopyShape {
  int from_node, to_node, run_node;
  std::size_t threads, chunk, size;  // size: bytes of a round, all threads together
  bool sweep;

  // Bytes of one of so many threads, each side; whole chunks.
  [[nodiscard]] std::size_t region(std::size_t sharing) const;
  // How many threads take part, in order of the turns.
  [[nodiscard]] std::vector<std::size_t> turns() const;
  // The most that a thread copies in a round: its share where it first takes part.
  [[nodiscard]] std::size_t largest_region(std::size_t index) const;
};

class Copier;  // what one thread has and does

class Copiers {
 public:
  Copiers(const CopyShape& shape, CopyFunction copy);
  ~Copiers();
  Copiers(const Copiers&) = delete;
  Copiers& operator=(const Copiers&) = delete;

  // Starts the threads, which then wait for what is next; each has its memory when this returns. Errors: a
  // CPU or memory that is not to be had.
  Result<void> start();
  // All turns; their rates by the number of threads, in bytes per second.
  std::map<std::size_t, double> sweep(const sdk::Host& host);
  // The first `count` threads, until the host says stop.
  Result<void> run(const sdk::Host& host, std::size_t count);
  [[nodiscard]] bool verified() const;  // what was copied is what it was copied from

 private:
  enum class Next { kTurn, kRun, kEnd };

  // What is next, by the first `count` threads.
  Result<void> together(Next next, const sdk::Host& host, std::size_t count);
  void body(std::size_t index, int cpu);
  void done(Result<void> result, double rate);

  CopyShape shape_;
  CopyFunction copy_;
  std::vector<Copier> copiers_;
  std::mutex mutex_;
  std::condition_variable changed_;
  Next next_ = Next::kRun;
  const sdk::Host* host_ = nullptr;
  std::size_t count_ = 0, busy_ = 0;  // threads of the round, and those that are not done with it
  std::uint64_t round_ = 0;
  double turn_rate_ = 0;  // bytes per second, all threads together
  Result<void> result_;
  std::vector<std::jthread> threads_;  // last, so that they end first
};

}  // namespace millrace::host
