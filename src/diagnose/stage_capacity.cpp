// SPDX-License-Identifier: Apache-2.0
#include "diagnose/stage_capacity.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "diagnose/conventions.hpp"
#include "diagnose/evidence.hpp"
#include "units/quantity.hpp"

namespace millrace::diagnose {
namespace {

using record::Measurement;
using record::Stage;

constexpr double kPressure = 0.05;  // share of the time in which something waited for a CPU
constexpr double kKeptOff = 0.95;   // CPU time over time at work: above, the clocks' grain and page faults
constexpr double kLeastCpu = 0.02;  // below, the stage sleeps at its work: it is none of the CPU's

// CPU time over the time at work; 1 where nothing says that threads were kept off the CPUs.
double share_on_cpu(const Measurement& run, const Stage& stage) {
  const auto waited = run.counters.find(conventions::kCpuPressureCounter);
  const bool contended = waited != run.counters.end() && waited->second >= kPressure * run.duration_s;
  const double at_work_s = stage.busy_share * stage.threads * run.duration_s;
  if (!contended || run.device == "gpu" || at_work_s <= 0) return 1;
  const double share = stage.cpu_s / at_work_s;
  return share >= kLeastCpu && share < kKeptOff ? share : 1;
}

bool comparable(const Measurement& m, const Measurement& run, const Stage& stage) {
  const Stage* theirs = find_stage(&m, stage.name);
  if (m.probe != conventions::kPipeline || m.status != "ok" || theirs == nullptr) return false;
  if (m.device != run.device || text(m, "prep") != text(run, "prep")) return false;
  return std::fabs(theirs->threads / accelerators_of(m) - stage.threads / accelerators_of(run)) < 0.5;
}

}  // namespace

const Stage* find_stage(const Measurement* run, std::string_view name) {
  if (!run) return nullptr;
  for (const Stage& stage : run->stages)
    if (stage.name == name) return &stage;
  return nullptr;
}

double accelerators_of(const Measurement& run) {
  return std::max(1.0, number(run, conventions::kAccelerators).value_or(1));
}

Capacity stage_capacity(const record::Document& document, const workload::Profile& profile,
                        const Measurement& run, const Stage& stage, std::vector<std::string>& notes) {
  const double on_cpu = share_on_cpu(run, stage);
  Capacity capacity = capacity_from(run.throughput_bytes_per_s, run.repeats,
                                    1 / (stage.busy_share * on_cpu * accelerators_of(run)));
  capacity.evidence = {run.id};
  if (on_cpu < 1)
    notes.push_back(
        fmt::format("in {}, the threads of {} were kept off the CPUs for {:.0f} % of the time that they were "
                    "at work: what the stage carries is taken from their CPU time",
                    run.id, stage.name, 100 * (1 - on_cpu)));
  const Measurement* own = proof_of(document, profile);
  const double by_stage = capacity.measured->mean;
  for (const Measurement& m : document.measurements) {
    // Every cold run of the workload with its compute is what is predicted, not the first alone.
    const bool target = &m == own || (m.label == profile.name && text(m, conventions::kSource) == "cold");
    if (target || &m == &run || !comparable(m, run, stage)) continue;
    Capacity seen = capacity_from(m.throughput_bytes_per_s, m.repeats, 1 / accelerators_of(m));
    if (seen.low() <= capacity.measured->mean) continue;
    seen.evidence = {run.id, m.id};
    capacity = std::move(seen);
  }
  if (capacity.measured->mean > by_stage)
    notes.push_back(fmt::format(
        "{} moved {} through {} for each accelerator, more than its time at work in {} gives ({}): "
        "the rate that was seen is taken",
        capacity.evidence.back(), to_text(BytesPerSecond{capacity.measured->mean}), stage.name, run.id,
        to_text(BytesPerSecond{by_stage})));
  return capacity;
}

}  // namespace millrace::diagnose
