// SPDX-License-Identifier: Apache-2.0
// Cold starts and restores: seconds until every GPU has what it needs.
#include <fmt/core.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "diagnose/explanation.hpp"
#include "diagnose/host_rates.hpp"
#include "diagnose/life.hpp"
#include "diagnose/loading_relief.hpp"
#include "workload/serving_time.hpp"

namespace millrace::diagnose {
namespace {

constexpr double kNoFigure = std::numeric_limits<double>::quiet_NaN();

double whole_s(const LoadingTask& task, double read_of_gpu, double copy) {
  const double read_s = task.bytes_of_gpu / read_of_gpu, copy_s = task.bytes_of_gpu / copy;
  return task.fixed_s + (task.streamed ? std::max(read_s, copy_s) : read_s + copy_s);
}

record::LatencyPart loading_part(const std::string& name, double s, bool measured, std::string source,
                                 std::vector<std::string> evidence) {
  return {name, s, kNoFigure, measured, std::move(source), std::move(evidence)};
}

record::Diagnosis judge_loading(const Question& question, const LoadingTask& task, const HopRate& read,
                                const HopRate& copy, std::vector<std::string> notes) {
  // A cold start is one replica's, however many accelerators there are.
  record::Diagnosis diagnosis =
      blank_diagnosis(question.profile, question.profile.kind == workload::Kind::kColdStart
                                            ? question.profile.loading.replica_ranks
                                            : question.accelerators);
  const double gpus = task.gpus;
  const double takes = whole_s(task, read.mean / gpus, copy.mean);
  const double at_most = whole_s(task, read.low / gpus, copy.low),
               at_least = whole_s(task, read.high / gpus, copy.high);
  const double read_s = task.bytes_of_gpu * gpus / read.mean, copy_s = task.bytes_of_gpu / copy.mean;
  record::LatencyDiagnosis latency{task.wanted_s, takes, kNoFigure, kNoFigure, {}, {}};
  latency.parts.push_back(loading_part(fmt::format("{} from storage", task.what), read_s, read.measured,
                                       fmt::format("{} × {} ÷ {}", bytes_words(task.bytes_of_gpu),
                                                   gpus_words(task.gpus), rate_words(read.mean)),
                                       read.evidence));
  latency.parts.push_back(loading_part(fmt::format("{} into the GPU", task.what), copy_s, copy.measured,
                                       fmt::format("{} ÷ {}{}", bytes_words(task.bytes_of_gpu),
                                                   rate_words(copy.mean), copy.measured ? "" : ", given"),
                                       copy.evidence));
  if (task.fixed_s > 0)
    latency.parts.push_back(loading_part(task.fixed_name, task.fixed_s, false, "given", {}));
  if (task.streamed)
    notes.emplace_back("storage and the copy into the GPU overlap: the longer of the two counts");
  for (const HopRate* rate : {&read, &copy})
    if (!rate->measured)
      notes.push_back(fmt::format("{} was not measured: {} stand in",
                                  rate == &read ? "storage" : "the copy into a GPU", rate_words(rate->mean)));

  diagnosis.verdict = !read.measured             ? "inconclusive"
                      : at_most <= task.wanted_s ? "fed"
                      : at_least > task.wanted_s ? "starved"
                                                 : "inconclusive";
  std::vector<LoadingRelief> relief;
  if (diagnosis.verdict == "starved") relief = relieve_loading(task, {read_s, copy_s, task.fixed_s});
  const std::string who = who_words(question.profile, diagnosis.accelerators);
  const std::string takes_words = fmt::format("{} from storage into {} and {} after {}, wanted within {}.",
                                              bytes_words(task.bytes_of_gpu * gpus), gpus_words(task.gpus),
                                              task.done, time_words(takes), time_words(task.wanted_s));
  if (diagnosis.verdict == "fed")
    diagnosis.sentence = who + " is soon enough: " + takes_words;
  else if (diagnosis.verdict == "starved") {
    latency.mend = read_s >= copy_s ? latency.parts[0].name : latency.parts[1].name;
    if (task.fixed_s > task.wanted_s) latency.mend = task.fixed_name;
    diagnosis.sentence =
        who + " is too slow: " + takes_words + loading_relief_words(task, read, copy, relief);
  } else if (!read.measured) {
    diagnosis.undecided = fmt::format(
        "measure storage (`millrace measure storage.read --path FOLDER --block-size 1MiB "
        "--queue-depth 32 --json F`, then `--with F`)");
    diagnosis.sentence = fmt::format(
        "Whether {} is soon enough is not known, since storage was not measured; by the profile's "
        "own figures: {}",
        who, takes_words);
  } else {
    diagnosis.undecided = fmt::format("more repeats of {}", fmt::join(read.evidence, ", "));
    diagnosis.sentence = fmt::format("Whether {} is soon enough cannot be told: {} Between {} and {}.", who,
                                     takes_words, time_words(at_least), time_words(at_most));
  }
  const double left = std::max(task.wanted_s - task.fixed_s, 1e-9);
  diagnosis.ranking.push_back(ranked_hop(read, "storage", task.bytes_of_gpu * gpus / left));
  diagnosis.ranking.push_back(ranked_hop(copy, "copy", task.bytes_of_gpu / left));
  std::stable_sort(diagnosis.ranking.begin(), diagnosis.ranking.end(),
                   [](const auto& a, const auto& b) { return a.utilization > b.utilization; });
  if (diagnosis.verdict == "starved") {
    const record::RankedHop& top = diagnosis.ranking.front();
    diagnosis.bottlenecks.push_back({{top.resource},
                                     top.kind,
                                     top.needed_bytes_per_s,
                                     top.kind == "storage" ? read.mean : copy.mean,
                                     top.evidence});
  }
  auto& steps = diagnosis.explanation;
  steps.push_back({part::kLatency, fmt::format("{} from storage, for {}", task.what, gpus_words(task.gpus)),
                   Sum(figure::bytes(task.bytes_of_gpu))
                       .times(figure::count(gpus))
                       .over(figure::rate(read.mean))
                       .equals(figure::seconds(read_s)),
                   read.evidence});
  steps.push_back(
      {part::kLatency, fmt::format("{} into each GPU", task.what),
       Sum(figure::bytes(task.bytes_of_gpu)).over(figure::rate(copy.mean)).equals(figure::seconds(copy_s)),
       copy.evidence});
  Sum whole(figure::seconds(task.streamed ? std::max(read_s, copy_s) : read_s));
  if (!task.streamed) whole.plus(figure::seconds(copy_s));
  whole.plus(figure::seconds(task.fixed_s));
  steps.push_back({part::kVerdict,
                   task.streamed ? "the longer of them, and what is fixed" : "both, and what is fixed",
                   whole.equals(figure::seconds(takes)),
                   {}});
  steps.push_back({part::kVerdict,
                   "against what is wanted",
                   Sum::compare(figure::seconds(takes), figure::seconds(task.wanted_s)),
                   {}});
  add_loading_relief(task, read, copy, relief, diagnosis);
  diagnosis.latency = std::move(latency);
  diagnosis.notes = std::move(notes);
  return diagnosis;
}

}  // namespace

record::Diagnosis diagnose_cold_start(const record::Document& document, const Question& question) {
  const workload::Profile& profile = question.profile;
  const workload::Loading& loading = profile.loading;
  if (const double weights = workload::weights_bytes(profile);
      weights > profile.figures.memory_bytes * loading.replica_ranks) {
    record::Diagnosis diagnosis = blank_diagnosis(profile, std::max(1, question.accelerators));
    diagnosis.sentence = fmt::format("{} does not fit: {} of weights in {}, which hold {}.",
                                     who_words(profile, loading.replica_ranks), bytes_words(weights),
                                     gpus_words(loading.replica_ranks),
                                     bytes_words(profile.figures.memory_bytes * loading.replica_ranks));
    diagnosis.undecided = fmt::format("give it replica_ranks of {:.0f} at least",
                                      std::ceil(weights / profile.figures.memory_bytes));
    return diagnosis;
  }
  LoadingTask task{"weights",
                   "ready",
                   workload::weights_bytes(profile) / loading.replica_ranks,
                   loading.streamed,
                   loading.engine_start_s,
                   "engine start",
                   loading.wanted_s,
                   1};
  const int here = gpus_in(document) > 0 ? gpus_in(document) : loading.replica_ranks;
  task.gpus = std::min(loading.replica_ranks, here);
  std::vector<std::string> notes;
  if (loading.replica_ranks > here)
    notes.push_back(
        fmt::format("a replica takes {} GPUs, this host has {}: its other hosts are taken to be as this one",
                    loading.replica_ranks, here));
  const HopRate read = read_rate(document, profile, loading.read_bytes_per_s, task.gpus, notes);
  return judge_loading(question, task, read,
                       copy_rate(document, profile.figures.host_copy_bytes_per_s, task.gpus),
                       std::move(notes));
}

record::Diagnosis diagnose_restore(const record::Document& document, const Question& question) {
  const workload::Profile& profile = question.profile;
  const workload::Checkpoint& checkpoint = profile.checkpoint;
  const int ranks = std::max(1, question.accelerators), here = std::max(1, gpus_in(document));
  const double of_gpu = profile.shape.parameters * checkpoint.saved_bytes_per_parameter / ranks;
  if (auto too_large = state_does_not_fit(profile, ranks)) return *too_large;
  LoadingTask task{"training state",     "going on again", of_gpu, true, 0, "", checkpoint.wanted_restore_s,
                   std::min(ranks, here)};
  std::vector<std::string> notes;
  if (ranks > here && gpus_in(document) > 0)
    notes.push_back(fmt::format(
        "{} GPUs, this host has {}: the other hosts are taken to have as much of storage each", ranks, here));
  if (gpus_in(document) == 0) task.gpus = ranks;
  const double given =
      checkpoint.read_bytes_per_s > 0 ? checkpoint.read_bytes_per_s : checkpoint.write_bytes_per_s;
  const HopRate read = read_rate(document, profile, given, task.gpus, notes);
  return judge_loading(question, task, read,
                       copy_rate(document, profile.figures.host_copy_bytes_per_s, task.gpus),
                       std::move(notes));
}

}  // namespace millrace::diagnose
