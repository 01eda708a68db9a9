// SPDX-License-Identifier: Apache-2.0
#include "run/gpu_plan.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>

namespace millrace::run {
namespace {

constexpr double kCopyWeight = 0.4, kCollectiveWeight = 0.4, kStorageWeight = 0.4;
constexpr const char* kCopySize = "16MiB";                        // a link is as fast with it as with more
constexpr const char* kCollectiveSize = "64MiB";                  // small ones tell latency, not bandwidth
constexpr std::uint64_t kStorageSize = std::uint64_t{128} << 20;  // of the file of each GPU
constexpr std::uint64_t kOfTheCap = 4;                            // the data sets lie there as well

std::vector<std::string> gpus_of(const topology::Machine& machine) {
  std::vector<std::string> gpus;
  for (const topology::Endpoint& endpoint : machine.graph.endpoints)
    if (endpoint.kind == "gpu") gpus.push_back(endpoint.id);
  return gpus;
}

// Null where the module is ready; else why it is not.
const ModuleInfo* not_ready(const Catalog& catalog, const std::string& module) {
  static const ModuleInfo missing{{}, {}, {}, "not built", {}, {}, {}, false, {}};
  const auto found = std::find_if(catalog.modules.begin(), catalog.modules.end(),
                                  [&](const ModuleInfo& m) { return m.name == module; });
  if (found == catalog.modules.end()) return &missing;
  return found->state == "ready" ? nullptr : &*found;
}

bool is_ready(const Catalog& catalog, const std::string& module, const std::string& for_what, GpuPlan& plan) {
  const ModuleInfo* why = not_ready(catalog, module);
  if (why != nullptr)
    plan.left_out.push_back(fmt::format("{} is left out: the module {} is {}{}", for_what, module, why->state,
                                        why->reason.empty() ? "" : " (" + why->reason + ")"));
  return why == nullptr;
}

void add_copies(std::size_t gpus, GpuPlan& plan) {
  const auto copy = [&](const char* pattern) {
    plan.measurements.push_back(
        {"gpu.copy", {{"pattern", pattern}, {"gpu", plan.to}, {"size", kCopySize}}, kCopyWeight});
  };
  copy("host-to-device");
  if (gpus < 2) return;
  copy("host-to-all");
  copy("peer-read");
}

}  // namespace

double GpuPlan::weight() const {
  double sum = 0;
  for (const GpuMeasurement& one : measurements) sum += one.weight;
  return sum;
}

GpuPlan plan_gpus(const Job& job, const Catalog& catalog, const topology::Machine& machine) {
  GpuPlan plan;
  std::vector<std::string> gpus = gpus_of(machine);
  if (gpus.empty()) return plan;
  if (!is_ready(catalog, "gpu", "everything on GPUs", plan)) return plan;
  gpus.resize(std::min(gpus.size(), static_cast<std::size_t>(std::max(job.accelerators, 1))));
  for (const std::string& gpu : gpus) plan.to += (plan.to.empty() ? "" : ",") + gpu;
  add_copies(gpus.size(), plan);
  if (gpus.size() > 1 && is_ready(catalog, "nccl", "the all-reduce", plan))
    plan.measurements.push_back(
        {"nccl.all_reduce", {{"gpus", plan.to}, {"size", kCollectiveSize}}, kCollectiveWeight});
  plan.direct = is_ready(catalog, "gds", "GPUDirect Storage", plan);
  // Nothing is written where only the user's own files are read.
  if (!plan.direct || !job.datasets.empty()) return plan;
  if (job.size_cap > 0 && job.size_cap / kOfTheCap < kStorageSize * gpus.size())
    plan.left_out.push_back(
        fmt::format("reading and writing by GPUDirect Storage are left out: --size-cap {} leaves too "
                    "little for their files",
                    to_binary({job.size_cap})));
  else
    for (const char* probe : {"storage.gds_read", "storage.gds_write"})
      plan.measurements.push_back({probe,
                                   {{"path", job.paths.front().string()},
                                    {"gpu", plan.to},
                                    {"file-size", std::to_string(kStorageSize)}},
                                   kStorageWeight});
  return plan;
}

}  // namespace millrace::run
