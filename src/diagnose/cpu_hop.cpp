// SPDX-License-Identifier: Apache-2.0
// The hop of all CPU work of a feed path together against the host's hardware threads.
#include <fmt/core.h>

#include <cmath>

#include "diagnose/conventions.hpp"
#include "diagnose/cpu_cost.hpp"
#include "diagnose/explanation.hpp"
#include "diagnose/feed_path.hpp"
#include "topology/usable_cpus.hpp"

namespace millrace::diagnose {
namespace {

using record::ExplanationStep;
using record::Measurement;

constexpr double kGigabyte = 1e9;
constexpr std::size_t kMostCostsToAddUp = 10;  // repeats whose mean is written out
constexpr const char* kOfAGigabyte = "CPU-seconds of a GB";

struct MeasuredCost {
  const Measurement* measurement = nullptr;
  const char* of = "";  // "reading"
  CpuCost cost;
};

Figure cost_figure(double of_byte) { return figure::count(of_byte * kGigabyte); }

Figure costs_figure(const std::vector<double>& of_byte) {
  std::vector<double> of_gigabyte;
  for (const double cost : of_byte) of_gigabyte.push_back(cost * kGigabyte);
  return figure::sum_of_counts(std::move(of_gigabyte));
}

std::vector<CpuCost> costs_of(const std::vector<MeasuredCost>& measured) {
  std::vector<CpuCost> costs;
  for (const MeasuredCost& one : measured) costs.push_back(one.cost);
  return costs;
}

ExplanationStep explain_cost(const MeasuredCost& one) {
  const std::string& id = one.measurement->id;
  const std::vector<double>& repeats = one.cost.repeats;
  const std::string what = fmt::format("{} in {}: {}", one.of, id, kOfAGigabyte);
  if (repeats.empty() || repeats.size() > kMostCostsToAddUp)
    return {part::kCapacity, fmt::format("{}, {:.4g}", what, one.cost.mean * kGigabyte), {}, {id}};
  const auto count = static_cast<double>(repeats.size());
  return {part::kCapacity,
          fmt::format("{}, the mean of its {:.0f} repeats", what, count),
          Sum(costs_figure(repeats)).over(figure::count(count)).equals(cost_figure(one.cost.mean)),
          {id}};
}

std::string whence_the_interval(const CpuCost& all, std::size_t measurements) {
  if (!all.repeats.empty())
    return fmt::format("its interval is that of the CPU-seconds over the {} repeats{}", all.repeats.size(),
                       measurements > 1 ? ", added up repeat by repeat" : "");
  if (!std::isfinite(all.high))
    return "it has no interval: the CPU time of several repeats is not in the document, and the rate has "
           "none";
  return all.spread_is_of_rate
             ? "the CPU time of several repeats is not in the document: its interval is as wide as that of "
               "the measured rate"
             : "its interval is that of each measurement's CPU-seconds over its repeats, added in quadrature";
}

// Reading from the drives, then the stages: each cost, their sum, and what the threads carry by it.
std::vector<ExplanationStep> derivation_of_cores(const std::vector<MeasuredCost>& reading,
                                                 const std::vector<MeasuredCost>& stages, const CpuCost& all,
                                                 const topology::Cpu& cpu) {
  const double threads = topology::usable_threads(cpu);
  const std::string few = topology::usable_cpus_words(cpu);
  std::vector<ExplanationStep> steps;
  for (const auto* measured : {&reading, &stages})
    for (const MeasuredCost& one : *measured) steps.push_back(explain_cost(one));
  const double of_reading = mean_of_costs(costs_of(reading)).mean;
  if (reading.size() > 1) {
    std::vector<double> means;
    for (const MeasuredCost& one : reading) means.push_back(one.cost.mean);
    steps.push_back({part::kCapacity,
                     fmt::format("reading: {}, the mean of the {} drives", kOfAGigabyte, means.size()),
                     Sum(costs_figure(means))
                         .over(figure::count(static_cast<double>(means.size())))
                         .equals(cost_figure(of_reading)),
                     {}});
  }
  if (!reading.empty() && !stages.empty())
    steps.push_back({part::kCapacity,
                     fmt::format("{}, to read, prepare and copy it", kOfAGigabyte),
                     Sum(cost_figure(of_reading))
                         .plus(cost_figure(stages.front().cost.mean))
                         .equals(cost_figure(all.mean)),
                     {}});
  steps.push_back({part::kCapacity,
                   few.empty() ? "the hardware threads have so many CPU-seconds in a second"
                               : few + "; they have so many CPU-seconds in a second",
                   Sum(figure::count(threads))
                       .times(figure::bytes(kGigabyte))
                       .over(figure::seconds(all.mean * kGigabyte))
                       .equals(figure::rate(threads / all.mean)),
                   {}});
  steps.push_back({part::kCapacity, whence_the_interval(all, reading.size() + stages.size()), {}, {}});
  return steps;
}

std::string name_of_cores(const topology::Cpu& cpu) {
  if (!topology::cpu_limit_reason(cpu).empty())
    return fmt::format("CPU, if its {:.3g} of {} threads did only this", topology::usable_threads(cpu),
                       cpu.threads);
  return cpu.threads == 1 ? "CPU, if its 1 thread did only this"
                          : fmt::format("CPU, if all {} threads did only this", cpu.threads);
}

}  // namespace

void add_cores(const record::Document& document, const StorageEvidence& storage, const Measurement* stages,
               FeedPath& path) {
  if (document.hosts.empty() || document.hosts.front().cpu.threads <= 0) return;
  const topology::Cpu& cpu = document.hosts.front().cpu;
  const double threads = topology::usable_threads(cpu);
  std::vector<MeasuredCost> reading, staging;
  for (const Measurement* m : storage.set)
    if (CpuCost cost = cost_of_reading(*m); cost.mean > 0) reading.push_back({m, "reading", std::move(cost)});
  if (stages != nullptr)
    if (CpuCost cost = cost_of_stages(*stages); cost.mean > 0)
      staging.push_back({stages, "preparing and copying", std::move(cost)});
  std::vector<CpuCost> costs;
  if (!reading.empty()) costs.push_back(mean_of_costs(costs_of(reading)));
  if (!staging.empty()) costs.push_back(staging.front().cost);
  if (costs.empty()) return;
  const CpuCost all = sum_of_costs(costs);
  Hop hop;
  hop.resources = {"cpu:cores"};
  hop.kind = "cpu";
  hop.noun = "the CPU as a whole";
  hop.name = name_of_cores(cpu);
  if (const std::string few = topology::usable_cpus_words(cpu); !few.empty())
    path.notes.push_back("the CPU counts as " + few);
  hop.capacity.measured = MeasuredRate{threads / all.mean};
  if (std::isfinite(all.high)) {
    hop.capacity.measured->ci95_low = threads / all.high;
    hop.capacity.measured->ci95_high = threads / all.low;
  }
  for (const double cost : all.repeats) hop.capacity.repeats.push_back(threads / cost);
  for (const auto* measured : {&reading, &staging})
    for (const MeasuredCost& one : *measured) hop.capacity.evidence.push_back(one.measurement->id);
  hop.derivation = derivation_of_cores(reading, staging, all, cpu);
  path.hops.push_back(std::move(hop));
}

}  // namespace millrace::diagnose
