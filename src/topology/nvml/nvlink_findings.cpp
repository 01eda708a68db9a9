// SPDX-License-Identifier: Apache-2.0
#include "topology/nvml/nvlink_findings.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>

#include "units/quantity.hpp"

namespace millrace::topology::nvml {
namespace {

// Of all GPUs of one name.
struct Like {
  std::size_t most_up = 0;
  double fastest = 0;
};

std::vector<int> numbers(const GpuFacts& gpu, const std::function<bool(const NvLink&)>& is_so) {
  std::vector<int> all;
  for (const NvLink& link : gpu.nvlinks)
    if (is_so(link)) all.push_back(link.link);
  return all;
}

std::string links_text(const std::vector<int>& links) {
  return fmt::format("NVLink{} {}", links.size() == 1 ? "" : "s", fmt::join(links, ", "));
}

// The port that these links are part of: what a measurement crosses.
std::string port_of(const GpuFacts& gpu) {
  const bool switched = std::any_of(gpu.nvlinks.begin(), gpu.nvlinks.end(),
                                    [](const NvLink& link) { return link.remote == "switch"; });
  return switched ? fmt::format("nvlink:{}:out", gpu.gpu) : gpu.gpu;
}

}  // namespace

std::vector<Finding> examine_nvlinks(const std::vector<GpuFacts>& gpus) {
  std::map<std::string, Like> likes;
  for (const GpuFacts& gpu : gpus) {
    Like& like = likes[gpu.name];
    like.most_up = std::max(like.most_up, numbers(gpu, [](const NvLink& l) { return l.active; }).size());
    for (const NvLink& link : gpu.nvlinks)
      like.fastest = std::max(like.fastest, link.bytes_per_s.value_or(0));
  }
  std::vector<Finding> found;
  for (const GpuFacts& gpu : gpus) {
    const Like& like = likes[gpu.name];
    const auto down = numbers(gpu, [](const NvLink& link) { return !link.active; });
    const auto slow = numbers(gpu, [&](const NvLink& link) {
      return link.active && link.bytes_per_s && *link.bytes_per_s < 0.99 * like.fastest;
    });
    const auto erring = numbers(gpu, [](const NvLink& link) { return link.errors.value_or(0) > 0; });
    const std::size_t up = gpu.nvlinks.size() - down.size();
    const std::string look = fmt::format("nvidia-smi nvlink -s -i {}", gpu.pci);
    if (!down.empty() && like.most_up > 0)
      found.push_back(
          {"nvlink-down", up < like.most_up ? "warning" : "note", up > 0 ? port_of(gpu) : gpu.gpu,
           fmt::format("{} of {} {} down{}", links_text(down), gpu.gpu, down.size() == 1 ? "is" : "are",
                       up < like.most_up
                           ? fmt::format("; GPUs of its kind have {} up, it has {}", like.most_up, up)
                           : ", as on all GPUs of its kind here"),
           fmt::format("look at `{}` and for \"Xid 74\" in dmesg, see that the fabric manager runs "
                       "(systemctl status nvidia-fabricmanager), reseat the GPU or its bridge",
                       look)});
    for (const NvLink& link : gpu.nvlinks) {
      if (std::find(slow.begin(), slow.end(), link.link) == slow.end()) continue;
      found.push_back(
          {"nvlink-below-maximum", "warning", port_of(gpu),
           fmt::format("NVLink {} of {} runs at {}; its like run at {}", link.link, gpu.gpu,
                       millrace::to_text(BytesPerSecond{*link.bytes_per_s}),
                       millrace::to_text(BytesPerSecond{like.fastest})),
           fmt::format("look at `{}` and for NVLink errors (nvidia-smi nvlink -e), reset the GPU, then "
                       "reseat it or its bridge",
                       look)});
    }
    if (!erring.empty())
      found.push_back({"nvlink-errors", "note", port_of(gpu),
                       fmt::format("{} of {} counted replays or CRC errors since the driver was loaded",
                                   links_text(erring), gpu.gpu),
                       fmt::format("nothing, unless they grow: nvidia-smi nvlink -e -i {}", gpu.pci)});
  }
  return found;
}

}  // namespace millrace::topology::nvml
