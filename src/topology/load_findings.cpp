// SPDX-License-Identifier: Apache-2.0
#include "topology/load_findings.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>

namespace millrace::topology {
namespace {

constexpr double kPressure = 5;     // per cent
constexpr double kLoadShare = 0.5;  // of the CPUs

constexpr const char* kRemedy =
    "see what runs (top) and stop it, or wait until it has ended; on a shared node ask for it alone (Slurm: "
    "--exclusive)";

// "some avg10=1.23 avg60=…"
std::optional<double> pressure(const FileRoot& root) {
  constexpr std::string_view kBegin = "some avg10=";
  for (const std::string& line : root.lines("/proc/pressure/cpu"))
    if (line.starts_with(kBegin)) return std::strtod(line.c_str() + kBegin.size(), nullptr);
  return std::nullopt;
}

}  // namespace

std::vector<Finding> examine_load(const HostFacts& host, const FileRoot& root) {
  const auto waiting = pressure(root);
  const std::string average = root.text("/proc/loadavg").value_or("");
  const double load = std::strtod(average.c_str(), nullptr);
  const bool busy = waiting ? *waiting >= kPressure : load >= kLoadShare * std::max(1, host.cpu.threads);
  if (!busy) return {};
  std::string what = fmt::format("something else uses the CPUs: a load of {:.1f} on {} hardware threads",
                                 load, host.cpu.threads);
  if (waiting) what += fmt::format(", and in {:.0f} % of the last 10 s something waited for a CPU", *waiting);
  return {{"machine-loaded", "warning", "", what + "; what is measured now is measured beside it", kRemedy}};
}

}  // namespace millrace::topology
