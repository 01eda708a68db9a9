// SPDX-License-Identifier: Apache-2.0
#include "diagnose/spread.hpp"

#include <fmt/core.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <random>

#include "diagnose/conventions.hpp"
#include "diagnose/interference.hpp"
#include "diagnose/shared_hops.hpp"
#include "topology/usable_cpus.hpp"
#include "units/quantity.hpp"

namespace millrace::diagnose {
namespace {

using record::Measurement;

constexpr std::uint64_t kShareSeed = 20261123;
constexpr int kDraws = 400;
constexpr double kNothingLost = 0.9;  // of the throughput alone
constexpr double kSureOf = 0.95;      // of the draws
constexpr double kAllBusy = 0.9;      // of the hardware threads

double data_bytes(const Measurement& m) {
  const auto found = m.metrics.find(conventions::kDataMetric);
  return found == m.metrics.end() ? 0 : found->second.mean;
}

// In how many of the draws the part that is kept lies below what counts as nothing lost.
bool loses(const Capacity& together, const Capacity& apart) {
  std::mt19937_64 random(kShareSeed);
  int lost = 0;
  for (int i = 0; i < kDraws; ++i)
    lost += draw(together, random) < kNothingLost * draw(apart, random) ? 1 : 0;
  return lost >= kSureOf * kDraws;
}

Capacity capacity_of(const Measurement& m) { return capacity_from(m.throughput_bytes_per_s, m.repeats, 1); }

bool all_cpus_busy(const record::Document& document, const MeasuredSet& set) {
  const double threads = document.hosts.empty() ? 0 : topology::usable_threads(document.hosts.front().cpu);
  double busy_s = 0;
  for (const Measurement* m : set)
    for (const char* counter : {conventions::kUserCounter, conventions::kSystemCounter})
      if (const auto found = m->counters.find(counter); found != m->counters.end()) busy_s += found->second;
  return threads > 0 && busy_s >= kAllBusy * threads * set.front()->duration_s;
}

// Resources that all of the paths cross, memory aside: every path ends there.
std::vector<std::string> crossed_by_all(const record::Document& document, const MeasuredSet& set) {
  std::vector<std::string> common;
  for (const record::MeasuredHop& hop : set.front()->path) {
    const auto* resource = topology::find_resource(document.topology, hop.resource);
    if (resource && resource->kind == "memory_controller") continue;
    const bool everywhere = std::all_of(set.begin(), set.end(), [&](const Measurement* m) {
      return std::any_of(m->path.begin(), m->path.end(),
                         [&](const auto& other) { return other.resource == hop.resource; });
    });
    if (everywhere) common.push_back(hop.resource);
  }
  return common;
}

std::string names_of(const MeasuredSet& set) {
  std::vector<std::string> names;
  for (const Measurement* m : set) {
    std::string name = drive_name(*m);
    if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(std::move(name));
  }
  return fmt::format("{}", fmt::join(names, " and "));
}

}  // namespace

std::string drive_name(const Measurement& m) {
  const std::size_t colon = m.from.find(':');
  return colon == std::string::npos ? m.from : m.from.substr(colon + 1);
}

std::optional<Spread> spread_of(const record::Document& document, const StorageEvidence& evidence) {
  if (evidence.set.size() < 2) return std::nullopt;
  Spread spread{evidence.set, {}};
  double bytes = 0;
  bool known = true;
  for (const Measurement* beside : evidence.set) {
    const Measurement* by_itself = alone(document, *beside);
    if (!by_itself) return std::nullopt;
    spread.parts.push_back({by_itself, beside, data_bytes(*by_itself)});
    bytes += spread.parts.back().share;
    known = known && spread.parts.back().share > 0;
  }
  for (SpreadPart& part : spread.parts)
    part.share = known ? part.share / bytes : 1.0 / static_cast<double>(spread.parts.size());
  return spread;
}

std::optional<Hop> shared_hop(const record::Document& document, const Spread& spread,
                              std::vector<std::string>& notes) {
  MeasuredSet losers;
  MeasuredSet losers_alone;
  double share = 0;
  for (const SpreadPart& part : spread.parts) {
    if (!loses(capacity_of(*part.beside), capacity_of(*part.alone))) continue;
    losers.push_back(part.beside);
    losers_alone.push_back(part.alone);
    share += part.share;
  }
  if (losers.size() < 2) return std::nullopt;
  // Each thing that some of them share is a hop of its own (shared_hops.hpp), but for one drive that all lie
  // on.
  const std::vector<std::string> common = crossed_by_all(document, losers);
  const auto* first = common.empty() ? nullptr : topology::find_resource(document.topology, common.front());
  const bool one_drive = first != nullptr && (first->kind == "drive" || first->kind == "file_system");
  if (!one_drive && shares_are_known(infer(document), losers)) return std::nullopt;
  const std::string names = names_of(losers);
  Hop hop;
  hop.capacity = sum_of(losers);
  const double together = hop.capacity.rate();
  const double apart = sum_of(losers_alone).rate();
  const std::string found = fmt::format("{} deliver {} together, {} one after the other", names,
                                        to_text(BytesPerSecond{together}), to_text(BytesPerSecond{apart}));
  if (all_cpus_busy(document, spread.together)) {
    notes.push_back(found +
                    ": reading from all at once kept every CPU busy, so whether they share "
                    "anything else cannot be told");
    return std::nullopt;
  }
  hop.resources = common;
  const bool shown = !hop.resources.empty();
  const auto* resource = shown ? topology::find_resource(document.topology, hop.resources.front()) : nullptr;
  const bool link = resource && (resource->kind == "pcie_link" || resource->kind == "pcie_switch_uplink");
  hop.kind = link ? "pcie" : "storage";
  if (!shown)
    for (const Measurement* m : losers) hop.resources.push_back(m->from);
  hop.noun = fmt::format("what {} share", names);
  hop.name = fmt::format("reading from {} together", names);
  hop.essential = true;
  hop.capacity = [&] {
    Capacity scaled = sum_of(losers);
    scaled.measured->mean /= share;
    scaled.measured->ci95_low /= share;
    scaled.measured->ci95_high /= share;
    for (double& repeat : scaled.repeats) repeat /= share;
    for (const Measurement* m : losers_alone) scaled.evidence.push_back(m->id);
    return scaled;
  }();
  notes.push_back(shown ? fmt::format("{}: they share {}", found, fmt::join(hop.resources, ", "))
                        : fmt::format("{}: they share something that the topology does not show, such as a "
                                      "controller, a backend or a cap",
                                      found));
  return hop;
}

}  // namespace millrace::diagnose
