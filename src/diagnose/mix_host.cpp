// SPDX-License-Identifier: Apache-2.0
// Several workloads on one host: each by itself, and all of them on the storage that they share.
#include <fmt/core.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "allocate/max_min.hpp"
#include "diagnose/explanation.hpp"
#include "diagnose/host_rates.hpp"
#include "diagnose/life.hpp"
#include "workload/mix.hpp"
#include "workload/step.hpp"

namespace millrace::diagnose {
namespace {

constexpr std::uint32_t kReading = 0, kWriting = 1;

// Of each job, the share of the pace that it has alone. Steps of a job that only loads have no pace of their
// own.
std::vector<double> paces(const std::vector<workload::SiteJob>& jobs, double read, double write) {
  allocate::Problem problem;
  problem.capacity = {read, write};
  for (const workload::SiteJob& job : jobs) {
    const workload::Step step = workload::step_of(job.profile, job.ranks).value();
    allocate::Job one;
    if (step.compute_s > 0) one.most_steps_per_s = 1 / step.compute_s;
    one.weight = std::isfinite(one.most_steps_per_s) ? one.most_steps_per_s : 1;
    double bytes_read = 0, bytes_written = 0;
    for (const workload::Traffic& traffic : step.traffic) {
      const double bytes = traffic.bytes_per_rank * static_cast<double>(job.ranks);
      if (traffic.pattern == workload::Pattern::kRead) bytes_read += bytes;
      if (traffic.pattern == workload::Pattern::kWrite) bytes_written += bytes;
    }
    if (bytes_read > 0) one.uses.push_back({kReading, bytes_read});
    if (bytes_written > 0) one.uses.push_back({kWriting, bytes_written});
    problem.jobs.push_back(std::move(one));
  }
  const allocate::Allocation allocation = allocate::max_min(problem);
  std::vector<double> shares;
  for (std::size_t i = 0; i < jobs.size(); ++i)
    shares.push_back(std::isfinite(problem.jobs[i].most_steps_per_s)
                         ? allocation.steps_per_s[i] / problem.jobs[i].most_steps_per_s
                         : 1);
  return shares;
}

double asked(const std::vector<workload::SiteJob>& jobs, workload::Pattern pattern) {
  double rate = 0;
  for (const workload::SiteJob& job : jobs) {
    const workload::Step step = workload::step_of(job.profile, job.ranks).value();
    for (const workload::Traffic& traffic : step.traffic)
      if (traffic.pattern == pattern && step.compute_s > 0)
        rate += traffic.bytes_per_rank * static_cast<double>(job.ranks) / step.compute_s;
  }
  return rate;
}

void explain_job(const workload::SiteJob& job, record::Diagnosis& diagnosis) {
  const workload::Step step = workload::step_of(job.profile, job.ranks).value();
  for (const workload::Traffic& traffic : step.traffic) {
    const bool storage =
        traffic.pattern == workload::Pattern::kRead || traffic.pattern == workload::Pattern::kWrite;
    if (!storage || step.compute_s <= 0) continue;
    const auto ranks = static_cast<double>(job.ranks);
    diagnosis.explanation.push_back(
        {part::kDemand,
         fmt::format("{}: {}, {}", job.profile.name, traffic.name,
                     traffic.pattern == workload::Pattern::kRead ? "read" : "written"),
         Sum(figure::bytes(traffic.bytes_per_rank))
             .times(figure::count(ranks, "GPUs"))
             .over(figure::seconds(step.compute_s))
             .equals(figure::rate(traffic.bytes_per_rank * ranks / step.compute_s)),
         {}});
  }
}

}  // namespace

record::Diagnosis diagnose_mix(const record::Document& document, const Question& question) {
  const workload::Profile& profile = question.profile;
  const int ranks = std::max(1, question.accelerators);
  record::Diagnosis diagnosis = blank_diagnosis(profile, ranks);
  const auto jobs = workload::jobs_of(profile, ranks);
  if (!jobs) {
    diagnosis.sentence = fmt::format("{} does not fit: {}.", who_words(profile, ranks),
                                     without_name(jobs.error().what, profile));
    diagnosis.undecided = fmt::format("{}; its own site has {} (--accelerators {})", jobs.error().hint,
                                      workload::site_ranks(profile), workload::site_ranks(profile));
    return diagnosis;
  }
  std::vector<std::string> ignored;
  const double unbounded = std::numeric_limits<double>::infinity();
  const HopRate read = read_rate(document, profile, unbounded, 1, ignored);
  const HopRate write = write_rate(document, unbounded, 1);
  const double asked_read = asked(*jobs, workload::Pattern::kRead),
               asked_write = asked(*jobs, workload::Pattern::kWrite);
  if (asked_read > 0 && read.measured) diagnosis.ranking.push_back(ranked_hop(read, "storage", asked_read));
  if (asked_write > 0 && write.measured)
    diagnosis.ranking.push_back(ranked_hop(write, "storage", asked_write));

