// SPDX-License-Identifier: Apache-2.0
#include "diagnose/latency/relief.hpp"

#include <fmt/core.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "diagnose/host_rates.hpp"
#include "diagnose/relief.hpp"

namespace millrace::diagnose {
namespace {

constexpr double kNoTime = 1e-3;  // of its time: as good as nothing
constexpr int kHalvings = 9;      // of the factor's logarithm, from a thousand: within 1.4 %

using MendedParts = std::vector<std::size_t>;

bool is_among(const MendedParts& parts, std::size_t part) {
  return std::find(parts.begin(), parts.end(), part) != parts.end();
}

// The answer with some parts at a share of their time. A computed queue has that share of the requests, as
// with more replicas; it follows from the other parts itself.
Answer answer_with(const std::vector<PartTime>& parts, workload::Serving serving, const MendedParts& mended,
                   double share, std::optional<std::size_t> gone = {}) {
  std::vector<PartTime> changed = parts;
  for (std::size_t i = 0; i < changed.size(); ++i) {
    const double own = gone == i ? kNoTime : (is_among(mended, i) ? share : 1);
    (is_computed_queue(changed[i]) ? serving.requests_per_s : changed[i].mended) *= own;
  }
  return add_up(std::move(changed), serving);
}

bool keeps_budget(const Answer& answer, const workload::Serving& serving) {
  return answer.sum.p99_s.value_or(std::numeric_limits<double>::infinity()) <= serving.budget_s;
}

std::optional<std::size_t> worst_besides(const Answer& answer, const MendedParts& left_out) {
  std::optional<std::size_t> worst;
  double most = 0;
  for (std::size_t i = 0; i < answer.timed.size(); ++i) {
    if (is_among(left_out, i)) continue;
    const Distribution& time = answer.timed[i].time;
    const bool endless = answer.overloaded && answer.parts[i].kind == workload::PartKind::kQueue &&
                         std::isnan(answer.parts[i].p99_s);
    const double at =
        endless ? std::numeric_limits<double>::infinity() : time.quantile(0.99).value_or(time.grid().end_s());
    if (at <= most) continue;
    most = at;
    worst = i;
  }
  return worst;
}

// The least factor by which all of them are mended so that the budget is kept.
double common_factor(const std::vector<PartTime>& parts, const workload::Serving& serving,
                     const MendedParts& mended, double least) {
  if (least > 1 && keeps_budget(answer_with(parts, serving, mended, 1 / least), serving))
    return rounded_up(least);
  double low = std::max(1.0, least), high = 1 / kNoTime;
  for (int i = 0; i < kHalvings; ++i) {
    const double middle = std::sqrt(low * high);
    (keeps_budget(answer_with(parts, serving, mended, 1 / middle), serving) ? high : low) = middle;
  }
  return rounded_up(high);
}

std::string mended_words(const PartTime& part, double factor, const workload::Serving& serving) {
  if (part.kind == workload::PartKind::kQueue)
    return fmt::format("more replicas ({:.3g} × as many) or at most {:.3g} requests a second to each", factor,
                       serving.requests_per_s / factor);
  const double p99 = part.quantile(0.99).value_or(part.p99_s);
  return fmt::format("{:.3g} × as fast{}", factor,
                     std::isfinite(p99) ? fmt::format(" (p99 {})", time_words(p99 / factor)) : "");
}

}  // namespace

std::size_t worst_part(const Answer& answer) { return worst_besides(answer, {}).value_or(0); }

LatencyRelief relieve_latency(const std::vector<PartTime>& parts, const workload::Serving& serving,
                              std::optional<LeastRelief> least) {
  LatencyRelief relief;
  if (parts.empty()) return relief;
  MendedParts mended{least ? least->part : worst_part(add_up(parts, serving))};
  Answer rest = answer_with(parts, serving, mended, kNoTime);
  relief.without_first_s = rest.sum.p99_s;
  while (!keeps_budget(rest, serving)) {
    const auto next = worst_besides(rest, mended);
    if (!next) return relief;
    mended.push_back(*next);
    rest = answer_with(parts, serving, mended, kNoTime);
  }
  const double factor = common_factor(parts, serving, mended, least ? least->factor : 1);
  for (std::size_t i = 0; i < mended.size(); ++i) {
    const MendedParts so_far(mended.begin(), mended.begin() + static_cast<std::ptrdiff_t>(i) + 1);
    LatencyReliefStep step{mended[i], factor, answer_with(parts, serving, so_far, 1 / factor).sum.p99_s, {}};
    step.next = i + 1 < mended.size()
                    ? std::optional(mended[i + 1])
                    : worst_besides(answer_with(parts, serving, so_far, 1 / factor, mended[i]), {mended[i]});
    relief.steps.push_back(step);
  }
  return relief;
}

std::string latency_relief_words(const LatencyRelief& relief, const Answer& answer,
                                 const workload::Serving& serving) {
  if (relief.steps.empty()) return " No part that is a thousand times as fast keeps the budget.";
  const LatencyReliefStep& first = relief.steps.front();
  const LatencyReliefStep& last = relief.steps.back();
  const PartTime& part = answer.parts[first.part];
  const std::string then =
      last.next ? fmt::format("; then {} takes most.", answer.parts[*last.next].name) : std::string(".");
  if (relief.steps.size() == 1)
    return fmt::format(" Mend {}: {} keeps the budget{}", part.name,
                       mended_words(part, first.factor, serving), then);
  std::vector<std::string> names;
  for (const LatencyReliefStep& step : relief.steps) names.push_back(answer.parts[step.part].name);
  const std::string& last_name = names.back();
  return fmt::format(
      " Mend {} first, which takes {} of it at p99; without it the rest still takes {}. {} and {}, each "
      "{:.3g} "
      "× as fast, keep the budget{}",
      part.name,
      std::isnan(part.p99_s) && !part.counted ? "ever more"
                                              : time_words(part.quantile(0.99).value_or(part.p99_s)),
      time_words(relief.without_first_s.value_or(std::numeric_limits<double>::infinity())),
      fmt::join(names.begin(), names.end() - 1, ", "), last_name, first.factor, then);
}

std::vector<record::Relief> relief_record(const LatencyRelief& relief, const Answer& answer) {
  std::vector<record::Relief> all;
  for (const LatencyReliefStep& step : relief.steps)
    all.push_back({answer.parts[step.part].name, step.factor,
                   step.next ? answer.parts[*step.next].name : std::string(),
                   std::numeric_limits<double>::quiet_NaN(), step.p99_s});
  return all;
}

void explain_latency_relief(const LatencyRelief& relief, const Answer& answer,
                            const workload::Serving& serving, std::vector<record::ExplanationStep>& into) {
  for (const LatencyReliefStep& step : relief.steps) {
    const PartTime& part = answer.parts[step.part];
    const bool queue = part.kind == workload::PartKind::kQueue;
    const double p99 = part.quantile(0.99).value_or(part.p99_s);
    std::string arithmetic;
    if (queue)
      arithmetic = Sum(figure::count(serving.requests_per_s, "requests a second"))
                       .over(figure::count(step.factor))
                       .equals(figure::count(serving.requests_per_s / step.factor, "requests a second"));
    else if (std::isfinite(p99))
      arithmetic = Sum(figure::seconds(p99))
                       .over(figure::count(step.factor))
                       .equals(figure::seconds(p99 / step.factor));
    into.push_back({part::kRelief,
                    fmt::format("{}{}{:.4g} times {}: 99 % of the answers within {}, then {} takes most",
                                &step == &relief.steps.front() ? "" : "and ", part.name + " with ",
                                step.factor, queue ? "the replicas" : "the speed",
                                time_words(step.p99_s.value_or(std::numeric_limits<double>::quiet_NaN())),
                                step.next ? answer.parts[*step.next].name : "nothing"),
                    std::move(arithmetic),
                    {}});
  }
}

}  // namespace millrace::diagnose
