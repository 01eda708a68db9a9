// SPDX-License-Identifier: Apache-2.0
#include "topology/nvml/nvlink_graph.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <set>

#include "units/quantity.hpp"

namespace millrace::topology::nvml {
namespace {

constexpr const char* kSwitch = "nvswitch:0";

using Bundle = std::vector<const NvLink*>;  // links that bytes spread over

std::pair<std::optional<double>, std::string> limit_of_bundle(const Bundle& bundle) {
  std::map<double, int, std::greater<>> by_rate;
  double sum = 0;
  for (const NvLink* link : bundle) {
    if (!link->bytes_per_s) return {std::nullopt, "NVML does not tell the rate of these NVLinks"};
    ++by_rate[*link->bytes_per_s];
    sum += *link->bytes_per_s;
  }
  std::vector<std::string> parts;
  for (const auto& [rate, count] : by_rate)
    parts.push_back(fmt::format("{} x {}", count, millrace::to_text(BytesPerSecond{rate})));
  return {sum,
          fmt::format("NVLinks as NVML tells: {}; packet overhead not counted", fmt::join(parts, " + "))};
}

class Builder {
 public:
  explicit Builder(Topology& graph) : graph_(graph) {}

  // All links of a GPU to its switches, both ways.
  void to_switch(const GpuFacts& gpu, const Bundle& bundle) {
    const auto [limit, source] = limit_of_bundle(bundle);
    add(gpu, kSwitch, fmt::format("nvlink:{}:out", gpu.gpu), fmt::format("NVLinks of {}, outwards", gpu.gpu),
        limit, source, false);
    add(gpu, kSwitch, fmt::format("nvlink:{}:in", gpu.gpu), fmt::format("NVLinks of {}, inwards", gpu.gpu),
        limit, source, true);
  }
  // One direction; the other one is the other GPU's to add.
  void to_gpu(const GpuFacts& gpu, const std::string& other, const Bundle& bundle) {
    const auto [limit, source] = limit_of_bundle(bundle);
    add(gpu, other, fmt::format("nvlink:{}-{}", gpu.gpu, other),
        fmt::format("NVLinks from {} to {}", gpu.gpu, other), limit, source, false);
  }
  void finish() { graph_.links.insert(graph_.links.begin(), links_.begin(), links_.end()); }

 private:
  void add(const GpuFacts& gpu, const std::string& other, const std::string& id, const std::string& name,
           std::optional<double> limit, const std::string& source, bool inwards) {
    const Endpoint* endpoint = find_endpoint(graph_, gpu.gpu);
    graph_.resources.push_back(
        {id, "nvlink", name, 0, limit, source, endpoint == nullptr ? std::nullopt : endpoint->numa, gpu.pci});
    links_.push_back(inwards ? Link{other, gpu.gpu, id} : Link{gpu.gpu, other, id});
  }

  Topology& graph_;
  std::vector<Link> links_;
};

}  // namespace

void add_nvlinks(Topology& graph, const std::vector<GpuFacts>& gpus) {
  std::map<std::string, std::string> id_of;  // by PCI address
  for (const GpuFacts& gpu : gpus) id_of[gpu.pci] = gpu.gpu;
  Builder builder(graph);
  std::set<std::string> switches;
  bool switched = false;
  for (const GpuFacts& gpu : gpus) {
    Bundle to_switch;
    std::map<std::string, Bundle> to_gpus;
    for (const NvLink& link : gpu.nvlinks) {
      if (!link.active) continue;
      if (link.remote == "switch") {
        to_switch.push_back(&link);
        if (!link.remote_pci.empty()) switches.insert(link.remote_pci);
      } else if (const auto other = id_of.find(link.remote_pci); other != id_of.end()) {
        to_gpus[other->second].push_back(&link);
      }
    }
    switched = switched || !to_switch.empty();
    if (!to_switch.empty()) builder.to_switch(gpu, to_switch);
    for (const auto& [other, bundle] : to_gpus) builder.to_gpu(gpu, other, bundle);
  }
  if (switched)
    graph.endpoints.push_back(
        {kSwitch, "nvswitch",
         switches.size() > 1 ? fmt::format("{} NVSwitches", switches.size()) : "NVSwitch", 0, std::nullopt,
         switches.size() == 1 ? *switches.begin() : "", ""});
  builder.finish();
}

}  // namespace millrace::topology::nvml
