// SPDX-License-Identifier: Apache-2.0
#include <fmt/core.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "diagnose/conventions.hpp"
#include "diagnose/explain_feed.hpp"
#include "diagnose/explanation.hpp"
#include "diagnose/stage_capacity.hpp"
#include "units/quantity.hpp"

namespace millrace::diagnose {
namespace {

using record::ExplanationStep;
using record::Measurement;

constexpr double kTheSame = 1e-6;         // of two figures of one sum
constexpr std::size_t kMostToAddUp = 10;  // repeats whose mean is written out

bool nearly(double a, double b) {
  return std::fabs(a - b) <= kTheSame * std::max(std::fabs(a), std::fabs(b));
}

const Measurement* measurement_of(const record::Document& document, const std::string& id) {
  const auto found = std::find_if(document.measurements.begin(), document.measurements.end(),
                                  [&](const Measurement& m) { return m.id == id; });
  return found == document.measurements.end() ? nullptr : &*found;
}

// Those of the evidence whose sum the capacity is: where some ran together, these and not the runs alone
// beside them.
std::vector<const Measurement*> summed(const record::Document& document, const Hop& hop) {
  std::vector<const Measurement*> all;
  for (const std::string& id : hop.capacity.evidence)
    if (const Measurement* m = measurement_of(document, id)) all.push_back(m);
  const auto together = [](const Measurement* m) { return !m->concurrent_with.empty(); };
  if (std::any_of(all.begin(), all.end(), together))
    std::erase_if(all, [&](const Measurement* m) { return !together(m); });
  return all;
}

std::string ids(const std::vector<const Measurement*>& measurements) {
  std::vector<std::string> names;
  for (const Measurement* m : measurements) names.push_back(m->id);
  return fmt::format("{}", fmt::join(names, " + "));
}

// "m1: (1.04 + 1.05 + 1.06) GB/s ÷ 3 = 1.05 GB/s"; then what several moved together.
void add_means(const std::vector<const Measurement*>& measurements, std::vector<ExplanationStep>& steps) {
  for (const Measurement* m : measurements) {
    std::vector<double> repeats;
    for (const record::Repeat& repeat : m->repeats) repeats.push_back(repeat.throughput_bytes_per_s);
    const double mean = m->throughput_bytes_per_s.mean;
    const auto count = static_cast<double>(repeats.size());
    const bool adds_up = repeats.size() > 1 && repeats.size() <= kMostToAddUp &&
                         nearly(std::accumulate(repeats.begin(), repeats.end(), 0.0) / count, mean);
    if (adds_up)
      steps.push_back(
          {part::kCapacity,
           fmt::format("the mean of the {:.0f} repeats of {}", count, m->id),
           Sum(figure::sum_of_rates(repeats)).over(figure::count(count)).equals(figure::rate(mean)),
           {m->id}});
    else
      steps.push_back(
          {part::kCapacity, fmt::format("{} moved {}", m->id, to_text(BytesPerSecond{mean})), {}, {m->id}});
  }
}

double total_of(const std::vector<const Measurement*>& measurements) {
  double total = 0;
  for (const Measurement* m : measurements) total += m->throughput_bytes_per_s.mean;
  return total;
}

void add_total(const std::vector<const Measurement*>& measurements, std::vector<ExplanationStep>& steps) {
  if (measurements.size() < 2) return;
  std::vector<double> rates;
  for (const Measurement* m : measurements) rates.push_back(m->throughput_bytes_per_s.mean);
  Sum sum(figure::rate(rates.front()));
  for (std::size_t i = 1; i < rates.size(); ++i) sum.plus(figure::rate(rates[i]));
  steps.push_back({part::kCapacity,
                   "what " + ids(measurements) + " moved at the same time",
                   sum.equals(figure::rate(total_of(measurements))),
                   {}});
}

// The run of the pipeline's stages alone that a stage's capacity was taken from.
void add_stage(const Hop& hop, const Measurement& run, const record::Stage& stage,
               std::vector<ExplanationStep>& steps) {
  const double moved = run.throughput_bytes_per_s.mean;
  const double accelerators = accelerators_of(run);
  const double capacity = hop.capacity.measured->mean;
  const double corrected = capacity * stage.busy_share * accelerators / moved;
  Sum sum(figure::rate(moved));
  sum.over(figure::count(stage.busy_share));
  std::string claim = fmt::format(
      "what one accelerator's {} threads carry if they never wait: what {} moved ÷ the share of the "
      "time in which they worked",
      stage.name, run.id);
  if (accelerators > 1) {
    sum.over(figure::count(accelerators));
    claim += " ÷ its accelerators";
  }
  if (!nearly(corrected, 1)) {
    sum.times(figure::count(corrected));
    claim += " × what the notes say of threads and busy CPUs";
  }
  steps.push_back({part::kCapacity, claim, sum.equals(figure::rate(capacity)), {run.id}});
}

}  // namespace

std::vector<ExplanationStep> explain_capacity(const record::Document& document, const Hop& hop,
                                              double crossings) {
  std::vector<ExplanationStep> steps;
  if (!hop.capacity.measured) return steps;
  if (!hop.derivation.empty()) return hop.derivation;
  const std::vector<const Measurement*> from = summed(document, hop);
  if (from.empty()) return steps;
  // Rates of single copies are metrics of the probe, not its throughput.
  if (from.front()->probe == conventions::kGpuCopy) return steps;
  const double total = total_of(from);
  const double capacity = hop.capacity.measured->mean;
  const bool is_stage = !hop.shared && from.size() == 1 && from.front()->probe == conventions::kPipeline;
  const record::Stage* stage =
      is_stage ? find_stage(from.front(), hop.kind == "copy" ? "copy" : "prep") : nullptr;
  add_means(from, steps);
  if (stage != nullptr && stage->busy_share > 0) {
    add_stage(hop, *from.front(), *stage, steps);
    return steps;
  }
  add_total(from, steps);
  if (nearly(capacity, total) || total <= 0) return steps;
  const double factor = capacity / total;
  if (hop.kind == "memory")
    steps.push_back(
        {part::kCapacity,
         fmt::format("a byte of {} crossed memory {:.3g} times, a byte of a record crosses it {:.3g} times",
                     ids(from), factor * crossings, crossings),
         Sum(figure::rate(total))
             .times(figure::count(factor * crossings))
             .over(figure::count(crossings))
             .equals(figure::rate(capacity)),
         {}});
  else
    steps.push_back({part::kCapacity,
                     "as the rate of all records, of which only that part goes this way",
                     Sum(figure::rate(total)).over(figure::count(1 / factor)).equals(figure::rate(capacity)),
                     {}});
  return steps;
}

}  // namespace millrace::diagnose
