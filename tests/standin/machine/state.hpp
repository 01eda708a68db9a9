// SPDX-License-Identifier: Apache-2.0
// What the processes of a played machine share: one file, mapped by each. All zeros is the state at its
// start.
#pragma once

#include <pthread.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <string>

namespace millrace::standin {

inline constexpr std::size_t kMostLinks = 1024, kMostGpus = 16, kMostFaults = 64, kMostBlocks = 2048;

struct MemoryBlock {
  std::uint64_t offset, size;  // size 0: free
  std::int32_t owner;          // process
  std::int32_t reserved;
};

struct GpuState {
  std::atomic<std::uint64_t> bytes_in, bytes_out;  // over all its links, and its memory alone
  std::atomic<std::uint64_t> bytes_memory;
  std::atomic<std::int64_t> busy_ns;   // of kernels and copies
  std::atomic<std::uint32_t> is_lost;  // since a fault of that kind; every library sees it
  std::uint32_t reserved;
  std::atomic<std::uint64_t> of_other_libraries[8];  // nccl, nvml, cufile: as they agree
  std::array<MemoryBlock, kMostBlocks> blocks;       // under the mutex
};

struct State {
  std::uint32_t is_initialised;
  std::uint32_t version;
  pthread_mutex_t mutex;                                              // of all processes, robust
  std::array<std::atomic<std::int64_t>, kMostLinks> link_free_at_ns;  // CLOCK_MONOTONIC
  std::array<std::atomic<std::uint64_t>, kMostLinks> link_bytes;
  std::array<std::atomic<std::uint64_t>, kMostFaults> fault_calls;
  std::array<GpuState, kMostGpus> gpus;
};

// Maps `file`, made and initialised by whoever comes first; "" is a state of this process alone. Throws
// std::runtime_error.
State* attach_state(const std::string& file);

// Holds the mutex; one whose owner died is taken over.
class Hold {
 public:
  explicit Hold(State& state);
  Hold(const Hold&) = delete;
  Hold& operator=(const Hold&) = delete;
  ~Hold();

 private:
  State& state_;
};

}  // namespace millrace::standin
