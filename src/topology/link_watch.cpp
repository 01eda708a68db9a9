// SPDX-License-Identifier: Apache-2.0
#include "topology/link_watch.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace millrace::topology {

void LinkWatch::sample() {
  for (LinkState& state : link_states(machine_, root_)) {
    const auto [at, fresh] = best_.try_emplace(state.resource, state);
    if (fresh) continue;
    at->second.speed_gt_per_s = std::max(at->second.speed_gt_per_s, state.speed_gt_per_s);
    at->second.width = std::max(at->second.width, state.width);
  }
}

std::vector<Finding> LinkWatch::findings(const std::vector<std::string>& loaded) const {
  std::vector<Finding> found;
  for (const std::string& resource : loaded) {
    const auto at = best_.find(resource);
    if (at == best_.end()) continue;
    const LinkState& best = at->second;
    const bool slow = best.speed_gt_per_s > 0 && best.speed_gt_per_s < best.possible_speed_gt_per_s;
    const bool narrow = best.width > 0 && best.width < best.possible_width;
    if (!slow && !narrow) continue;
    const Resource* known = find_resource(machine_.graph, resource);
    found.push_back(
        {"pcie-link-below-maximum", "warning", resource,
         fmt::format("{} ran at {} GT/s x{} under load; both its ends can do {} GT/s x{}",
                     known != nullptr ? known->name : resource, best.speed_gt_per_s, best.width,
                     best.possible_speed_gt_per_s, best.possible_width),
         "reseat the device or its riser, try another slot, and look for PCIe errors (dmesg, aer_dev_*)"});
  }
  return found;
}

}  // namespace millrace::topology
