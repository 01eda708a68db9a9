// SPDX-License-Identifier: Apache-2.0
#include <fmt/core.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <string_view>
#include <utility>
#include <vector>

#include "report/figures.hpp"
#include "report/layout.hpp"
#include "report/terminal.hpp"

namespace millrace::report {
namespace {

// Parts of an explanation as people call them, in the order in which they are read.
constexpr std::pair<std::string_view, std::string_view> kHeadings[] = {
    {"demand", "What is needed"},
    {"path", "What each byte crosses, in order"},
    {"capacity", "What each hop carries"},
    {"utilization", "How much of it is used"},
    {"binding", "What binds"},
    {"prediction", "How long a step takes"},
    {"latency", "How long it takes"},
    {"verdict", "Verdict"},
    {"relief", "What mending gives"},
    {"proof", "Proof"},
};

std::string_view heading_of(const std::string& part) {
  for (const auto& [name, heading] : kHeadings)
    if (part == name) return heading;
  return part;
}

std::size_t order_of(const std::string& part) {
  std::size_t order = 0;
  while (order < std::size(kHeadings) && part != kHeadings[order].first) ++order;
  return order;
}

// " (from m1 storage.read unet3d, 3 repeats and m2 …)"; where it was said before, " (m1, m2)".
std::string evidence_text(const record::Document& document, const record::ExplanationStep& step) {
  const std::vector<std::string>& ids = step.evidence;
  if (step.part == "utilization" || step.part == "binding")
    return ids.empty() ? std::string() : fmt::format(" ({})", fmt::join(ids, ", "));
  std::vector<std::string> evidence;
  for (const std::string& id : ids)
    for (const auto& m : document.measurements)
      if (m.id == id)
        evidence.push_back(fmt::format("{} {}{}, {} repeat{}", id, m.probe,
                                       m.label.empty() ? "" : " " + m.label, m.repeats.size(),
                                       m.repeats.size() == 1 ? "" : "s"));
  return evidence.empty() ? std::string() : fmt::format(" (from {})", fmt::join(evidence, " and "));
}

std::string model_in(const record::Diagnosis& d) {
  const std::string ending = "-" + d.accelerator;
  return d.workload.ends_with(ending) ? d.workload.substr(0, d.workload.size() - ending.size()) : d.workload;
}

}  // namespace

std::string explain_text(const record::Document& document, const record::Diagnosis& d,
                         const TextStyle& style) {
  std::string out =
      toned(fmt::format("How {} on {} × {} was judged", model_in(d), d.accelerators, upper(d.accelerator)),
            Tone::kStrong, style) +
      "\n";
  std::vector<const record::ExplanationStep*> steps;
  for (const record::ExplanationStep& step : d.explanation) steps.push_back(&step);
  std::stable_sort(steps.begin(), steps.end(),
                   [](const auto* a, const auto* b) { return order_of(a->part) < order_of(b->part); });
  std::string_view part;
  // Said once of a part: the lines below the first of a hop rest on the same measurements.
  std::vector<std::string> said;
  for (const record::ExplanationStep* step : steps) {
    if (step->part != part) {
      part = step->part;
      said.clear();
      out += fmt::format("  {}\n", toned(heading_of(step->part), Tone::kStrong, style));
    }
    const bool news = step->evidence != said;
    if (!step->evidence.empty()) said = step->evidence;
    out += wrapped("    ", step->claim + (news ? evidence_text(document, *step) : ""), 4, style);
    if (!step->arithmetic.empty()) out += wrapped("        ", step->arithmetic, 10, style);
  }
  if (steps.empty()) out += wrapped("  ", "the document says nothing of that: diagnose it anew", 2, style);
  return out;
}

}  // namespace millrace::report
