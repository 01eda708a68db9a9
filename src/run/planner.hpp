// SPDX-License-Identifier: Apache-2.0
// Collects the measurements of a run: ids, and groups of what runs together.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "run/catalog.hpp"
#include "run/measure.hpp"
#include "run/peer/turns.hpp"
#include "topology/discover.hpp"

namespace millrace::run {

using Given = std::vector<std::pair<std::string, std::string>>;  // parameters, as a person would type them

inline LaunchOptions timed(double seconds, double target) {
  LaunchOptions options;
  options.time_limit = Duration::from_seconds(std::clamp(seconds, 0.3, 60.0));
  options.target = target;
  return options;
}

class Planner {
 public:
  // `first`: the number of the first one's id.
  Planner(const Catalog& catalog, const topology::Machine& machine, std::size_t first = 1)
      : catalog_(catalog), machine_(machine), first_(first) {}

  // `turns`: with the peers of these. One that is lost fails the measurement, with the reason, and is no
  // Error.
  Result<void> add(const std::string& probe, const std::string& label, const Given& given,
                   const LaunchOptions& options, int repeats, int together = 0,
                   peer::Turns* turns = nullptr) {
    const auto entry = find_probe(catalog_, probe);
    if (!entry) return tl::unexpected(entry.error());
    auto plan =
        turns == nullptr ? plan_instance(*entry, given, machine_) : turns->plan(*entry, given, machine_);
    if (!plan && turns != nullptr && plan.error().exit == Exit::kInconclusive)
      plan = lost(*entry, given, plan.error());
    if (!plan) return tl::unexpected(plan.error());
    planned_.push_back(
        {fmt::format("m{}", planned_.size() + first_), label, std::move(*plan), options, repeats, together});
    return {};
  }
  // What is planned already, once more, beside others of its group.
  Planned& add_again(const Planned& planned, const LaunchOptions& options, int repeats, int together) {
    planned_.push_back(planned);
    planned_.back().id = fmt::format("m{}", planned_.size() - 1 + first_);
    planned_.back().options = options;
    planned_.back().repeats = repeats;
    planned_.back().together = together;
    return planned_.back();
  }
  int new_group() { return ++groups_; }
  [[nodiscard]] const std::vector<Planned>& planned() const { return planned_; }
  std::vector<Planned> take() { return std::move(planned_); }

 private:
  static Result<InstancePlan> lost(const ProbeEntry& entry, const Given& given, const Error& error) {
    auto parameters = read_parameters(*entry.probe, given);
    if (!parameters) return tl::unexpected(parameters.error());
    InstancePlan plan;
    plan.entry = entry;
    plan.parameters = std::move(*parameters);
    plan.status = "failed";
    plan.reason = error.what;
    plan.hint = error.hint;
    return plan;
  }

  const Catalog& catalog_;
  const topology::Machine& machine_;
  std::size_t first_;
  std::vector<Planned> planned_;
  int groups_ = 0;
};

}  // namespace millrace::run
