// SPDX-License-Identifier: Apache-2.0
#include "diagnose/infer.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <optional>
#include <unordered_map>

#include "diagnose/conventions.hpp"
#include "diagnose/crossings.hpp"
#include "diagnose/evidence.hpp"
#include "diagnose/floor.hpp"
#include "diagnose/others_allow.hpp"
#include "stats/moderated_variance.hpp"
#include "stats/student_t.hpp"
#include "units/quantity.hpp"

namespace millrace::diagnose {
namespace {

// A resource is blamed for a loss only where the loss is beyond chance, and large enough to matter.
constexpr double kSureOfLoss = 0.995;        // one-sided, by Student's t
constexpr double kLeastLoss = 0.03;          // of what everything else allows
constexpr double kLossWithoutRepeats = 0.1;  // where nobody knows what chance does
constexpr double kNearItsFloor = 0.97;       // a set that moved this share of the most may show the end
constexpr double kLeastOfMean = 0.05;

// A pipeline with a timed consumer is paced by that, and what it moves is what is being predicted: of sets
// with one, the others are floors.
void leave_out_paced(std::vector<SimultaneousSet>& sets) {
  for (SimultaneousSet& set : sets)
    for (std::size_t i = set.members.size(); i-- > 0;) {
      const record::Measurement& m = *set.members[i];
      if (m.probe != conventions::kPipeline || number(m, conventions::kCompute).value_or(0) <= 0) continue;
      const auto at = static_cast<std::ptrdiff_t>(i);
      set.members.erase(set.members.begin() + at);
      set.mean.erase(set.mean.begin() + at);
      for (auto& repeat : set.rates) repeat.erase(repeat.begin() + at);
      set.whole = false;
    }
  std::erase_if(sets, [](const SimultaneousSet& set) { return set.members.empty(); });
}

// One operation at a time shows no resource's end.
bool is_latency(const record::Measurement* m) { return m->probe.find("latency") != std::string::npos; }

// Through one node in one set.
struct Total {
  std::size_t set = 0;
  double mean = 0;
  std::vector<double> repeats;
  double expected_variance = 0;  // of one repeat, for a relative variance of 1 of each member
};

using Totals = std::vector<std::vector<Total>>;  // by node

Totals totals_of(const std::vector<SimultaneousSet>& sets, const Crossings& crossings) {
  Totals totals(crossings.nodes.size());
  for (std::size_t s = 0; s < sets.size(); ++s)
    for (const Crossing& crossing : crossings.of_set[s]) {
      auto& of_node = totals[crossing.node];
      if (of_node.empty() || of_node.back().set != s) {
        of_node.push_back({s, 0, {}, 0});
        of_node.back().repeats.assign(sets[s].rates.size(), 0);
      }
      Total& total = of_node.back();
      const double mean = sets[s].mean[crossing.flow] * crossing.units;
      total.mean += mean;
      total.expected_variance += mean * mean;
      for (std::size_t r = 0; r < sets[s].rates.size(); ++r)
        total.repeats[r] += sets[s].rates[r][crossing.flow] * crossing.units;
    }
  return totals;
}

stats::SampleVariance variance_of(const std::vector<double>& values) {
  const auto n = static_cast<double>(values.size());
  if (n < 2) return {0, 0};
  const double mean = std::accumulate(values.begin(), values.end(), 0.0) / n;
  double squares = 0;
  for (const double value : values) squares += (value - mean) * (value - mean);
  return {squares / (n - 1), n - 1};
}

// How much the repeats of one measurement differ on this machine, relative to its mean.
std::optional<stats::VariancePrior> prior_of(const std::vector<SimultaneousSet>& sets) {
  std::vector<stats::SampleVariance> samples;
  for (const SimultaneousSet& set : sets)
    for (std::size_t i = 0; i < set.members.size(); ++i) {
      std::vector<double> rates;
      for (const auto& repeat : set.rates) rates.push_back(repeat[i]);
      stats::SampleVariance sample = variance_of(rates);
      sample.variance /= set.mean[i] * set.mean[i];
      samples.push_back(sample);
    }
  return stats::fit_variance_prior(samples);
}

struct Error {
  double standard = 0, freedom = 0;
};

Error error_of(const std::vector<double>& repeats, double expected_variance,
               const std::optional<stats::VariancePrior>& prior) {
  stats::SampleVariance variance = variance_of(repeats);
  if (variance.freedom == 0) return {};
  if (prior) variance = stats::moderate(variance, {prior->variance * expected_variance, prior->freedom});
  return {std::sqrt(variance.variance / static_cast<double>(repeats.size())), variance.freedom};
}

std::vector<std::string> ids_of(const SimultaneousSet& set) {
  std::vector<std::string> ids;
  for (const record::Measurement* m : set.members) ids.push_back(m->id);
  return ids;
}

// Of sets without repeats to choose by, or that hold one only: the largest, with the interval that its one
// measurement has.
void take_largest(const std::vector<Total>& totals, const std::vector<SimultaneousSet>& sets,
                  ResourceCapacity& out) {
  const auto largest = std::max_element(totals.begin(), totals.end(),
                                        [](const Total& a, const Total& b) { return a.mean < b.mean; });
  const SimultaneousSet& set = sets[largest->set];
  out.capacity.measured = MeasuredRate{largest->mean};
  const record::Estimate& own = set.members.front()->throughput_bytes_per_s;
  if (set.members.size() == 1 && own.ci95_low && own.ci95_high && own.mean > 0) {
    out.capacity.measured->ci95_low = std::max(*own.ci95_low / own.mean, kLeastOfMean) * largest->mean;
    out.capacity.measured->ci95_high = std::max(*own.ci95_high / own.mean, 1.0) * largest->mean;
  }
  out.capacity.evidence = ids_of(set);
}

void take_floor(const std::vector<Total>& totals, const std::vector<SimultaneousSet>& sets,
                const std::optional<stats::VariancePrior>& prior, ResourceCapacity& out) {
  std::vector<std::vector<double>> repeats;
  for (const Total& total : totals) repeats.push_back(total.repeats);
  const CrossFitted fitted = cross_fit(repeats);
  if (fitted.draws.size() < 2) return take_largest(totals, sets, out);
  const double mean = std::accumulate(fitted.draws.begin(), fitted.draws.end(), 0.0) /
                      static_cast<double>(fitted.draws.size());
  const Error error = error_of(fitted.draws, totals[fitted.chosen].expected_variance, prior);
  const double half = stats::student_t_quantile(0.975, error.freedom) * error.standard;
  out.capacity.measured = MeasuredRate{mean, std::max(mean - half, kLeastOfMean * mean), mean + half};
  out.capacity.repeats = fitted.draws;
  out.capacity.evidence = ids_of(sets[totals[fitted.chosen].set]);
  out.standard_error = error.standard;
  out.freedom = error.freedom;
}

using ResourcesById = std::unordered_map<std::string, const topology::Resource*>;

void take_limit(const ResourcesById& resources, ResourceCapacity& out, std::vector<std::string>& notes) {
  const auto found = resources.find(out.resource);
  if (found == resources.end() || !found->second->limit_bytes_per_s) return;
  const topology::Resource* resource = found->second;
  if (set_limit(out.capacity, *resource->limit_bytes_per_s, resource->limit_source)) return;
  notes.push_back(fmt::format(
      "{} carried {} ({}), more than its limit of {} ({}): the limit is discredited and was dropped",
      out.resource, to_text(BytesPerSecond{out.capacity.measured->mean}), out.capacity.evidence.front(),
      to_text(BytesPerSecond{*resource->limit_bytes_per_s}), resource->limit_source));
}

class Judge {
 public:
  Judge(const Crossings& crossings, const Totals& totals, const std::optional<stats::VariancePrior>& prior,
        Inference& inference)
      : crossings_(crossings), totals_(totals), prior_(prior), inference_(inference) {}

