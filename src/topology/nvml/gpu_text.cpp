// SPDX-License-Identifier: Apache-2.0
#include "topology/nvml/gpu_text.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <set>

#include "topology/text_layout.hpp"
#include "units/quantity.hpp"

namespace millrace::topology::nvml {
namespace {

using Rows = std::vector<std::vector<std::string>>;

// "1410 of 1980 MHz", "40 of 87 °C"; "-" where unknown
template <typename T>
std::string of_most(const std::optional<T>& now, const std::optional<T>& most, const char* unit) {
  if (!now) return "-";
  if (!most || *most == *now) return fmt::format("{:.0f} {}", static_cast<double>(*now), unit);
  return fmt::format("{:.0f} of {:.0f} {}", static_cast<double>(*now), static_cast<double>(*most), unit);
}

// "gen 5 x16", "gen 1 of 5 x16", "gen 5 x8 of x16"
std::string pcie_text(const GpuFacts& gpu) {
  if (!gpu.pcie_generation || !gpu.pcie_width) return "-";
  const auto part = [](const char* before, int now, std::optional<int> possible, const char* of) {
    return possible && *possible > now ? fmt::format("{}{} of {}{}", before, now, of, *possible)
                                       : fmt::format("{}{}", before, now);
  };
  return part("gen ", *gpu.pcie_generation, gpu.pcie_generation_possible, "") + " " +
         part("x", *gpu.pcie_width, gpu.pcie_width_possible, "x");
}

// "18 x 26.6 GB/s, switch", "1 down"
std::string nvlink_text(const GpuFacts& gpu) {
  std::map<double, int, std::greater<>> by_rate;
  std::set<std::string> remotes;
  int down = 0;
  for (const NvLink& link : gpu.nvlinks) {
    if (link.active) ++by_rate[link.bytes_per_s.value_or(0)];
    if (link.active && !link.remote.empty()) remotes.insert(link.remote);
    down += link.active ? 0 : 1;
  }
  std::vector<std::string> parts;
  for (const auto& [rate, count] : by_rate)
    parts.push_back(rate > 0 ? fmt::format("{} x {}", count, millrace::to_text(BytesPerSecond{rate}))
                             : fmt::format("{} up", count));
  if (!remotes.empty()) parts.push_back(fmt::format("to {}", fmt::join(remotes, ", ")));
  if (parts.empty()) return down > 0 ? "none up" : "none";
  if (down > 0) parts.push_back(fmt::format("{} down", down));
  return fmt::format("{}", fmt::join(parts, " "));
}

std::string memory_text(const GpuFacts& gpu) {
  return gpu.memory_bytes ? to_binary(Bytes{*gpu.memory_bytes}) : "-";
}

struct Way {
  const char* mark;
  const char* meaning;
};

Way way_to(const GpuPeer& peer) {
  if (peer.nvlink) return {"NV", "NVLink"};
  if (peer.nearest == "board") return {"BD", "one board"};
  if (peer.nearest == "PCIe switch") return {"SW", "one PCIe switch"};
  if (peer.nearest == "PCIe switches") return {"SS", "several PCIe switches"};
  if (peer.nearest == "host bridge") return {"HB", "a host bridge"};
  if (peer.nearest == "NUMA node") return {"ND", "host bridges of one NUMA node"};
  return {"SY", "the link between NUMA nodes"};
}

std::string peers_text(const std::vector<GpuFacts>& gpus, std::size_t width) {
  Rows rows{{"peers"}};
  std::map<std::string, std::string> legend;
  for (const GpuFacts& gpu : gpus) rows.front().push_back(gpu.gpu.substr(gpu.gpu.find(':') + 1));
  for (const GpuFacts& gpu : gpus) {
    std::vector<std::string>& row = rows.emplace_back(std::vector<std::string>{"  " + gpu.gpu});
    for (const GpuFacts& other : gpus) {
      const auto peer = std::find_if(gpu.peers.begin(), gpu.peers.end(),
                                     [&](const GpuPeer& p) { return p.gpu == other.gpu; });
      if (peer == gpu.peers.end()) {
        row.emplace_back(".");
        continue;
      }
      const Way way = way_to(*peer);
      legend[way.mark] = way.meaning;
      const bool direct = peer->read == "ok" && peer->write == "ok";
      if (!direct) legend["*"] = "no peer access: copies go through host memory";
      row.push_back(way.mark + std::string(direct ? "" : "*"));
    }
  }
  if (legend.empty()) return {};
  std::vector<std::string> meanings;
  for (const auto& [mark, meaning] : legend) meanings.push_back(fmt::format("{}: {}", mark, meaning));
  return table(rows, 1, width) + fmt::format("  {}\n", fmt::join(meanings, "; "));
}

}  // namespace

std::string describe_gpus(const HostFacts& host, int width) {
  if (!host.gpus || host.gpus->empty()) return {};
  Rows rows{{"GPUs", "memory", "PCIe", "NVLinks", "SM clock", "power", "temperature"}};
  for (const GpuFacts& gpu : *host.gpus) {
    if (!gpu.lost.empty()) {
      rows.push_back({"  " + (gpu.gpu.empty() ? "a GPU" : gpu.gpu), "lost"});
      continue;
    }
    std::string clock = of_most(gpu.sm_clock_mhz, gpu.sm_clock_most_mhz, "MHz");
    const bool asleep =
        std::find(gpu.clocks_held_by.begin(), gpu.clocks_held_by.end(), "idle") != gpu.clocks_held_by.end();
    if (!gpu.clocks_held_by.empty() && !asleep)
      clock += fmt::format(" ({})", fmt::join(gpu.clocks_held_by, ", "));
    rows.push_back({"  " + gpu.gpu, memory_text(gpu), pcie_text(gpu), nvlink_text(gpu), clock,
                    of_most(gpu.power_w, gpu.power_limit_w, "W"),
                    of_most(gpu.temperature_c, gpu.slowdown_temperature_c, "°C")});
  }
  const auto columns = static_cast<std::size_t>(std::max(width, 60));
  return "\n" + table(rows, 1, columns) + peers_text(*host.gpus, columns);
}

}  // namespace millrace::topology::nvml
