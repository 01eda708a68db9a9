// SPDX-License-Identifier: Apache-2.0
// The probe memory.copy: threads, each on a core of its own, copy regions larger than the caches from one
// NUMA node's memory to another's. Bytes are bytes copied: each is read once and written once, so the memory
// bus moves twice as many (and a tool that counts loads and stores, like likwid-bench, reports twice the
// figure).
#pragma once

#include <cstddef>
#include <map>
#include <memory>

#include "millrace/probe.hpp"

namespace millrace::host {

class Copiers;  // the threads, with their memory

class CopyProbe : public sdk::Probe {
 public:
  CopyProbe();
  ~CopyProbe() override;
  static sdk::Outcome describe(sdk::Host& host);
  // Starts the threads, which pin themselves, then allocate and fill their memory: all of it before the start
  // barrier, so that what is measured begins with the first copy. With a sweep, 1, 2, 4 ... all of them then
  // take turns, and the fastest number is left for the run.
  sdk::Outcome open(sdk::Host& host) override;
  sdk::Outcome run(sdk::Host& host) override;

 private:
  std::unique_ptr<Copiers> copiers_;
  std::size_t threads_ = 0;              // that run
  std::map<std::size_t, double> rates_;  // of the sweep: bytes per second by threads
};

const millrace_probe& copy_probe();

}  // namespace millrace::host