  void judge() {
    for (std::size_t c = 0; c < crossings_.classes.size(); ++c)
      if (shows_its_end(c)) mark(c, Seen::kSaturated);
    for (std::size_t s = 0; s < inference_.sets.size(); ++s) presume(s);
    for (std::size_t s = 0; s < inference_.sets.size(); ++s) presume_of_several(s);
  }

 private:
  [[nodiscard]] std::size_t first_of(std::size_t c) const { return crossings_.classes[c].front(); }
  [[nodiscard]] const ResourceCapacity& capacity(std::size_t c) const {
    return inference_.resources[first_of(c)];
  }
  void mark(std::size_t c, Seen seen) {
    for (const std::size_t node : crossings_.classes[c]) inference_.resources[node].seen = seen;
  }
  [[nodiscard]] static bool tells_of_ends(const SimultaneousSet& set) {
    return set.whole && !set.cpus_busy && std::none_of(set.members.begin(), set.members.end(), is_latency);
  }

  // The flows of a set that cross the class, and what else they cross: less what others take of it.
  Allowed allowed(std::size_t c, std::size_t s) const {
    const SimultaneousSet& set = inference_.sets[s];
    std::vector<double> through(set.members.size(), 0);  // units of the class
    for (const Crossing& crossing : crossings_.of_set[s])
      if (crossing.node == first_of(c)) through[crossing.flow] = crossing.units;
    std::vector<Constraint> constraints;
    std::vector<std::size_t> constraint_of(crossings_.classes.size(), std::string::npos);
    std::vector<HeldFlow> flows;
    std::vector<std::size_t> flow_of(set.members.size(), 0);
    for (std::size_t f = 0; f < through.size(); ++f) {
      if (through[f] <= 0) continue;
      flow_of[f] = flows.size();
      flows.push_back({through[f], {}});
    }
    for (const Crossing& crossing : crossings_.of_set[s]) {
      const std::size_t other = crossings_.class_of[crossing.node];
      if (other == c || crossing.node != first_of(other)) continue;
      if (constraint_of[other] == std::string::npos) {
        constraint_of[other] = constraints.size();
        constraints.push_back({capacity(other).capacity.rate(), capacity(other).standard_error});
      }
      if (through[crossing.flow] > 0)
        flows[flow_of[crossing.flow]].crosses.emplace_back(constraint_of[other], crossing.units);
      else
        constraints[constraint_of[other]].capacity -= crossing.units * set.mean[crossing.flow];
    }
    return others_allow(flows, constraints);
  }

