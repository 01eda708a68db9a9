// SPDX-License-Identifier: Apache-2.0
#include "run/gpu_plan.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstdint>
#include <map>

namespace millrace::run {
namespace {

constexpr double kCopyWeight = 0.4, kCollectiveWeight = 0.4, kStorageWeight = 0.4;
constexpr const char* kCopyProbe = "gpu.copy";
constexpr const char* kOwnProbe = "gpu.memory";
constexpr const char* kOwnCopySize = "256MiB";  // twice a B200's cache
constexpr const char* kOwnSlot = "100ms";       // of each GPU, of a copy that takes less than a millisecond
constexpr double kOwnWeight = 0.2;
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

std::string list_of(const std::vector<std::string>& gpus) { return fmt::format("{}", fmt::join(gpus, ",")); }

// Those behind one PCIe switch, by the uplink nearest to the host that their bytes come through; without the
// switches that have one GPU, whose uplink no two share, or all of them, which host-to-all measures anyway.
std::vector<std::vector<std::string>> behind_switches(const topology::Topology& graph,
                                                      const std::vector<std::string>& gpus) {
  std::map<std::string, std::vector<std::string>> by_uplink;
  for (const std::string& gpu : gpus) {
    std::vector<topology::Hop> nearest;
    for (const topology::Endpoint& endpoint : graph.endpoints) {
      if (endpoint.kind != "memory") continue;
      auto path = topology::path_between(graph, endpoint.id, gpu);
      if (!path.empty() && (nearest.empty() || path.size() < nearest.size())) nearest = std::move(path);
    }
    for (const topology::Hop& hop : nearest)
      if (const auto* resource = topology::find_resource(graph, hop.resource);
          resource != nullptr && resource->kind == "pcie_switch_uplink") {
        by_uplink[hop.resource].push_back(gpu);
        break;
      }
  }
  std::vector<std::vector<std::string>> groups;
  for (auto& [uplink, behind] : by_uplink)
    if (behind.size() > 1 && behind.size() < gpus.size()) groups.push_back(std::move(behind));
  return groups;
}

void add_copies(const topology::Topology& graph, const std::vector<std::string>& gpus, GpuPlan& plan) {
  const auto copy = [&](const char* pattern, const std::string& which) {
    plan.measurements.push_back(
        {kCopyProbe, {{"pattern", pattern}, {"gpu", which}, {"size", kCopySize}}, kCopyWeight});
  };
  copy("host-to-device", plan.to);
  if (gpus.size() < 2) return;
  copy("host-to-all", plan.to);
  for (const std::vector<std::string>& behind : behind_switches(graph, gpus))
    copy("host-to-all", list_of(behind));
  copy("peer-read", plan.to);
  // By the copy engine, which needs no kernels. Whether one GPU is slower than the others shows in its own
  // memory.
  plan.measurements.push_back(
      {kOwnProbe,
       {{"gpu", plan.to}, {"engine", "copy-engine"}, {"size", kOwnCopySize}, {"slot", kOwnSlot}},
       kOwnWeight});
}

}  // namespace

double GpuPlan::weight() const {
  double sum = 0;
  for (const GpuMeasurement& one : measurements) sum += one.weight;
  return sum;
}

void GpuPlan::size_copies(double slowest) {
  constexpr double kTakes_s = 0.005;
  constexpr std::uint64_t kLeast = 1 << 20, kMost = 16 << 20;
  if (!(slowest > 0) || slowest * kTakes_s >= kMost) return;
  const auto size =
      std::clamp(static_cast<std::uint64_t>(slowest * kTakes_s) / kLeast * kLeast, kLeast, kMost);
  // What is copied within a GPU comes over its link first.
  const std::map<std::string, std::uint64_t> sizes{{kCopyProbe, size}, {kOwnProbe, 16 * size}};
  for (GpuMeasurement& one : measurements)
    if (const auto found = sizes.find(one.probe); found != sizes.end())
      for (auto& [name, text] : one.given)
        if (name == "size") text = std::to_string(found->second);
}

GpuPlan plan_gpus(const Job& job, const Catalog& catalog, const topology::Machine& machine) {
  GpuPlan plan;
  std::vector<std::string> gpus = gpus_of(machine);
  if (gpus.empty()) return plan;
  if (!is_ready(catalog, "gpu", "everything on GPUs", plan)) return plan;
  gpus.resize(std::min(gpus.size(), static_cast<std::size_t>(std::max(job.accelerators, 1))));
  plan.to = list_of(gpus);
  add_copies(machine.graph, gpus, plan);
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
