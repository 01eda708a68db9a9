// SPDX-License-Identifier: Apache-2.0
// Language-model training on the GPUs of one host.
#include <fmt/core.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "diagnose/explanation.hpp"
#include "diagnose/host_rates.hpp"
#include "diagnose/life.hpp"
#include "workload/step.hpp"

namespace millrace::diagnose {
namespace {

// What a rank sends to the others per second in a collective: its bus bandwidth (nccl-tests
// doc/PERFORMANCE.md). Of all measured ones of this host the all-reduce over most ranks, of those the
// fastest: large messages.
HopRate link_rate(const record::Document& document) {
  HopRate best;
  std::size_t ranks = 0;
  for (const record::Measurement& m : document.measurements) {
    const bool all_reduce = m.probe == "nccl.all_reduce";
    if (m.status != "ok" || !m.bus_bytes_per_s || m.bus_bytes_per_s->mean <= 0 || !all_reduce) continue;
    if (best.measured && (m.participants.size() < ranks ||
                          (m.participants.size() == ranks && m.bus_bytes_per_s->mean <= best.mean)))
      continue;
    ranks = m.participants.size();
    const record::Estimate& bus = *m.bus_bytes_per_s;
    best = {bus.mean,
            bus.ci95_low.value_or(0),
            bus.ci95_high.value_or(std::numeric_limits<double>::infinity()),
            true,
            {m.id},
            "links among the GPUs",
            fmt::format("sending to the other GPUs ({} {})", m.id, m.probe)};
  }
  return best;
}

struct StepTime {
  double compute_s = 0, input_s = 0, write_s = 0, blocked_write_s = 0, hidden_s = 0, exposed_s = 0;
  // Phases that overlap take the longest, those that do not are added (design: "How a diagnosis is reached",
  // 3).
  [[nodiscard]] double overlapped_s() const { return std::max({compute_s, input_s, write_s, hidden_s}); }
  [[nodiscard]] double total_s() const { return overlapped_s() + exposed_s + blocked_write_s; }
  [[nodiscard]] double utilization() const { return compute_s / total_s(); }
};

StepTime step_time(const workload::Step& step, double read, double write, double link) {
  StepTime time;
  time.compute_s = step.compute_s;
  const auto ranks = static_cast<double>(step.ranks);
  for (const workload::Traffic& traffic : step.traffic) {
    if (traffic.pattern == workload::Pattern::kRead)
      time.input_s += traffic.bytes_per_rank * ranks / read;
    else if (traffic.pattern == workload::Pattern::kWrite)
      (traffic.overlaps ? time.write_s : time.blocked_write_s) += traffic.bytes_per_rank * ranks / write;
    else
      (traffic.overlaps ? time.hidden_s : time.exposed_s) += traffic.bytes_per_rank / link;
  }
  return time;
}

double bytes_sent(const workload::Step& step) {
  double bytes = 0;
  for (const workload::Traffic& traffic : step.traffic)
    if (traffic.purpose == workload::Purpose::kCollective) bytes += traffic.bytes_per_rank;
  return bytes;
}

std::string asked_words(const workload::Step& step) {
  double read = 0, written = 0;
  for (const workload::Traffic& traffic : step.traffic) {
    if (traffic.pattern == workload::Pattern::kRead) read += traffic.bytes_per_rank;
    if (traffic.pattern == workload::Pattern::kWrite) written += traffic.bytes_per_rank;
  }
  return fmt::format("a step computes {} and asks of each GPU {} to others, {} read and {} written",
                     time_words(step.compute_s), bytes_words(bytes_sent(step)), bytes_words(read),
                     bytes_words(written));
}

void split_loss(const StepTime& time, record::Diagnosis& diagnosis) {
  const double waited = time.overlapped_s() - time.compute_s, total = time.total_s();
  diagnosis.lost_input = time.input_s >= time.overlapped_s() ? waited / total : 0;
  diagnosis.lost_collective =
      ((time.input_s < time.overlapped_s() && time.hidden_s >= time.overlapped_s() ? waited : 0) +
       time.exposed_s) /
      total;
  diagnosis.lost_checkpoint =
      ((time.write_s >= time.overlapped_s() && time.write_s > time.compute_s ? waited : 0) +
       time.blocked_write_s) /
      total;
}

void explain_step(const StepTime& time, const HopRate& link, const workload::Step& step,
                  record::Diagnosis& diagnosis) {
  auto& steps = diagnosis.explanation;
  for (const workload::Traffic& traffic : step.traffic)
    if (traffic.purpose == workload::Purpose::kCollective)
      steps.push_back(
          {part::kPrediction,
           fmt::format("{}: {}", traffic.name, traffic.overlaps ? "beside the computing" : "waited for"),
           Sum(figure::bytes(traffic.bytes_per_rank))
               .over(figure::rate(link.mean))
               .equals(figure::seconds(traffic.bytes_per_rank / link.mean)),
           link.evidence});
  Sum total(figure::seconds(time.overlapped_s()));
  total.plus(figure::seconds(time.exposed_s)).plus(figure::seconds(time.blocked_write_s));
  steps.push_back({part::kPrediction,
                   "the step: the longest of what overlaps, what is waited for, blocking writes",
                   total.equals(figure::seconds(time.total_s())),
                   {}});
  steps.push_back({part::kVerdict,
                   "share of the step that is computing",
                   Sum(figure::seconds(time.compute_s))
                       .over(figure::seconds(time.total_s()))
                       .equals(figure::percent(time.utilization())),
                   {}});
}

}  // namespace

record::Diagnosis diagnose_training(const record::Document& document, const Question& question) {
  const workload::Profile& profile = question.profile;
  const int ranks = std::max(1, question.accelerators), here = gpus_in(document);
  record::Diagnosis diagnosis = blank_diagnosis(profile, ranks);
  const double wanted = question.utilization_wanted.value_or(profile.utilization_wanted);
  diagnosis.utilization_wanted = wanted;
  const std::string who = who_words(profile, ranks);
  const auto step = workload::step_of(profile, ranks);
  if (!step) {
    diagnosis.sentence = fmt::format("{} does not fit: {}.", who, without_name(step.error().what, profile));
    diagnosis.undecided = step.error().hint;
    return diagnosis;
  }
  diagnosis.step_compute_s = step->compute_s;
  const bool talks = bytes_sent(*step) > 0;
  if (talks && ranks > here) {
    const int of_host = here > 0 ? here : 8;
    diagnosis.sentence = fmt::format(
        "Whether {} is fed is not known from one host: {} GPUs reach beyond it ({}), and the links between "
        "hosts are not in this document; {}.",
        who, ranks, here == 0 ? std::string("it has none") : fmt::format("it has {}", here),
        asked_words(*step));
    diagnosis.undecided = fmt::format(
        "ask a fabric (`millrace topo --generate fat-tree --hosts {} --gpus {} --json F`, then `millrace "
        "diagnose F --for "
        "{}`)",
        std::max(1, (ranks + of_host - 1) / of_host), of_host, profile.name);
    return diagnosis;
  }
  const HopRate link = link_rate(document);
  const HopRate read =
      read_rate(document, profile, std::numeric_limits<double>::infinity(), ranks, diagnosis.notes);
  const HopRate write = write_rate(document, profile.checkpoint.write_bytes_per_s, ranks);
  if (talks && !link.measured) {
    diagnosis.sentence =
        fmt::format("Whether {} is fed is not known, since no all-reduce among the GPUs was measured; {}.",
                    who, asked_words(*step));
    diagnosis.undecided =
        "measure the links among the GPUs (`millrace measure nccl.all_reduce --json F`, then `--with F`)";
    return diagnosis;
  }
  const double slow_write = write.measured ? write.low : write.mean;
  const StepTime time = step_time(*step, read.mean, write.mean, link.mean);
  diagnosis.utilization = time.utilization();
  diagnosis.utilization_ci95_low = step_time(*step, read.low, slow_write, link.low).utilization();
  diagnosis.utilization_ci95_high = step_time(*step, read.high, write.high, link.high).utilization();
  diagnosis.step_predicted_s = time.total_s();
  split_loss(time, diagnosis);
  if (talks) diagnosis.ranking.push_back(ranked_hop(link, "gpu", bytes_sent(*step) / step->compute_s));
  const auto ranks_of = static_cast<double>(ranks);
  if (std::isfinite(read.mean))
    diagnosis.ranking.push_back(ranked_hop(read, "storage", time.input_s * read.mean / step->compute_s));
  const double written = (time.write_s + time.blocked_write_s) * write.mean / step->compute_s;
  if (written > 0) diagnosis.ranking.push_back(ranked_hop(write, "storage", written));
  std::stable_sort(diagnosis.ranking.begin(), diagnosis.ranking.end(),
                   [](const auto& a, const auto& b) { return a.utilization > b.utilization; });
  diagnosis.verdict = diagnosis.utilization_ci95_low >= wanted   ? "fed"
                      : diagnosis.utilization_ci95_high < wanted ? "starved"
                                                                 : "inconclusive";
  if (!std::isfinite(read.mean))
    diagnosis.notes.emplace_back("reading tokens was not measured; it asks next to nothing");
  if (!write.measured && written > 0)
    diagnosis.notes.push_back(
        fmt::format("writing checkpoints was not measured: {} a GPU stand in, as the profile gives "
                    "it",
                    rate_words(write.mean / ranks_of)));
  if (talks)
    diagnosis.notes.emplace_back(
        "traffic among the GPUs by the all-reduce's bus bandwidth, whatever its pattern");
  const std::string lost = fmt::format(
      "it computes {:.0f} % of the time, wanted {:.0f} %; {:.2g} % is lost to traffic "
      "among the GPUs, {:.2g} % to checkpoints and {:.2g} % to input",
      diagnosis.utilization * 100, wanted * 100, diagnosis.lost_collective * 100,
      diagnosis.lost_checkpoint * 100, diagnosis.lost_input * 100);
  const std::string begin = diagnosis.verdict == "fed"       ? who + " is fed"
                            : diagnosis.verdict == "starved" ? who + " is held back"
                                                             : "Whether " + who + " is fed cannot be told";
  diagnosis.sentence = fmt::format("{}: {}; {}.", begin, lost, asked_words(*step));
  if (diagnosis.verdict == "inconclusive")
    diagnosis.undecided = fmt::format(
        "more repeats of {}",
        link.evidence.empty() ? "storage.write" : fmt::format("{}", fmt::join(link.evidence, ", ")));
  if (diagnosis.verdict == "starved" && !diagnosis.ranking.empty()) {
    const record::RankedHop* top = &diagnosis.ranking.front();
    if (diagnosis.lost_collective >= diagnosis.lost_checkpoint && talks)
      for (const auto& hop : diagnosis.ranking)
        if (hop.kind == "gpu") top = &hop;
    diagnosis.bottlenecks.push_back(
        {{top->resource},
         top->kind,
         top->needed_bytes_per_s,
         top->available_bytes_per_s.value_or(std::numeric_limits<double>::quiet_NaN()),
         top->evidence});
  }
  if (talks) explain_step(time, link, *step, diagnosis);
  return diagnosis;
}

}  // namespace millrace::diagnose
