// SPDX-License-Identifier: Apache-2.0
// Threads that take memory bandwidth from whatever runs beside them: each, on a CPU of its own, copies
// regions larger than its share of the caches until this is gone.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

namespace millrace::selftest {

class Neighbours {
 public:
  // All of them copy by the time this returns.
  explicit Neighbours(const std::vector<int>& cpus);
  Neighbours(const Neighbours&) = delete;
  Neighbours& operator=(const Neighbours&) = delete;
  ~Neighbours();

  // What so many of them hold, bytes.
  static std::uint64_t memory_bytes(std::size_t cpus);
  [[nodiscard]] std::uint64_t copied_bytes() const { return copied_; }

 private:
  void copy_on(int cpu);
  std::atomic<bool> stop_{false};
  std::atomic<std::size_t> copying_{0};
  std::atomic<std::uint64_t> copied_{0};
  std::vector<std::thread> threads_;
};

// The CPUs that this process may use on the NUMA node of the first of them, in two halves that share no core
// (SMT siblings lie together) and so no more than the way to memory. Where there is one core, no neighbours.
struct CoreHalves {
  std::vector<int> ours, neighbours;
};
// `core_of`: a name of the core that a CPU belongs to, `node_of` of its node.
CoreHalves halves_of(const std::vector<int>& allowed, const std::function<std::string(int cpu)>& core_of,
                     const std::function<std::string(int cpu)>& node_of);
CoreHalves halves_of_this_machine();

}  // namespace millrace::selftest
