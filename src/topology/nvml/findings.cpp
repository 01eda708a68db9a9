// SPDX-License-Identifier: Apache-2.0
#include "topology/nvml/findings.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "topology/file_root.hpp"
#include "topology/nvml/nvlink_findings.hpp"
#include "topology/nvml/throttling.hpp"

namespace millrace::topology::nvml {
namespace {

using Gpus = std::vector<GpuFacts>;
using Found = std::vector<Finding>;

std::string called(const GpuFacts& gpu) { return fmt::format("{} ({}, {})", gpu.gpu, gpu.name, gpu.pci); }

// One finding for all GPUs that `is_so` holds for. `what` follows their names: "gpu:0, gpu:1 …".
template <typename Predicate>
void gather(const Gpus& gpus, const Predicate& is_so, Finding finding, Found& found) {
  std::vector<std::string> names;
  for (const GpuFacts& gpu : gpus)
    if (is_so(gpu)) names.push_back(gpu.gpu);
  if (names.empty()) return;
  if (names.size() == 1) finding.resource = names.front();
  finding.what = fmt::format("{}: {}", fmt::join(names, ", "), finding.what);
  found.push_back(std::move(finding));
}

void examine_lost(const GpuFacts& gpu, Found& found) {
  const std::string name = gpu.pci.empty() ? "a GPU that NVML counts" : gpu.gpu + " (" + gpu.pci + ")";
  found.push_back({"gpu-lost", "error", gpu.gpu,
                   fmt::format("{} does not answer any more: {}", name, gpu.lost),
                   "look for \"Xid\" in dmesg; reboot, then reseat the GPU and check its power cables"});
}

void examine_memory(const GpuFacts& gpu, Found& found) {
  const std::string reset =
      fmt::format("stop what uses it, then: sudo nvidia-smi --gpu-reset -i {}", gpu.pci);
  if (gpu.remapping_failed.value_or(false))
    found.push_back({"gpu-remapping-failed", "error", gpu.gpu,
                     fmt::format("{} could not replace a faulty row of its memory", called(gpu)),
                     "have the GPU replaced; nvidia-smi -q -d ROW_REMAPPER tells the rows"});
  if (gpu.remapping_pending.value_or(false))
    found.push_back({"gpu-remapping-pending", "warning", gpu.gpu,
                     fmt::format("{} will replace faulty rows of its memory at its next reset", called(gpu)),
                     reset});
  if (gpu.ecc_uncorrected.value_or(0) > 0)
    found.push_back(
        {"gpu-ecc-errors", "error", gpu.gpu,
         fmt::format("{} counted {} memory errors that ECC could not correct since its driver was loaded",
                     called(gpu), *gpu.ecc_uncorrected),
         reset + "; if they come back, have it replaced"});
  else if (gpu.ecc_corrected.value_or(0) > 0)
    found.push_back({"gpu-ecc-errors", "note", gpu.gpu,
                     fmt::format("{} corrected {} memory errors since its driver was loaded", called(gpu),
                                 *gpu.ecc_corrected),
                     "nothing, unless the count grows: nvidia-smi -q -d ECC"});
}

void examine_clocks(const GpuFacts& gpu, Found& found) {
  std::vector<std::string> throttling;
  std::vector<std::string> settings;
  for (const std::string& word : gpu.clocks_held_by) {
    if (is_throttling(word)) throttling.push_back(words_for_people(word));
    if (is_setting(word)) settings.push_back(words_for_people(word));
  }
  const std::string clock =
      gpu.sm_clock_mhz && gpu.sm_clock_most_mhz
          ? fmt::format(" ({} of {} MHz now)", *gpu.sm_clock_mhz, *gpu.sm_clock_most_mhz)
          : "";
  if (!throttling.empty())
    found.push_back(
        {"gpu-throttled", "warning", gpu.gpu,
         fmt::format("the clocks of {} are held down{}: {}", called(gpu), clock, fmt::join(throttling, "; ")),
         fmt::format("look at `nvidia-smi -q -d PERFORMANCE,TEMPERATURE,POWER -i {}`, at fans and air flow, "
                     "at the power limit and the power supplies",
                     gpu.pci)});
  if (!settings.empty())
    found.push_back(
        {"gpu-clocks-set", "note", gpu.gpu,
         fmt::format("the clocks of {} are held down by a setting{}: {}", called(gpu), clock,
                     fmt::join(settings, "; ")),
         fmt::format("to let it run as fast as it can: sudo nvidia-smi -rac -rgc -i {}", gpu.pci)});
}

void examine_heat(const GpuFacts& gpu, Found& found) {
  constexpr double kNear = 5;  // degrees: a GPU at rest is tens below
  if (!gpu.temperature_c || !gpu.slowdown_temperature_c) return;
  if (*gpu.temperature_c < *gpu.slowdown_temperature_c - kNear) return;
  found.push_back({"gpu-hot", "warning", gpu.gpu,
                   fmt::format("{} is at {:g} degrees C; it slows down at {:g}", called(gpu),
                               *gpu.temperature_c, *gpu.slowdown_temperature_c),
                   "check fans, air flow and what else runs on it before measuring"});
}

void examine_peers(const Gpus& gpus, Found& found) {
  std::vector<std::string> pairs;
  std::string why;
  for (const GpuFacts& gpu : gpus)
    for (const GpuPeer& peer : gpu.peers) {
      const std::string& status = peer.read != "ok" ? peer.read : peer.write;
      if (status == "ok" || status == "unknown" || !natural_less(gpu.gpu, peer.gpu)) continue;
      pairs.push_back(fmt::format("{} and {}", gpu.gpu, peer.gpu));
      why = status;
    }
  if (pairs.empty()) return;
  const std::size_t count = pairs.size();
  if (count > 4) pairs.resize(4);
  found.push_back(
      {"gpu-no-peer-access", "note", "",
       fmt::format("{} pair(s) of GPUs cannot reach each other's memory ({}{}): {}; their copies go "
                   "through host memory",
                   count, fmt::join(pairs, ", "), count > 4 ? ", …" : "", why),
       "check `nvidia-smi topo -p2p r`, ACS and the IOMMU (millrace doctor), and the driver's settings"});
}

}  // namespace

std::vector<Finding> examine_gpus(const Machine& machine) {
  Found found;
  const auto& endpoints = machine.graph.endpoints;
  const bool has_gpu =
      std::any_of(endpoints.begin(), endpoints.end(), [](const Endpoint& e) { return e.kind == "gpu"; });
  if (const auto problem = machine.host.settings.find("nvml"); problem != machine.host.settings.end())
    found.push_back(
        {"nvml-silent", has_gpu ? "warning" : "note", "",
         fmt::format("NVIDIA's management library told nothing of the GPUs: {}", problem->second),
         "see whether `nvidia-smi` answers; if it does not, look at dmesg, and load or reinstall the "
         "driver"});
  if (!machine.host.gpus) return found;
  const Gpus& gpus = *machine.host.gpus;
  for (const GpuFacts& gpu : gpus) {
    if (!gpu.lost.empty()) {
      examine_lost(gpu, found);
      continue;
    }
    examine_memory(gpu, found);
    examine_clocks(gpu, found);
    examine_heat(gpu, found);
  }
  for (Finding& finding : examine_nvlinks(gpus)) found.push_back(std::move(finding));
  examine_peers(gpus, found);
  gather(
      gpus, [](const GpuFacts& gpu) { return gpu.persistence == false; },
      {"gpu-persistence-off", "note", "",
       "persistence mode is off, so the driver forgets the GPU when nobody uses it, and the first to come "
       "waits",
       "sudo systemctl enable --now nvidia-persistenced, or: sudo nvidia-smi -pm 1"},
      found);
  gather(
      gpus, [](const GpuFacts& gpu) { return gpu.ecc == false; },
      {"gpu-ecc-off", "note", "", "ECC is off: memory errors pass unseen",
       "sudo nvidia-smi -e 1, and a reboot"},
      found);
  return found;
}

}  // namespace millrace::topology::nvml
