// SPDX-License-Identifier: Apache-2.0
#include "report/latency_text.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>

#include "report/figures.hpp"
#include "report/layout.hpp"

namespace millrace::report {
namespace {

constexpr std::size_t kIndent = 15;

std::string time_cell(double s) { return std::isfinite(s) ? seconds(s) : "–"; }

std::string padded(const std::string& text, std::size_t width, bool right) {
  const std::string blanks(width - std::min(width, columns(text)), ' ');
  return right ? blanks + text : text + blanks;
}

std::string verdict_tag(const record::Diagnosis& d, const TextStyle& style) {
  const bool good = d.verdict == "fed", bad = d.verdict == "starved";
  const char* words = good ? "IN TIME" : (bad ? "TOO LATE" : "INCONCLUSIVE");
  return toned(fmt::format("{:<12}", words), good ? Tone::kGood : (bad ? Tone::kBad : Tone::kDoubtful),
               style);
}

}  // namespace

std::string latency_text(const record::Diagnosis& diagnosis, const TextStyle& style) {
  const record::LatencyDiagnosis& latency = *diagnosis.latency;
  std::string out = wrapped("  " + verdict_tag(diagnosis, style) + " ", diagnosis.sentence, kIndent, style);
  // A loading is judged by its time alone, an answer by its 99th percentile.
  const bool percentiles =
      std::any_of(latency.parts.begin(), latency.parts.end(),
                  [](const record::LatencyPart& part) { return std::isfinite(part.p99_s); });
  std::size_t widest = columns("whatever the dependence");
  for (const record::LatencyPart& part : latency.parts) widest = std::max(widest, columns(part.name));
  const std::string unresolved = "not resolved";
  const std::size_t tail = columns(unresolved);
  const auto row = [&](const std::string& name, const std::string& p50, const std::string& p99,
                       const std::string& from) {
    std::string first = std::string(kIndent, ' ') + padded(name, widest, false) + "  " + padded(p50, 8, true);
    if (percentiles) first += "  " + padded(p99, tail, true);
    if (from.empty()) return first.substr(0, first.find_last_not_of(' ') + 1) + "\n";
    return wrapped(first + "  ", from, columns(first) + 2, style);
  };
  const auto p99_cell = [&](double s, bool counted) {
    return std::isfinite(s) || !counted ? time_cell(s) : unresolved;
  };
  out += row("part", "median", "p99", "from");
  bool any_counted = false;
  for (const record::LatencyPart& part : latency.parts) {
    any_counted = any_counted || (part.measured && !std::isfinite(part.p99_s));
    out += row(part.name, time_cell(part.p50_s), p99_cell(part.p99_s, part.measured),
               (part.measured ? "measured: " : "") + part.source);
  }
  if (percentiles) {
    out += row("if independent", time_cell(latency.p50_s), p99_cell(latency.p99_s, any_counted),
               "convolution of the parts");
    out += row("whatever the dependence", "", p99_cell(latency.bound_p99_s, std::isfinite(latency.p50_s)),
               "bound");
    out += row("budget", "", time_cell(latency.budget_s), "");
  } else {
    out += row("in all", time_cell(latency.p50_s), "", "");
    out += row("wanted", time_cell(latency.budget_s), "", "");
  }
  return out;
}

}  // namespace millrace::report
