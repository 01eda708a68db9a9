// SPDX-License-Identifier: Apache-2.0
#include "diagnose/fabric/pace.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>
#include <utility>

#include "diagnose/relief.hpp"

namespace millrace::diagnose {
namespace {

constexpr double kTied = 0.01;
constexpr double kNearly = 1e-4;  // relative: closer than any of this is known

// How many times as fast a phase must be for the step to take `goal_s`; twice where that is out of its reach.
double phase_factor(const Pace& pace, std::size_t phase, double goal_s) {
  const double now = pace.phases_s[phase];
  double needed = now - (pace.step_s - goal_s);
  if (phase == 0) needed = std::max(needed, pace.compute_s);  // faster than computing it need not be
  return needed > now / 1e3 ? rounded_up(now / needed) : 2;
}

// The kind that is the same links' other direction; nothing where there is none.
std::optional<fabric::Kind> other_direction(fabric::Kind kind) {
  using fabric::Kind;
  constexpr std::pair<Kind, Kind> kLinks[]{{Kind::kNvlinkOut, Kind::kNvlinkIn},
                                           {Kind::kPcieOut, Kind::kPcieIn},
                                           {Kind::kNicUp, Kind::kNicDown},
                                           {Kind::kLeafUp, Kind::kLeafDown},
                                           {Kind::kSpineUp, Kind::kSpineDown},
                                           {Kind::kStorageOut, Kind::kStorageIn},
                                           {Kind::kStorageNicUp, Kind::kStorageNicDown},
                                           {Kind::kStorageLeafUp, Kind::kStorageLeafDown},
                                           {Kind::kStorageSpineUp, Kind::kStorageSpineDown}};
  for (const auto& [one, other] : kLinks) {
    if (kind == one) return other;
    if (kind == other) return one;
  }
  return std::nullopt;
}

// Of each class of a kind, how many of its links are by number links of this class of the same kind's other
// direction.
std::map<std::uint32_t, std::int64_t> common_links(const fabric::Resources& resources, std::uint32_t of,
                                                   fabric::Kind other_kind) {
  const auto& own = resources.runs(resources.classes()[of].kind);
  const auto& others = resources.runs(other_kind);
  std::map<std::uint32_t, std::int64_t> common;
  for (auto one = own.begin(), other = others.begin(); one != own.end() && other != others.end();) {
    const std::int64_t first = std::max(one->first, other->first), last = std::min(one->last, other->last);
    if (one->of == of && first <= last) common[other->of] += last - first + 1;
    one->last < other->last ? ++one : ++other;
  }
  return common;
}

// Of links that are mended the other direction is too: the classes of it that are mostly these links.
void add_other_directions(const fabric::Resources& resources, const JobLoad& job,
                          std::vector<std::size_t>& classes) {
  constexpr std::size_t kMostLookedAt =
      16;  // more at once are a site that measured each link by itself, both ways
  std::vector<bool> mended(job.classes.size(), false);
  for (const std::size_t c : classes) mended[c] = true;
  const std::vector<std::size_t> given(
      classes.begin(),
      classes.begin() + static_cast<std::ptrdiff_t>(std::min(classes.size(), kMostLookedAt)));
  for (const std::size_t c : given) {
    const auto other = other_direction(resources.classes()[job.classes[c].of].kind);
    if (!other) continue;
    const auto common = common_links(resources, job.classes[c].of, *other);
    for (std::size_t d = 0; d < job.classes.size(); ++d) {
      const auto found = common.find(job.classes[d].of);
      if (mended[d] || found == common.end()) continue;
      if (2 * found->second <= resources.classes()[found->first].members) continue;
      mended[d] = true;
      classes.push_back(d);
    }
  }
}

}  // namespace

ClassRates best_rates(const fabric::Resources& resources, const JobLoad& job) {
  ClassRates rates;
  for (const ClassLoad& load : job.classes) rates.push_back(resources.classes()[load.of].rate());
  return rates;
}

double Pace::lost_s(std::size_t phase) const {
  return phase == 0 ? std::max(0.0, phases_s[0] - compute_s) : phases_s[phase];
}

std::size_t Pace::worst_phase() const {
  std::size_t worst = phases_s.size();
  double most = 0;
  for (std::size_t phase = 0; phase < phases_s.size(); ++phase)
    if (lost_s(phase) > most) {
      most = lost_s(phase);
      worst = phase;
    }
  return worst;
}

Pace pace_of(const JobLoad& job, std::span<const double> rates) {
  Pace pace{job.step.compute_s, 0, std::vector<double>(job.phases.size(), 0.0)};
  for (std::size_t c = 0; c < job.classes.size(); ++c)
    for (std::size_t phase = 0; phase < job.phases.size(); ++phase)
      pace.phases_s[phase] = std::max(pace.phases_s[phase], job.classes[c].phases[phase] / rates[c]);
  pace.step_s = pace.compute_s;
  for (std::size_t phase = 0; phase < job.phases.size(); ++phase) pace.step_s += pace.lost_s(phase);
  return pace;
}

std::vector<std::size_t> slowest(const JobLoad& job, std::span<const double> rates, std::size_t phase) {
  std::vector<std::size_t> found;
  if (phase >= job.phases.size()) return found;
  const double longest = pace_of(job, rates).phases_s[phase];
  if (longest <= 0) return found;
  for (std::size_t c = 0; c < job.classes.size(); ++c)
    if (job.classes[c].phases[phase] / rates[c] >= longest * (1 - kTied)) found.push_back(c);
  std::stable_sort(found.begin(), found.end(), [&](std::size_t a, std::size_t b) {
    return job.classes[a].phases[phase] / rates[a] > job.classes[b].phases[phase] / rates[b];
  });
  return found;
}

std::vector<FabricRelief> relieve(const fabric::Resources& resources, const JobLoad& job, ClassRates rates,
                                  double goal_s, int most) {
  std::vector<FabricRelief> steps;
  Pace pace = pace_of(job, rates);
  while (static_cast<int>(steps.size()) < most && pace.step_s > goal_s * (1 + kNearly)) {
    const std::size_t phase = pace.worst_phase();
    FabricRelief step{slowest(job, rates, phase), 1, 0, {}};
    if (step.classes.empty()) break;
    add_other_directions(resources, job, step.classes);
    step.factor = phase_factor(pace, phase, goal_s);
    for (const std::size_t c : step.classes) rates[c] *= step.factor;
    pace = pace_of(job, rates);
    step.step_s = pace.step_s;
    step.next = slowest(job, rates, pace.worst_phase());
    steps.push_back(std::move(step));
  }
  return steps;
}

}  // namespace millrace::diagnose
