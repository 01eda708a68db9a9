// SPDX-License-Identifier: Apache-2.0
#include "selftest/score.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

namespace millrace::selftest {
namespace {

// The accelerators themselves are no hop that starves them.
constexpr const char* kCompute = "compute";

std::vector<std::string> kinds_of(const record::Diagnosis& diagnosis) {
  std::vector<std::string> kinds;
  for (const record::Bottleneck& bottleneck : diagnosis.bottlenecks)
    if (bottleneck.kind != kCompute && std::find(kinds.begin(), kinds.end(), bottleneck.kind) == kinds.end())
      kinds.push_back(bottleneck.kind);
  return kinds;
}

// Kinds of the hops that bind once those before them are mended, in order of the relief chain.
std::vector<std::string> next_of(const record::Diagnosis& diagnosis) {
  std::vector<std::string> next;
  for (std::size_t i = 1; i < diagnosis.relief.size(); ++i)
    for (const record::RankedHop& hop : diagnosis.ranking)
      if (hop.resource == diagnosis.relief[i].resource) next.push_back(hop.kind);
  return next;
}

bool contains(const std::vector<std::string>& all, const std::string& one) {
  return std::find(all.begin(), all.end(), one) != all.end();
}

std::string percent(const std::optional<double>& share) {
  return share ? fmt::format("{:.1f} %", 100 * *share) : "-";
}

}  // namespace

void score(const record::Diagnosis& diagnosis, const Expected& expected, Row& row) {
  const std::vector<std::string> kinds = kinds_of(diagnosis), next = next_of(diagnosis);
  row.found = kinds.empty() ? "nothing" : fmt::format("{}", fmt::join(kinds, " or "));
  if (!next.empty()) row.found += fmt::format(", next {}", fmt::join(next, ", "));
  if (diagnosis.measured) {
    row.measured = diagnosis.measured->accelerator_utilization;
    row.predicted = diagnosis.measured->accelerator_utilization + diagnosis.measured->residual;
  }
  if (diagnosis.verdict != expected.verdict) {
    row.why = fmt::format("the verdict is {}, {} is true", diagnosis.verdict, expected.verdict);
    return;
  }
  if (expected.kinds.empty()) {
    row.right = kinds.empty() || diagnosis.verdict == "fed";
    if (!row.right) row.why = fmt::format("{} is blamed, nothing was planted", row.found);
    return;
  }
  if (!contains(kinds, expected.kinds.front()) &&
      std::none_of(kinds.begin(), kinds.end(),
                   [&](const std::string& kind) { return contains(expected.or_named, kind); })) {
    row.why = fmt::format("{} binds, and is not named", expected.kinds.front());
    return;
  }
  for (const std::string& kind : kinds)
    if (!contains(expected.kinds, kind) && !contains(expected.or_named, kind)) {
      row.why = fmt::format("{} is blamed as well, and was not planted", kind);
      return;
    }
  for (std::size_t i = 1; i < expected.kinds.size(); ++i)
    if (!contains(next, expected.kinds[i]) && !contains(kinds, expected.kinds[i])) {
      row.why = fmt::format("{} binds next, and is not named", expected.kinds[i]);
      return;
    }
  row.right = true;
}

Residuals residuals_of(const std::vector<Row>& rows) {
  std::vector<double> sizes;
  for (const Row& row : rows)
    if (row.predicted && row.measured) sizes.push_back(std::fabs(row.residual()));
  if (sizes.empty()) return {};
  std::sort(sizes.begin(), sizes.end());
  const auto rank = [&](double share) {
    return sizes[static_cast<std::size_t>(std::ceil(share * static_cast<double>(sizes.size()))) - 1];
  };
  return {rank(0.5), rank(0.9), sizes.size()};
}

std::string to_text(const std::vector<Row>& rows) {
  std::size_t name = 4, planted = 7, found = 5;
  for (const Row& row : rows) {
    name = std::max(name, row.name.size());
    planted = std::max(planted, row.planted.size());
    found = std::max(found, row.found.size());
  }
  std::string text = fmt::format("{:<{}}  {:<{}}  {:<{}}  {:>9}  {:>8}  {:>8}\n", "Case", name, "Planted",
                                 planted, "Found", found, "Predicted", "Measured", "Residual");
  std::size_t tried = 0, right = 0;
  for (const Row& row : rows) {
    if (!row.skipped.empty()) {
      text += fmt::format("{:<{}}  cannot be planted here: {}\n", row.name, name, row.skipped);
      continue;
    }
    ++tried;
    right += row.right ? 1 : 0;
    text += fmt::format("{:<{}}  {:<{}}  {:<{}}  {:>9}  {:>8}  {:>8}{}\n", row.name, name, row.planted,
                        planted, row.found, found, percent(row.predicted), percent(row.measured),
                        row.predicted && row.measured ? fmt::format("{:+.1f}", 100 * row.residual()) : "-",
                        row.right ? "" : "  WRONG: " + row.why);
  }
  text += fmt::format(
      "\n{} of {} right{}.", right, tried,
      tried < rows.size() ? fmt::format(", {} could not be planted here", rows.size() - tried) : "");
  if (const Residuals residuals = residuals_of(rows); residuals.count > 0)
    text += fmt::format(
        " Prediction beside the pipeline's own run: median {:.1f} points apart, 90th percentile {:.1f} "
        "({:.0f} and {:.0f} allowed).",
        100 * residuals.median, 100 * residuals.p90, 100 * kMedianAllowed, 100 * kP90Allowed);
  return text + "\n";
}

std::string to_json(const std::vector<Row>& rows) {
  nlohmann::ordered_json cases = nlohmann::ordered_json::array();
  for (const Row& row : rows) {
    nlohmann::ordered_json one{{"name", row.name}, {"planted", row.planted}};
    if (!row.skipped.empty()) {
      one["skipped"] = row.skipped;
    } else {
      one["found"] = row.found;
      one["predicted_utilization"] = row.predicted ? nlohmann::ordered_json(*row.predicted) : nullptr;
      one["measured_utilization"] = row.measured ? nlohmann::ordered_json(*row.measured) : nullptr;
      one["right"] = row.right;
      if (!row.right) one["why"] = row.why;
    }
    cases.push_back(std::move(one));
  }
  const Residuals residuals = residuals_of(rows);
  nlohmann::ordered_json all{{"schema", "millrace.selftest/1"}, {"cases", std::move(cases)}};
  if (residuals.count > 0)
    all["residual"] = {{"median", residuals.median}, {"p90", residuals.p90}, {"count", residuals.count}};
  return all.dump(2) + "\n";
}

Exit exit_of(const std::vector<Row>& rows) {
  bool any = false;
  for (const Row& row : rows) {
    if (!row.skipped.empty()) continue;
    any = true;
    if (!row.right) return Exit::kCheckFailed;
  }
  if (!any) return Exit::kInconclusive;
  const Residuals residuals = residuals_of(rows);
  return residuals.median > kMedianAllowed || residuals.p90 > kP90Allowed ? Exit::kCheckFailed : Exit::kOk;
}

}  // namespace millrace::selftest
