// SPDX-License-Identifier: Apache-2.0
#include <fmt/core.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "report/figures.hpp"
#include "report/latency_text.hpp"
#include "report/layout.hpp"
#include "report/stall_shares.hpp"
#include "report/terminal.hpp"

namespace millrace::report {
namespace {

using record::Diagnosis;
using record::RankedHop;
using Group = std::vector<const Diagnosis*>;

std::string model_of(const Diagnosis& d) {
  const std::string ending = "-" + d.accelerator;
  return d.workload.ends_with(ending) ? d.workload.substr(0, d.workload.size() - ending.size()) : d.workload;
}

// Same model and count of accelerators: the same hops with the same capacities, differently used.
std::vector<Group> grouped(const std::vector<Diagnosis>& diagnoses) {
  std::vector<Group> groups;
  for (const Diagnosis& d : diagnoses) {
    const auto fits = [&](const Group& group) {
      return model_of(*group.front()) == model_of(d) && group.front()->accelerators == d.accelerators;
    };
    const auto found = std::find_if(groups.begin(), groups.end(), fits);
    if (found == groups.end())
      groups.push_back({&d});
    else
      found->push_back(&d);
  }
  return groups;
}

std::string used_by(const Diagnosis& d, const std::string& resource) {
  for (const RankedHop& hop : d.ranking)
    if (hop.resource == resource) return percent(hop.utilization);
  return "–";
}

std::string hops_table(const Group& group, const TextStyle& style) {
  std::vector<std::string> head{"hop", "measured", "95 % in", "limit"};
  for (const Diagnosis* d : group)
    head.push_back(group.size() == 1 ? "used" : upper(d->accelerator) + " uses");
  Table table(std::move(head));
  for (const RankedHop& hop : group.front()->ranking) {
    const bool measured = hop.available_bytes_per_s.has_value();
    std::vector<std::string> row{hop.name.empty() ? hop.resource : hop.name,
                                 measured ? rate(*hop.available_bytes_per_s) : "not measured",
                                 measured && hop.available_low && hop.available_high
                                     ? span(*hop.available_low, *hop.available_high)
                                     : "–",
                                 rate(hop.limit_bytes_per_s)};
    for (const Diagnosis* d : group) row.push_back(used_by(*d, hop.resource));
    table.add(std::move(row));
  }
  return group.front()->ranking.empty() ? "" : table.text(2, style);
}

std::string tag(const Diagnosis& d, const TextStyle& style) {
  const Tone tone =
      d.verdict == "fed" ? Tone::kGood : (d.verdict == "starved" ? Tone::kBad : Tone::kDoubtful);
  return toned(fmt::format("{:<12}", upper(d.verdict)), tone, style);
}

// "pipeline     33 % measured, 34 % predicted: residual +0.9 points (m7)"
std::string pipeline_text(const record::Document& document, const Diagnosis& d, const TextStyle& style) {
  if (!d.measured) return {};
  std::string text = fmt::format("the pipeline itself: {} measured where {} is predicted, residual {}",
                                 percent(d.measured->accelerator_utilization),
                                 percent(d.measured->accelerator_utilization + d.measured->residual),
                                 points(d.measured->residual));
  const auto shares = stall_shares(document, d.workload);
  if (shares && shares->split)
    text += fmt::format("; of its step {} waits for storage and {} for preparation and copying: {}",
                        percent(shares->split->fetch), percent(shares->split->prep), input_bound(*shares));
  else if (shares)
    text += fmt::format(
        "; of its step {} waits for data: {} (it is not told for which: from the page cache it was "
        "slower than from the drive)",
        percent(shares->waiting), input_bound(*shares));
  return wrapped(std::string(15, ' '), text, 15, style);
}

// Why nothing bounds the utilization from below: " (no interval: storage was not measured)".
std::string no_lower_end(const Diagnosis& d) {
  for (const RankedHop& hop : d.ranking) {
    const std::string& name = hop.name.empty() ? hop.resource : hop.name;
    if (!hop.available_bytes_per_s) return fmt::format(" (no interval: {} was not measured)", name);
    if (!hop.available_low) return fmt::format(" (no interval: {} was measured too shortly for one)", name);
  }
  return "";
}

std::string utilization_text(const Diagnosis& d) {
  if (d.utilization_wanted <= 0) return "is not what it is judged by: its time is";
  const std::string wanted = percent(d.utilization_wanted);
  if (d.utilization_ci95_low <= 0)
    return fmt::format("unknown, at most {}, wanted {}{}", percent(d.utilization_ci95_high), wanted,
                       no_lower_end(d));
  const std::string value = percent(d.utilization);
  const std::string span = span_of_shares(d.utilization_ci95_low, d.utilization_ci95_high);
  return fmt::format("{}{}, wanted {}", value,
                     span == value ? " (all of its 95 % interval)" : ", 95 % in " + span, wanted);
}

std::string verdict_text(const record::Document& document, const Diagnosis& d, bool compact,
                         const TextStyle& style) {
  if (d.latency) return latency_text(d, style);
  const std::string first = "  " + tag(d, style) + " ";
  if (!std::isfinite(d.utilization))  // nothing to compute it from
    return wrapped(first, d.sentence, 15, style);
  if (compact && d.verdict == "fed") {
    std::string text = fmt::format("{} × {}: {}", d.accelerators, upper(d.accelerator), utilization_text(d));
    if (!d.ranking.empty())
      text +=
          fmt::format("; {} is used to {}", d.ranking.front().name, percent(d.ranking.front().utilization));
    if (d.measured)
      text += fmt::format("; pipeline {}, residual {}", percent(d.measured->accelerator_utilization),
                          points(d.measured->residual));
    return wrapped(first, text + ".", 15, style);
  }
  return wrapped(first, d.sentence, 15, style) +
         wrapped(std::string(15, ' '), fmt::format("utilization {}", utilization_text(d)), 15, style) +
         pipeline_text(document, d, style);
}

// Each note once, with the workloads that it speaks of unless that is all of them.
std::string notes_text(const std::vector<Diagnosis>& diagnoses, const TextStyle& style) {
  std::vector<std::string> order;
  std::map<std::string, std::vector<std::string>> said_of;
  for (const Diagnosis& d : diagnoses)
    for (const std::string& note : d.notes) {
      auto& workloads = said_of[note];
      if (workloads.empty()) order.push_back(note);
      workloads.push_back(d.workload);
    }
  std::string out;
  for (const std::string& note : order) {
    const auto& workloads = said_of[note];
    const std::string whose =
        workloads.size() == diagnoses.size() ? "" : fmt::format("{}: ", fmt::join(workloads, ", "));
    out += wrapped("  - ", whose + note, 4, style);
  }
  return out.empty() ? out : toned("Notes", Tone::kStrong, style) + "\n" + out;
}

}  // namespace

std::string diagnoses_text(const record::Document& document, const std::vector<Diagnosis>& diagnoses,
                           const TextStyle& style) {
  const bool compact = diagnoses.size() >= kCompactFrom;
  std::string out;
  for (const Group& group : grouped(diagnoses)) {
    const Diagnosis& first = *group.front();
    std::string title = toned(model_of(first), Tone::kStrong, style);
    title += fmt::format(" on {} accelerator{}", first.accelerators, first.accelerators == 1 ? "" : "s");
    out += title + "\n" + hops_table(group, style);
    for (const Diagnosis* d : group) out += verdict_text(document, *d, compact, style);
    out += "\n";
  }
  return out + notes_text(diagnoses, style);
}

}  // namespace millrace::report
