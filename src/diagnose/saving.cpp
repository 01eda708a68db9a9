// SPDX-License-Identifier: Apache-2.0
// Checkpoints: the share of its time that a job keeps for itself.
#include <fmt/core.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

#include "diagnose/explanation.hpp"
#include "diagnose/host_rates.hpp"
#include "diagnose/life.hpp"
#include "workload/checkpoint.hpp"

namespace millrace::diagnose {
namespace {

// The rate of one rank at which the job keeps `wanted` of its time: lost time falls as the rate rises.
double rate_for(const workload::Profile& profile, int ranks, double wanted, double snapshot) {
  double low = 1, high = 1e15;
  for (int i = 0; i < 100; ++i) {
    const double middle = std::sqrt(low * high);
    const auto plan = workload::plan_checkpoint(profile, ranks, 0, middle, snapshot);
    (1 - plan.lost() >= wanted ? high : low) = middle;
  }
  return high;
}

}  // namespace

record::Diagnosis diagnose_checkpoint(const record::Document& document, const Question& question) {
  const workload::Profile& profile = question.profile;
  const int ranks = std::max(1, question.accelerators);
  const int here = gpus_in(document) > 0 ? std::min(ranks, gpus_in(document)) : ranks;
  const double wanted = question.utilization_wanted.value_or(profile.utilization_wanted);
  record::Diagnosis diagnosis = blank_diagnosis(profile, ranks);
  if (auto too_large = state_does_not_fit(profile, ranks)) return *too_large;
  const HopRate write = write_rate(document, profile.checkpoint.write_bytes_per_s, here);
  const HopRate copy = copy_rate(document, profile.figures.host_copy_bytes_per_s, here);
  const auto plan_at = [&](double rate) {
    return workload::plan_checkpoint(profile, ranks, 0, rate / here, copy.mean);
  };
  const workload::CheckpointPlan plan = plan_at(write.mean);
  const auto kept = [&](double rate) { return rate > 0 ? std::max(0.0, 1 - plan_at(rate).lost()) : 0.0; };
  diagnosis.utilization = kept(write.mean);
  diagnosis.utilization_ci95_low = write.measured ? kept(write.low) : 0;
  diagnosis.utilization_ci95_high = std::isfinite(write.high) ? kept(write.high) : kept(1e15);
  diagnosis.utilization_wanted = wanted;
  diagnosis.step_compute_s = plan.interval_s;
  diagnosis.step_predicted_s = plan.interval_s / std::max(diagnosis.utilization, 1e-9);
  diagnosis.lost_input = diagnosis.lost_collective = 0;
  diagnosis.lost_checkpoint = 1 - diagnosis.utilization;
  diagnosis.verdict = !write.measured                            ? "inconclusive"
                      : diagnosis.utilization_ci95_low >= wanted ? "fed"
                      : diagnosis.utilization_ci95_high < wanted ? "starved"
                                                                 : "inconclusive";
  const double needed = rate_for(profile, ranks, wanted, copy.mean) * here;
  diagnosis.ranking.push_back(ranked_hop(write, "storage", needed));
  const std::string who = who_words(profile, ranks);
  const std::string sum = fmt::format(
      "a checkpoint is {}, {} of each of {}, and takes {} to write; one every {} costs {:.2g} % of the "
      "time "
      "({:.2g} % standing still, {:.2g} % done again after failures, {:.2g} % starting again), {:.2g} % may "
      "be lost",
      bytes_words(plan.size_bytes), bytes_words(plan.rank_bytes), gpus_words(ranks), time_words(plan.write_s),
      time_words(plan.interval_s), plan.lost() * 100, plan.lost_blocking * 100, plan.lost_rework * 100,
      plan.lost_restart * 100, (1 - wanted) * 100);
  if (diagnosis.verdict == "fed") {
    diagnosis.sentence = fmt::format("{} is cheap enough: {}.", who, sum);
  } else if (diagnosis.verdict == "starved") {
    diagnosis.sentence =
        fmt::format("{} is too dear: {}. Mend storage: it has to take {} of {} where it takes {}.", who, sum,
                    rate_words(needed), gpus_words(here), rate_words(write.mean));
    diagnosis.bottlenecks.push_back({{write.resource}, "storage", needed, write.mean, write.evidence});
    diagnosis.relief.push_back({write.resource, needed / write.mean, "", wanted});
  } else if (!write.measured) {
    diagnosis.undecided =
        "measure storage (`millrace measure storage.write --path FOLDER --block-size 1MiB --queue-depth 32 "
        "--json F`, then `--with F`)";
    diagnosis.sentence = fmt::format(
        "Whether {} is cheap enough is not known, since writing to storage was not measured; by the "
        "profile's own {} a GPU: {}.",
        who, rate_words(profile.checkpoint.write_bytes_per_s), sum);
  } else {
    diagnosis.undecided = fmt::format("more repeats of {}", fmt::join(write.evidence, ", "));
    diagnosis.sentence = fmt::format("Whether {} is cheap enough cannot be told: {}.", who, sum);
  }
  if (ranks > here)
    diagnosis.notes.push_back(fmt::format(
        "{} GPUs, this host has {}: the other hosts are taken to have as much of storage each", ranks, here));
  if (profile.checkpoint.asynchronous)
    diagnosis.notes.push_back(
        fmt::format("asynchronous: the job waits for the copy to host memory alone ({}, at {}{}), the write "
                    "goes on beside it",
                    time_words(plan.blocking_s), rate_words(copy.mean),
                    copy.measured ? "" : ", as the profile gives it"));
  else
    diagnosis.notes.emplace_back("synchronous: the job waits for the whole write");
  if (profile.checkpoint.every_steps > 0)
    diagnosis.notes.emplace_back(
        "a checkpoint every so many steps: by itself, without a step's time, Young's rule stands in");
  auto& steps = diagnosis.explanation;
  steps.push_back({part::kDemand,
                   fmt::format("what is saved of each GPU: of the whole, {:g} bytes of each parameter",
                               profile.checkpoint.saved_bytes_per_parameter),
                   Sum(figure::bytes(plan.size_bytes))
                       .over(figure::count(ranks, ranks == 1 ? "GPU" : "GPUs"))
                       .equals(figure::bytes(plan.rank_bytes)),
                   {}});
  steps.push_back({part::kCapacity, "how long storage takes for it",
                   Sum(figure::bytes(plan.rank_bytes))
                       .times(figure::count(here))
                       .over(figure::rate(write.mean))
                       .equals(figure::seconds(plan.write_s)),
                   write.evidence});
  steps.push_back({part::kPrediction,
                   "time between failures: a GPU's by their count",
                   Sum(figure::seconds(profile.checkpoint.gpu_mtbf_s))
                       .over(figure::count(ranks))
                       .equals(figure::seconds(plan.between_failures_s)),
                   {}});
  steps.push_back(
      {part::kPrediction,
       fmt::format("one every {}: {}", time_words(plan.interval_s),
                   profile.checkpoint.interval_s > 0
                       ? std::string("as the profile says")
                       : std::string("the root of 2 × time to write × time between failures (Young 1974)")),
       "",
       {}});
  steps.push_back({part::kVerdict,
                   "lost: standing still, done again, starting again",
                   Sum(figure::percent(plan.lost_blocking))
                       .plus(figure::percent(plan.lost_rework))
                       .plus(figure::percent(plan.lost_restart))
                       .equals(figure::percent(plan.lost())),
                   {}});
  return diagnosis;
}

}  // namespace millrace::diagnose
