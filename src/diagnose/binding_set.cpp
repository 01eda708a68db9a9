// SPDX-License-Identifier: Apache-2.0
#include "diagnose/binding_set.hpp"

#include <algorithm>
#include <map>
#include <random>

namespace millrace::diagnose {
namespace {

constexpr std::uint64_t kBindingSeed = 20261126;
constexpr int kBindingDraws = 400, kOneInTwenty = kBindingDraws / 20;
constexpr double kWithinOnePercent = 0.99;
constexpr double kLeastOfCapacity = 0.05;

// A use with what its draws need.
struct Candidate {
  ClassUse use;
  const ResourceCapacity* capacity = nullptr;
};

// The entry of a resource for the demand: of its class of operation, else the one that carries most.
const ResourceCapacity* entry_for(const Inference& inference, const std::vector<std::size_t>& entries,
                                  const std::string& operation) {
  const ResourceCapacity* best = nullptr;
  for (const std::size_t i : entries) {
    const ResourceCapacity& one = inference.resources[i];
    if (!operation.empty() && one.operation == operation) return &one;
    if (best == nullptr || one.capacity.rate() > best->capacity.rate()) best = &one;
  }
  return best;
}

std::vector<Candidate> candidates_of(const Inference& inference, std::span<const ResourceDemand> demands) {
  std::map<std::string, std::vector<std::size_t>> entries;
  for (std::size_t i = 0; i < inference.resources.size(); ++i)
    if (inference.resources[i].capacity.known()) entries[inference.resources[i].resource].push_back(i);
  std::map<std::size_t, Candidate> by_class;
  for (const ResourceDemand& demand : demands) {
    const auto found = entries.find(demand.resource);
    if (found == entries.end() || demand.bytes_per_step <= 0) continue;
    const ResourceCapacity* one = entry_for(inference, found->second, demand.operation);
    const double low = one->capacity.low();
    ClassUse use;
    use.seconds_per_step = demand.bytes_per_step / one->capacity.rate();
    use.low = demand.bytes_per_step / one->capacity.high();
    if (low > 0) use.high = demand.bytes_per_step / low;
    use.seen = one->seen;
    use.evidence = one->capacity.evidence;
    use.in_class = one->in_class;
    Candidate& candidate = by_class[one->in_class];
    std::vector<std::string> resources = std::move(candidate.use.resources);
    const bool most_used = use.seconds_per_step > candidate.use.seconds_per_step;
    resources.insert(most_used ? resources.begin() : resources.end(), demand.resource);
    if (most_used) candidate = {std::move(use), one};
    candidate.use.resources = std::move(resources);
  }
  std::vector<Candidate> candidates;
  for (auto& [of_class, candidate] : by_class) candidates.push_back(std::move(candidate));
  std::stable_sort(candidates.begin(), candidates.end(), [](const Candidate& a, const Candidate& b) {
    return a.use.seconds_per_step > b.use.seconds_per_step;
  });
  return candidates;
}

// One draw of the use, by Student's t around the mean of the capacity.
double draw_use(const Candidate& candidate, std::mt19937_64& random) {
  const ResourceCapacity& one = *candidate.capacity;
  const double rate = one.capacity.rate();
  double drawn = rate;
  if (one.freedom > 0)
    drawn += one.standard_error * std::student_t_distribution<double>(one.freedom)(random);
  else if (one.capacity.measured && one.capacity.measured->has_interval())
    drawn = draw(one.capacity, random);
  drawn = std::max(drawn, kLeastOfCapacity * rate);
  if (one.capacity.limit) drawn = std::min(drawn, *one.capacity.limit);
  return candidate.use.seconds_per_step * rate / drawn;
}

bool ended(const Candidate& candidate) {
  return candidate.use.seen == Seen::kSaturated || candidate.use.seen == Seen::kPresumed;
}

// In how many draws each one binds, or comes as near to that as it counts.
std::vector<int> times_bound(const std::vector<Candidate>& candidates, bool any_ended) {
  std::mt19937_64 random(kBindingSeed);
  std::vector<int> bound(candidates.size(), 0);
  std::vector<double> uses(candidates.size(), 0);
  for (int i = 0; i < kBindingDraws; ++i) {
    double most = 0;
    for (std::size_t c = 0; c < candidates.size(); ++c) {
      uses[c] = draw_use(candidates[c], random);
      if (!any_ended || ended(candidates[c])) most = std::max(most, uses[c]);
    }
    for (std::size_t c = 0; c < candidates.size(); ++c)
      bound[c] += uses[c] >= (ended(candidates[c]) ? kWithinOnePercent * most : most) ? 1 : 0;
  }
  return bound;
}

}  // namespace

std::vector<ClassUse> uses_of(const Inference& inference, std::span<const ResourceDemand> demands) {
  std::vector<ClassUse> uses;
  for (Candidate& candidate : candidates_of(inference, demands)) uses.push_back(std::move(candidate.use));
  return uses;
}

std::vector<ClassUse> binding_set(const Inference& inference, std::span<const ResourceDemand> demands) {
  const std::vector<Candidate> candidates = candidates_of(inference, demands);
  const bool any_ended = std::any_of(candidates.begin(), candidates.end(), ended);
  const std::vector<int> bound = times_bound(candidates, any_ended);
  std::vector<ClassUse> binding;
  bool top_is_there = false;
  for (std::size_t c = 0; c < candidates.size(); ++c) {
    const bool is_end = ended(candidates[c]) || !any_ended;
    const bool is_top = is_end && !top_is_there;
    if (is_end) top_is_there = true;
    const int often_enough = is_end ? kOneInTwenty : kBindingDraws - kOneInTwenty;
    if (is_top || bound[c] >= often_enough) binding.push_back(candidates[c].use);
  }
  return binding;
}

}  // namespace millrace::diagnose