  const std::vector<double> shares = paces(*jobs, read.mean, write.mean);
  std::vector<std::string> slowed, starved, unknown, words;
  for (std::size_t i = 0; i < jobs->size(); ++i) {
    const workload::SiteJob& job = (*jobs)[i];
    const record::Diagnosis alone =
        diagnose_life(document, {job.profile, static_cast<int>(job.ranks), question.utilization_wanted});
    words.push_back(fmt::format("{} on {} GPUs", job.profile.name, job.ranks));
    explain_job(job, diagnosis);
    if (shares[i] < 0.999) slowed.push_back(fmt::format("{} to {:.0f} %", job.profile.name, shares[i] * 100));
    if (alone.verdict == "starved") starved.push_back(job.profile.name);
    if (alone.verdict == "inconclusive") unknown.push_back(job.profile.name);
    diagnosis.notes.push_back(fmt::format("by itself: {}", alone.sentence));
  }
  for (const record::RankedHop& hop : diagnosis.ranking)
    diagnosis.explanation.push_back(
        {part::kBinding, fmt::format("what all ask of {} together, and what it carries", hop.name),
         Sum::compare(figure::rate(hop.needed_bytes_per_s), figure::rate(*hop.available_bytes_per_s)),
         hop.evidence});
  const bool storage_known = (asked_read <= 0 || read.measured) && (asked_write <= 0 || write.measured);
  const std::string all = fmt::format("{}", fmt::join(words, ", "));
  if (!slowed.empty()) {
    diagnosis.verdict = "starved";
    const record::RankedHop& top =
        *std::max_element(diagnosis.ranking.begin(), diagnosis.ranking.end(),
                          [](const auto& a, const auto& b) { return a.utilization < b.utilization; });
    diagnosis.bottlenecks.push_back({{top.resource},
                                     top.kind,
                                     top.needed_bytes_per_s,
                                     top.available_bytes_per_s.value_or(0),
                                     top.evidence});
    diagnosis.sentence = fmt::format(
        "Too much together: {} ask {} of storage where there are {}, which slows {} of the pace "
        "alone.",
        all, rate_words(top.needed_bytes_per_s), rate_words(top.available_bytes_per_s.value_or(0)),
        fmt::join(slowed, ", "));
  } else if (!starved.empty()) {
    diagnosis.verdict = "starved";
    diagnosis.sentence =
        fmt::format("{}: the storage carries all of them, but {} by itself is too slow here.", all,
                    fmt::join(starved, " and "));
  } else if (!unknown.empty() || !storage_known) {
    diagnosis.sentence = fmt::format("{}: not known{}.", all,
                                     unknown.empty() ? std::string(" without storage measured")
                                                     : fmt::format(" for {}", fmt::join(unknown, " and ")));
    diagnosis.undecided = "what the notes name for each";
  } else {
    diagnosis.verdict = "fed";
    diagnosis.sentence = fmt::format("Fed: {} get from storage what they ask together ({} read, {} written).",
                                     all, rate_words(asked_read), rate_words(asked_write));
  }
  diagnosis.notes.emplace_back(
      "on one host jobs share storage here; what they share of links a fabric tells (`millrace topo "
      "--generate`)");
  return diagnosis;
}

}  // namespace millrace::diagnose
