// SPDX-License-Identifier: Apache-2.0
// The machine that all stand-in drivers of all processes play together: its links, on which one transfer
// waits for the other, its GPUs' memory, and the faults that it is told to have.
//
//   MILLRACE_STANDIN_MACHINE   the JSON file that describes it (description.hpp); must be set
//   MILLRACE_STANDIN_STATE     a file that its processes share; not set: this process alone
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "machine/clock.hpp"
#include "machine/description.hpp"
#include "machine/state.hpp"

namespace millrace::standin {

// The links that a transfer crosses, each with the share of its bytes: four NVLinks carry a quarter each.
struct Hop {
  int link = 0;
  double share = 1;
};
using Path = std::vector<Hop>;
Path operator+(Path a, const Path& b);

class Machine {
 public:
  // Of this process; made at the first call. Prints what is wrong and aborts when there is none to play.
  static Machine& instance();
  Machine(Description description, const std::string& state_file);

  [[nodiscard]] const Description& description() const { return description_; }
  [[nodiscard]] State& state() { return *state_; }
  [[nodiscard]] const std::string& state_file() const { return state_file_; }

  // A transfer's links. Host memory of node -1 is near the GPU. Two GPUs take their NVLinks where both have
  // active ones to the same switch or to each other, else PCIe, through the roots when they are below
  // different switches.
  [[nodiscard]] Path host_to_gpu(int gpu, int numa = -1) const;
  [[nodiscard]] Path gpu_to_host(int gpu, int numa = -1) const;
  [[nodiscard]] Path gpu_to_gpu(int from, int to) const;
  [[nodiscard]] Path gpu_memory(int gpu) const;  // a byte that is read or written there; empty: no limit
  [[nodiscard]] bool nvlink_between(int a, int b) const { return !nvlinks(a, b).empty(); }
  // One link by its name: "gpu0:pcie:up" (towards memory), "gpu0:pcie:down", "sw0:up", "sw0:down",
  // "gpu0:nvlink1:out", "gpu0:nvlink1:in", "gpu0:memory", "numa0-1", or an id of links[].
  [[nodiscard]] Path link(const std::string& name) const;
  // Bytes per second of the path when nothing else uses it; infinite where nothing limits it.
  [[nodiscard]] double rate(const Path& path) const;

  // Reserves the links of a transfer that could begin at `ready_ns` (a moment that may be a little past),
  // each from when it is next free, and returns when its last byte has crossed. The caller sleeps until then
  // (sleep_until), and begins its next transfer from there, so that no rate is lost to late waking. Long
  // transfers are reserved in parts of some milliseconds, so that those which meet on a link share it.
  std::int64_t transfer(const Path& path, std::uint64_t bytes, std::int64_t ready_ns = now_ns(),
                        double slower = 1);
  // A part that long transfers are cut into: what the path carries in 4 ms, whole KiB.
  [[nodiscard]] std::uint64_t part_of(const Path& path) const;

  // Counts a call, and says which fault it is to have; of several, the first. After a fault kLost the GPU's
  // state says so.
  std::optional<FaultDescription> fault(std::string_view library, std::string_view call, int gpu);
  [[nodiscard]] bool is_lost(int gpu) {
    return state_->gpus.at(static_cast<std::size_t>(gpu)).is_lost.load() != 0;
  }
  [[nodiscard]] GpuState& gpu(int index) { return state_->gpus.at(static_cast<std::size_t>(index)); }

 private:
  int add_link(const std::string& name, double bytes_per_s);
  [[nodiscard]] Path nvlinks(int from, int to) const;
  [[nodiscard]] Path across_sockets(int from, int to) const;

  Description description_;
  std::string state_file_;
  State* state_;
  std::map<std::string, int> links_;
  std::vector<double> rates_;  // of each link
};

}  // namespace millrace::standin
