// SPDX-License-Identifier: Apache-2.0
// What the main job measures of GPUs: where its pipelines end, and, beside the feed path, what the GPUs' own
// links carry. On a machine without GPUs, or where they cannot be used, all of this is empty and host memory
// stands in.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "run/catalog.hpp"
#include "run/job.hpp"
#include "topology/discover.hpp"

namespace millrace::run {

struct GpuMeasurement {
  std::string probe;
  std::vector<std::pair<std::string, std::string>> given;
  double weight = 0;  // of one repeat, in units of TimePlan
};

struct GpuPlan {
  std::string to;       // "gpu:0,gpu:1": as ingest.pipeline takes it; empty: host memory
  bool direct = false;  // whether pipelines can also go past host memory
  std::vector<GpuMeasurement> measurements;
  std::vector<std::string> left_out;  // what this machine's GPUs are not asked, and why: for people

  [[nodiscard]] bool any() const { return !to.empty(); }
  [[nodiscard]] double weight() const;
  // Sizes the copies so that one over the slowest link takes milliseconds, and all GPUs get several done in
  // their turn.
  void size_copies(double slowest_link_bytes_per_s);
  void leave_out() {  // all but what is said of it
    to.clear();
    direct = false;
    measurements.clear();
  }
};

// The first job.accelerators GPUs, where there are so many, else all. Host to device on each GPU's own link,
// on all together and on those together that share the uplink of one PCIe switch; between the GPUs; an
// all-reduce; reading into and writing out of them by GPUDirect Storage.
GpuPlan plan_gpus(const Job& job, const Catalog& catalog, const topology::Machine& machine);

}  // namespace millrace::run
