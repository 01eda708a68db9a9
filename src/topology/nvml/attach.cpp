// SPDX-License-Identifier: Apache-2.0
#include "topology/nvml/attach.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "topology/nvml/nvlink_graph.hpp"
#include "topology/pcie_links.hpp"

namespace millrace::topology::nvml {
namespace {

// PCI Express Base Specification: 2.5 GT/s in the first generation, 5, 8, and then twice as much each time.
LinkRate pcie_rate(std::optional<int> generation, std::optional<int> width) {
  constexpr double kRates[] = {0, 2.5, 5, 8, 16, 32, 64};
  if (!generation || !width || *generation < 1 || *generation > 6) return {};
  return {kRates[*generation], *width};
}

std::string rate_source(const LinkRate& rate) {
  return fmt::format("PCIe {}, as NVML tells; packet overhead not counted", to_text(rate));
}

Endpoint* endpoint_of(Topology& graph, const std::string& pci) {
  const auto at = std::find_if(graph.endpoints.begin(), graph.endpoints.end(),
                               [&](const Endpoint& e) { return e.kind == "gpu" && e.pci == pci; });
  return at == graph.endpoints.end() ? nullptr : &*at;
}

// Where sysfs told no rate (an emulated port above it).
void complete_pcie(Topology& graph, const GpuFacts& gpu) {
  const LinkRate rate = pcie_rate(gpu.pcie_generation_possible, gpu.pcie_width_possible);
  if (!rate.known()) return;
  for (Resource& resource : graph.resources) {
    if (resource.kind != "pcie_link" || resource.pci != gpu.pci || resource.limit_bytes_per_s) continue;
    const auto way = resource.id.ends_with(":write") ? Direction::kFromMemory : Direction::kTowardsMemory;
    resource.limit_bytes_per_s = payload_rate(rate, way, std::nullopt);
    resource.limit_source = rate_source(rate);
  }
}

void add_endpoint(Topology& graph, const GpuFacts& gpu) {
  const auto gpus = std::count_if(graph.endpoints.begin(), graph.endpoints.end(),
                                  [](const Endpoint& e) { return e.kind == "gpu"; });
  const std::string id = fmt::format("gpu:{}", gpus);
  graph.endpoints.push_back({id, "gpu", gpu.name, 0, std::nullopt, gpu.pci, ""});
  const std::string read = fmt::format("pcie:{}:read", gpu.pci);
  const std::string write = fmt::format("pcie:{}:write", gpu.pci);
  graph.resources.push_back({read, "pcie_link", fmt::format("PCIe link of {}, towards memory", id), 0,
                             std::nullopt, "NVML does not tell its PCIe link", std::nullopt, gpu.pci});
  graph.resources.push_back({write, "pcie_link", fmt::format("PCIe link of {}, from memory", id), 0,
                             std::nullopt, "NVML does not tell its PCIe link", std::nullopt, gpu.pci});
  graph.links.push_back({id, "socket:0", read});
  graph.links.push_back({"socket:0", id, write});
}

bool has_nvidia_gpu(const Machine& machine) { return machine.host.drivers.contains("nvidia"); }

}  // namespace

void attach(Machine& machine, Answer answer) {
  if (!answer.problem.empty() && (answer.present || has_nvidia_gpu(machine)))
    machine.host.settings["nvml"] = answer.problem;
  if (!answer.present || !answer.problem.empty()) return;
  if (!answer.driver.empty() && !has_nvidia_gpu(machine)) machine.host.drivers["nvidia"] = answer.driver;
  std::map<std::string, std::string> ids;  // by PCI address
  for (GpuFacts& gpu : answer.gpus) {
    if (gpu.pci.empty()) continue;
    if (endpoint_of(machine.graph, gpu.pci) == nullptr) add_endpoint(machine.graph, gpu);
    Endpoint& endpoint = *endpoint_of(machine.graph, gpu.pci);
    gpu.gpu = ids[gpu.pci] = endpoint.id;
    if (!gpu.name.empty()) endpoint.name = gpu.name;
    complete_pcie(machine.graph, gpu);
  }
  for (GpuFacts& gpu : answer.gpus)
    for (GpuPeer& peer : gpu.peers)
      if (const auto id = ids.find(peer.gpu); id != ids.end()) peer.gpu = id->second;
  std::stable_sort(answer.gpus.begin(), answer.gpus.end(),
                   [](const GpuFacts& a, const GpuFacts& b) { return natural_less(a.gpu, b.gpu); });
  add_nvlinks(machine.graph, answer.gpus);
  machine.host.gpus = std::move(answer.gpus);
}

}  // namespace millrace::topology::nvml
