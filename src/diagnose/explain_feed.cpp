// SPDX-License-Identifier: Apache-2.0
#include "diagnose/explain_feed.hpp"

#include <fmt/core.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

#include "diagnose/demand.hpp"
#include "diagnose/explanation.hpp"
#include "units/quantity.hpp"

namespace millrace::diagnose {
namespace {

using record::Diagnosis;
using record::ExplanationStep;
using record::RankedHop;

using FeedLines = std::vector<ExplanationStep>;

std::string rate_text(double bytes_per_s) { return to_text(BytesPerSecond{bytes_per_s}); }

void add_demand(const workload::Profile& profile, const Diagnosis& d, FeedLines& lines) {
  const workload::Input& input = profile.input;
  const double batch = static_cast<double>(input.batch_samples) * input.record_bytes;
  const double one = profile.demand_bytes_per_s();
  lines.push_back({part::kDemand,
                   "the records of a step of one accelerator",
                   Sum(figure::count(static_cast<double>(input.batch_samples), "records"))
                       .times(figure::bytes(input.record_bytes))
                       .equals(figure::bytes(batch)),
                   {}});
  lines.push_back(
      {part::kDemand,
       "what it takes while it computes all the time: a batch ÷ the time of its compute",
       Sum(figure::bytes(batch)).over(figure::seconds(profile.compute_s)).equals(figure::rate(one)),
       {}});
  if (d.accelerators > 1)
    lines.push_back({part::kDemand,
                     fmt::format("what {} of them take together", d.accelerators),
                     Sum(figure::count(d.accelerators))
                         .times(figure::rate(one))
                         .equals(figure::rate(one * d.accelerators)),
                     {}});
}

// Why a byte that is read crosses memory more than once.
ExplanationStep explain_reading_from_memory(double in_memory, const MemoryCrossings& crossings) {
  const double copied = memory_crossings("none", true, 1).reading;
  const std::string reason = fmt::format(
      "a byte that lies in memory (tmpfs, or a loop device over it) is copied when it is read: "
      "its page is read, and each line of the buffer is fetched and then written, {:.0f} "
      "crossings in place of the one of a drive's DMA",
      copied);
  if (in_memory >= kAllOfIt) return {part::kPath, reason, {}, {}};
  const double by_dma = memory_crossings("none", true, 0).reading;
  return {part::kPath,
          fmt::format("{}; {:.0f} % of the data lie there", reason, 100 * in_memory),
          Sum(figure::percent(in_memory))
              .times(figure::count(copied))
              .plus(figure::percent(1 - in_memory))
              .times(figure::count(by_dma))
              .equals(figure::count(crossings.reading)),
          {}};
}

void add_path(const workload::Profile& profile, const FeedPath& path, const Diagnosis& d, FeedLines& lines) {
  int number = 0;
  for (const Hop& hop : path.hops) {
    std::string claim = fmt::format("{}. {} [{}]", ++number, hop.name, fmt::join(hop.resources, ", "));
    if (!hop.shared && d.accelerators > 1) claim += ": each accelerator its own";
    if (hop.kind != "memory") {
      lines.push_back({part::kPath, std::move(claim), {}, {}});
      continue;
    }
    const MemoryCrossings crossings = memory_crossings(profile.input.prep, !path.in_gpu, path.in_memory);
    if (path.in_memory > 0) lines.push_back(explain_reading_from_memory(path.in_memory, crossings));
    lines.push_back({part::kPath,
                     fmt::format("{}: how often a byte crosses it when read, {} and when copied", claim,
                                 crossings.prep > 0 ? "in " + doing(profile.input.prep)
                                                    : std::string("in preparation (there is none)")),
                     Sum(figure::count(crossings.reading))
                         .plus(figure::count(crossings.prep))
                         .plus(figure::count(crossings.copy))
                         .equals(figure::count(crossings.total())),
                     {}});
  }
}

void add_capacity(const record::Document& document, const Hop& hop, double crossings, const Diagnosis& d,
                  FeedLines& lines) {
  const Capacity& capacity = hop.capacity;
  std::string claim = hop.name + ": ";
  if (capacity.measured) {
    claim += rate_text(capacity.measured->mean) + " measured";
    if (capacity.measured->has_interval() && capacity.measured->ci95_high > capacity.measured->ci95_low)
      claim += fmt::format(", 95 % in {} to {}", rate_text(capacity.measured->ci95_low),
                           rate_text(capacity.measured->ci95_high));
  } else {
    claim += "not measured";
  }
  if (capacity.limit)
    claim += fmt::format("; limit {} ({})", rate_text(*capacity.limit),
                         capacity.limit_source.empty() ? "from the topology" : capacity.limit_source);
  lines.push_back({part::kCapacity, std::move(claim), {}, capacity.evidence});
  for (ExplanationStep& step : explain_capacity(document, hop, crossings)) lines.push_back(std::move(step));
  if (!hop.shared && d.accelerators > 1 && capacity.known())
    lines.push_back({part::kCapacity,
                     fmt::format("of all {} accelerators", d.accelerators),
                     Sum(figure::count(d.accelerators))
                         .times(figure::rate(capacity.rate()))
                         .equals(figure::rate(capacity.rate() * d.accelerators)),
                     {}});
}

void add_utilization(const Diagnosis& d, FeedLines& lines) {
  for (const RankedHop& hop : d.ranking)
    lines.push_back({part::kUtilization, fmt::format("{}: needed ÷ available", name_for_people(hop)),
                     Sum(figure::rate(hop.needed_bytes_per_s))
                         .over(figure::rate(available_of(hop)))
                         .equals(figure::percent(hop.utilization)),
                     hop.evidence});
}

}  // namespace

FeedLines explain_feed(const record::Document& document, const workload::Profile& profile,
                       const FeedPath& path, const Diagnosis& diagnosis) {
  FeedLines lines;
  add_demand(profile, diagnosis, lines);
  add_path(profile, path, diagnosis, lines);
  const double crossings = memory_crossings(profile.input.prep, !path.in_gpu, path.in_memory).total();
  for (const Hop& hop : path.hops) add_capacity(document, hop, crossings, diagnosis, lines);
  add_utilization(diagnosis, lines);
  for (ExplanationStep& step : explain_outcome(profile, diagnosis)) lines.push_back(std::move(step));
  return lines;
}

}  // namespace millrace::diagnose