  // Whether a total falls short of what is allowed by more than chance has it.
  [[nodiscard]] bool held_back(const Total& total, const Allowed& others) const {
    if (!std::isfinite(others.total)) return true;
    const double loss = others.total - total.mean;
    const Error error = error_of(total.repeats, total.expected_variance, prior_);
    if (error.freedom == 0) return loss > kLossWithoutRepeats * others.total;
    const double chance = stats::student_t_quantile(kSureOfLoss, error.freedom) *
                          std::hypot(error.standard, others.standard_error);
    return loss > std::max(chance, kLeastLoss * others.total);
  }

  bool shows_its_end(std::size_t c) const {
    for (const Total& total : totals_[first_of(c)]) {
      const SimultaneousSet& set = inference_.sets[total.set];
      if (!tells_of_ends(set) || total.mean < kNearItsFloor * capacity(c).capacity.measured->mean) continue;
      if (held_back(total, allowed(c, total.set))) return true;
    }
    return false;
  }

  // How near a class came to the most that it ever carried, in one set.
  [[nodiscard]] double nearness(std::size_t c, std::size_t s) const {
    for (const Total& total : totals_[first_of(c)])
      if (total.set == s) return total.mean / capacity(c).capacity.measured->mean;
    return 0;
  }

  // Something held a lone flow back. Where nothing of its path that is known to have ended did, it was what
  // came nearest to the most that it ever carried.
  void presume(std::size_t s) {
    const SimultaneousSet& set = inference_.sets[s];
    if (set.members.size() != 1 || !tells_of_ends(set)) return;
    std::size_t nearest = std::string::npos;
    for (const Crossing& crossing : crossings_.of_set[s]) {
      const std::size_t c = crossings_.class_of[crossing.node];
      if (crossing.node != first_of(c)) continue;
      const double near = nearness(c, s);
      if (near >= kNearItsFloor && capacity(c).seen == Seen::kSaturated) return;
      if (nearest == std::string::npos || near > nearness(nearest, s)) nearest = c;
    }
    if (nearest != std::string::npos && capacity(nearest).seen == Seen::kFloor)
      mark(nearest, Seen::kPresumed);
  }

