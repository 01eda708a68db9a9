// SPDX-License-Identifier: Apache-2.0
#include <fmt/core.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "diagnose/conventions.hpp"
#include "diagnose/feed_path.hpp"

namespace millrace::diagnose {
namespace {

using record::Measurement;
using record::MetricSummary;

// Links within this of the slowest one keep the accelerators waiting as it does.
constexpr double kAsSlow = 1.15;
// Together they get this much less than alone, before something that they share is said to hold them back.
constexpr double kHeldBack = 0.9;

struct Link {
  std::string gpu;  // "gpu:1"
  const MetricSummary* rate = nullptr;
};

// How many GPUs it copies to: of "gpu:0,gpu:1", 2.
std::size_t gpus_of(const Measurement& m) {
  const std::string gpus = text(m, "gpu");
  return gpus.empty() ? 0 : 1 + static_cast<std::size_t>(std::count(gpus.begin(), gpus.end(), ','));
}

std::vector<const Measurement*> all_copies(const record::Document& document, std::string_view pattern) {
  std::vector<const Measurement*> found;
  for (const Measurement& m : document.measurements)
    if (m.probe == conventions::kGpuCopy && m.status == "ok" && m.concurrent_with.empty() &&
        text(m, "pattern") == pattern)
      found.push_back(&m);
  return found;
}

// The one with the most GPUs; a survey's is a last resort.
const Measurement* copies(const record::Document& document, std::string_view pattern) {
  const auto all = all_copies(document, pattern);
  const auto best = std::max_element(all.begin(), all.end(), [](const Measurement* a, const Measurement* b) {
    return std::pair(a->label.empty(), gpus_of(*a)) < std::pair(b->label.empty(), gpus_of(*b));
  });
  return best == all.end() ? nullptr : *best;
}

// Of "host_to_gpu1_bytes_per_s".
std::vector<Link> links_of(const Measurement& m) {
  constexpr std::string_view kBegin = "host_to_gpu", kEnd = "_bytes_per_s";
  std::vector<Link> links;
  for (const auto& [name, summary] : m.metrics) {
    if (!name.starts_with(kBegin) || !name.ends_with(kEnd) || summary.mean <= 0) continue;
    const std::string number = name.substr(kBegin.size(), name.size() - kBegin.size() - kEnd.size());
    if (number.empty() || number.find_first_not_of("0123456789") != std::string::npos) continue;
    links.push_back({"gpu:" + number, &summary});
  }
  return links;
}

// A copy's rates, each taken once, as an interval: most of them lie in it.
Capacity capacity_of(const MetricSummary& rate, double scale, const std::string& id) {
  Capacity capacity;
  capacity.measured = MeasuredRate{rate.mean * scale, std::min(rate.p5, rate.mean) * scale,
                                   std::max(rate.p95, rate.mean) * scale};
  capacity.evidence = {id};
  return capacity;
}

// The GPU's own PCIe link in the direction of its memory, where the topology knows it.
std::string link_of(const record::Document& document, const std::string& gpu) {
  const auto* endpoint = topology::find_endpoint(document.topology, gpu);
  if (endpoint == nullptr || endpoint->pci.empty()) return gpu;
  const std::string link = fmt::format("pcie:{}:write", endpoint->pci);
  return topology::find_resource(document.topology, link) != nullptr ? link : gpu;
}

void limit(const record::Document& document, double scale, Hop& hop, std::vector<std::string>& notes) {
  const auto* resource = topology::find_resource(document.topology, hop.resources.front());
  if (resource == nullptr || !resource->limit_bytes_per_s) return;
  if (!set_limit(hop.capacity, *resource->limit_bytes_per_s * scale, resource->limit_source))
    notes.push_back(
        fmt::format("{} moved more than the limit of {} ({}): the limit is discredited and was dropped",
                    hop.capacity.evidence.front(), hop.resources.front(), resource->limit_source));
}

// In lock-step the slowest link sets the pace, so that it is the hop, and the others are none.
Hop own_links(const record::Document& document, const Measurement& m, const std::vector<Link>& links,
              double accelerators_of_one, std::vector<std::string>& notes) {
  const double slowest = links.front().rate->mean;
  Hop hop;
  hop.kind = "copy";
  hop.shared = false;
  hop.essential = true;
  std::vector<std::string> slow;
  for (const Link& link : links)
    if (link.rate->mean <= kAsSlow * slowest) {
      slow.push_back(link.gpu);
      hop.resources.push_back(link_of(document, link.gpu));
    }
  const std::string whose =
      slow.size() == links.size() ? "GPU memory" : fmt::format("{}", fmt::join(slow, " and "));
  hop.name = fmt::format("copying to {} over {} link{}", whose,
                         slow.size() == 1 ? "its own PCIe" : "their own PCIe", slow.size() == 1 ? "" : "s");
  hop.noun = "the copy into " + whose;
  hop.capacity = capacity_of(*links.front().rate, 1 / accelerators_of_one, m.id);
  limit(document, 1 / accelerators_of_one, hop, notes);
  return hop;
}

// What all GPUs got at once, where it is less than what they, equally fast, get one by one: they share
// something.
void add_shared(const record::Document& document, double one_by_one, FeedPath& path) {
  const Measurement* m = copies(document, "host-to-all");
  if (m == nullptr) return;
  const auto total = m->metrics.find("host_to_all_bytes_per_s");
  if (total == m->metrics.end() || total->second.mean <= 0 || total->second.mean >= kHeldBack * one_by_one)
    return;
  Hop hop;
  hop.kind = "copy";
  hop.noun = "what the GPUs' links share";
  hop.name = "copying to all GPUs at once";
  for (const auto& crossed : m->path)
    if (const auto* resource = topology::find_resource(document.topology, crossed.resource);
        resource != nullptr && (resource->kind == "pcie_switch_uplink" || resource->kind == "inter_socket"))
      hop.resources.push_back(resource->id);
  if (hop.resources.empty()) hop.resources = {"gpu:all"};
  hop.capacity = capacity_of(total->second, 1, m->id);
  path.hops.push_back(std::move(hop));
}

// What several GPUs behind one switch got at once, where it is less than what they get one by one: its
// uplink, which carries their part of what all take. In lock-step all take alike.
void add_switches(const record::Document& document, const std::vector<Link>& links, FeedPath& path) {
  for (const Measurement* m : all_copies(document, "host-to-all")) {
    const std::size_t behind = gpus_of(*m);
    const auto total = m->metrics.find("host_to_all_bytes_per_s");
    if (behind < 2 || behind >= links.size() || total == m->metrics.end() || total->second.mean <= 0)
      continue;
    double one_by_one = 0;
    const std::string gpus = "," + text(*m, "gpu") + ",";
    for (const Link& link : links)
      if (gpus.find("," + link.gpu + ",") != std::string::npos) one_by_one += link.rate->mean;
    if (total->second.mean >= kHeldBack * one_by_one) continue;
    Hop hop;
    hop.kind = "copy";
    for (const auto& crossed : m->path)
      if (const auto* resource = topology::find_resource(document.topology, crossed.resource);
          resource != nullptr && resource->kind == "pcie_switch_uplink")
        hop.resources.push_back(resource->id);
    if (hop.resources.empty()) continue;
    const double share = static_cast<double>(behind) / static_cast<double>(links.size());
    hop.noun = fmt::format("the uplink of the switch above {}", text(*m, "gpu"));
    hop.name = fmt::format("copying to {} through one switch", text(*m, "gpu"));
    hop.capacity = capacity_of(total->second, 1 / share, m->id);
    limit(document, 1 / share, hop, path.notes);
    path.hops.push_back(std::move(hop));
  }
}

}  // namespace

bool add_gpu_hops(const record::Document& document, int accelerators, FeedPath& path) {
  const Measurement* m = copies(document, "host-to-device");
  if (m == nullptr) return false;
  std::vector<Link> links = links_of(*m);
  if (links.empty()) return false;
  std::stable_sort(links.begin(), links.end(),
                   [](const Link& a, const Link& b) { return a.rate->mean < b.rate->mean; });
  const auto gpus = static_cast<int>(links.size());
  const double of_one = std::max(1, (accelerators + gpus - 1) / gpus);
  double one_by_one = 0;
  for (const Link& link : links) one_by_one += link.rate->mean;
  path.hops.push_back(own_links(document, *m, links, of_one, path.notes));
  if (gpus > 1 && links.back().rate->mean <= kAsSlow * links.front().rate->mean)
    add_shared(document, one_by_one, path);
  if (gpus > 2) add_switches(document, links, path);
  return true;
}

}  // namespace millrace::diagnose
