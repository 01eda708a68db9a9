// SPDX-License-Identifier: Apache-2.0
#include "diagnose/infer.hpp"

#include <fmt/core.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <optional>
#include <unordered_map>

#include "diagnose/conventions.hpp"
#include "diagnose/crossings.hpp"
#include "diagnose/ends.hpp"
#include "diagnose/evidence.hpp"
#include "diagnose/floor.hpp"
#include "diagnose/set_totals.hpp"
#include "stats/student_t.hpp"
#include "units/quantity.hpp"

namespace millrace::diagnose {
namespace {

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
  out.by_several = set.members.size() > 1;
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
  out.by_several = sets[totals[fitted.chosen].set].members.size() > 1;
  out.capacity.evidence = ids_of(sets[totals[fitted.chosen].set]);
  for (const std::size_t chosen : fitted.set_of_draw) {
    const auto ids = ids_of(sets[totals[chosen].set]);
    out.draws_of.push_back(fmt::format("{}", fmt::join(ids, " + ")));
    for (const std::string& id : ids)
      if (std::find(out.capacity.evidence.begin(), out.capacity.evidence.end(), id) ==
          out.capacity.evidence.end())
        out.capacity.evidence.push_back(id);
  }
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
  judge_ends(crossings, totals, prior, inference);
  add_unmeasured(document.topology, inference);
  return inference;
}

std::vector<record::SharedCapacity> capacities_of(const record::Document& document,
                                                  const Inference& inference) {
  std::vector<record::SharedCapacity> capacities;
  std::vector<PossibleFlow> flows;  // looked for once there is a class to be split
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
    if (one.resources.size() < 2) continue;
    if (flows.empty()) flows = possible_flows(document.topology);
    one.split_by = what_splits(flows, one.resources);
  }
  return capacities;
}

}  // namespace millrace::diagnose
