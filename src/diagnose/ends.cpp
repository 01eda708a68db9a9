// SPDX-License-Identifier: Apache-2.0
#include "diagnose/ends.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "diagnose/others_allow.hpp"
#include "stats/student_t.hpp"

namespace millrace::diagnose {
namespace {

// A resource is blamed for a loss only where the loss is beyond chance, and large enough to matter.
constexpr double kSureOfLoss = 0.995;        // one-sided, by Student's t
constexpr double kLeastLoss = 0.03;          // of what everything else allows
constexpr double kLossWithoutRepeats = 0.1;  // where nobody knows what chance does
constexpr double kNearItsFloor = 0.97;       // a set that moved this share of the most may show the end

// One operation at a time shows no resource's end.
bool is_latency(const record::Measurement* m) { return m->probe.find("latency") != std::string::npos; }

class EndJudge {
 public:
  EndJudge(const Crossings& crossings, const Totals& totals, const std::optional<stats::VariancePrior>& prior,
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

  // A set that by chance alone falls short of the most that was carried may show the end as well as the one
  // that, maybe by chance as well, carried it.
  [[nodiscard]] bool is_about_the_most(std::size_t c, const Total& total) const {
    const double most = capacity(c).capacity.measured->mean;
    const Error error = error_of(total.repeats, total.expected_variance, prior_);
    const double chance = error.freedom == 0 ? 0
                                             : stats::student_t_quantile(kSureOfLoss, error.freedom) *
                                                   std::hypot(error.standard, capacity(c).standard_error);
    return total.mean >= most - std::max(chance, (1 - kNearItsFloor) * most);
  }

  bool shows_its_end(std::size_t c) const {
    for (const Total& total : totals_[first_of(c)]) {
      const SimultaneousSet& set = inference_.sets[total.set];
      if (!tells_of_ends(set) || !is_about_the_most(c, total)) continue;
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

}  // namespace

void judge_ends(const Crossings& crossings, const Totals& totals,
                const std::optional<stats::VariancePrior>& prior, Inference& inference) {
  EndJudge(crossings, totals, prior, inference).judge();
}

}  // namespace millrace::diagnose