  // Where flows together moved less than all that was seen at its end allows, something held them back whose
  // end was not seen: whatever carried its most then, be it one resource or several that no measurement tells
  // apart.
  void presume_of_several(std::size_t s) {
    const SimultaneousSet& set = inference_.sets[s];
    if (set.members.size() < 2 || !tells_of_ends(set)) return;
    std::vector<HeldFlow> flows(set.members.size());
    std::vector<Constraint> constraints;
    std::vector<std::size_t> constraint_of(crossings_.classes.size(), std::string::npos);
    std::vector<std::size_t> open;
    for (const Crossing& crossing : crossings_.of_set[s]) {
      const std::size_t c = crossings_.class_of[crossing.node];
      if (crossing.node != first_of(c)) continue;
      if (capacity(c).seen == Seen::kFloor) {
        if (std::find(open.begin(), open.end(), c) == open.end()) open.push_back(c);
        continue;
      }
      if (constraint_of[c] == std::string::npos) {
        constraint_of[c] = constraints.size();
        constraints.push_back({capacity(c).capacity.rate(), capacity(c).standard_error});
      }
      flows[crossing.flow].crosses.emplace_back(constraint_of[c], crossing.units);
    }
    Total total{s, 0, std::vector<double>(set.rates.size(), 0), 0};
    for (std::size_t f = 0; f < flows.size(); ++f) {
      total.mean += set.mean[f];
      total.expected_variance += set.mean[f] * set.mean[f];
      for (std::size_t r = 0; r < set.rates.size(); ++r) total.repeats[r] += set.rates[r][f];
    }
    if (!held_back(total, others_allow(flows, constraints))) return;
    for (const std::size_t c : open)
      if (nearness(c, s) >= kNearItsFloor) mark(c, Seen::kPresumed);
  }

  const Crossings& crossings_;
  const Totals& totals_;
  const std::optional<stats::VariancePrior>& prior_;
  Inference& inference_;
};

// Resources that nothing crossed, of which a limit is known.
void add_unmeasured(const topology::Topology& topology, Inference& inference) {
  std::vector<std::string> measured;
  for (const ResourceCapacity& one : inference.resources) measured.push_back(one.resource);
  std::sort(measured.begin(), measured.end());
  for (const topology::Resource& resource : topology.resources) {
    if (!resource.limit_bytes_per_s || std::binary_search(measured.begin(), measured.end(), resource.id))
      continue;
    ResourceCapacity& one = inference.resources.emplace_back();
    one.resource = resource.id;
    one.kind = resource.kind;
    one.seen = Seen::kLimit;
    one.in_class = inference.classes.size();
    set_limit(one.capacity, *resource.limit_bytes_per_s, resource.limit_source);
    inference.classes.push_back({inference.resources.size() - 1});
  }
}

}  // namespace

Inference infer(const record::Document& document) {
  Inference inference;
  inference.sets = simultaneous_sets(document, inference.notes);
  leave_out_paced(inference.sets);
  const Crossings crossings = crossings_of(document.topology, inference.sets);
  const Totals totals = totals_of(inference.sets, crossings);
  const auto prior = prior_of(inference.sets);
  ResourcesById resources;
  for (const topology::Resource& resource : document.topology.resources)
    resources.emplace(resource.id, &resource);
  for (std::size_t n = 0; n < crossings.nodes.size(); ++n) {
    ResourceCapacity& one = inference.resources.emplace_back();
    one.resource = crossings.nodes[n].resource;
    one.operation = crossings.nodes[n].operation;
    one.kind = crossings.nodes[n].kind;
    one.in_class = crossings.class_of[n];
    take_floor(totals[n], inference.sets, prior, one);
    take_limit(resources, one, inference.notes);
  }
  inference.classes = crossings.classes;
  Judge(crossings, totals, prior, inference).judge();
  add_unmeasured(document.topology, inference);
  return inference;
}

std::vector<record::SharedCapacity> capacities_of(const record::Document& document,
                                                  const Inference& inference) {
  std::vector<record::SharedCapacity> capacities;
  for (const auto& of_class : inference.classes) {
    const ResourceCapacity& first = inference.resources[of_class.front()];
    if (!first.capacity.measured) continue;
    record::SharedCapacity& one = capacities.emplace_back();
    for (const std::size_t i : of_class) {
      one.resources.push_back(inference.resources[i].resource);
      const Capacity& capacity = inference.resources[i].capacity;
      if (!capacity.limit || (one.limit_bytes_per_s && *one.limit_bytes_per_s <= *capacity.limit)) continue;
      one.limit_bytes_per_s = capacity.limit;
      one.limit_source = capacity.limit_source;
    }
    one.operation = first.operation;
    one.carried_bytes_per_s = first.capacity.measured->mean;
    if (first.capacity.measured->has_interval()) {
      one.carried_low = first.capacity.measured->ci95_low;
      one.carried_high = first.capacity.measured->ci95_high;
    }
    one.saturated = first.seen == Seen::kSaturated || first.seen == Seen::kPresumed;
    one.evidence = first.capacity.evidence;
    one.split_by = what_splits(document.topology, one.resources);
  }
  return capacities;
}

}  // namespace millrace::diagnose
