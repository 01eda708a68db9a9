// SPDX-License-Identifier: Apache-2.0
#include <fmt/core.h>
#include <fmt/ranges.h>

#include <cctype>
#include <cmath>

#include "diagnose/fabric/finding.hpp"
#include "diagnose/fabric/names.hpp"
#include "units/quantity.hpp"

namespace millrace::diagnose {
namespace {

std::string share_text(double share) {
  const double floored =
      share >= 0.995 && share < 0.9995 ? 0.99 : share;  // 100 % is said of nothing that falls short
  if (floored > 0 && floored < 0.095) return fmt::format("{:.1f} %", floored * 100);
  return fmt::format("{:.0f} %", floored * 100);
}

std::string factor_text(double factor) {
  if (factor < 2) return fmt::format("{:.2f} ×", factor);
  return factor < 10 ? fmt::format("{:.1f} ×", factor) : fmt::format("{:.0f} ×", factor);
}

std::string time_text(double seconds) { return to_text(Duration::from_seconds(seconds)); }

std::string capital_first(std::string text) {
  if (!text.empty()) text[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(text[0])));
  return text;
}

bool by_time(const FabricFinding& finding) { return finding.job->wanted_s.has_value(); }

// "the accelerators compute 65 % of the time (wanted: 90 %)", "it takes 42 s (wanted: 30 s)"; where `bound`
// is not empty that is the best that can be: "at most", of a time "at least".
std::string outcome(const FabricFinding& finding, double step_s, const char* bound) {
  if (finding.job->served)
    return fmt::format("it keeps up with {}{} of the requests", *bound ? "at most " : "",
                       share_text(finding.load->step.compute_s / step_s));
  if (by_time(finding))
    return fmt::format("it takes {}{} (wanted: {})", *bound ? "at least " : "", time_text(step_s),
                       time_text(finding.goal_s));
  return fmt::format("the accelerators compute {}{} of the time (wanted: {})", *bound ? "at most " : "",
                     share_text(finding.load->step.compute_s / step_s),
                     share_text(finding.load->step.compute_s / finding.goal_s));
}

// "storage servers (reading, 512 alike): each can deliver at most 40 GB/s where 61.2 GB/s are needed"
std::string what_binds(const FabricFinding& finding) {
  const std::size_t c = finding.binding.front();
  const ClassLoad& load = finding.load->classes[c];
  const fabric::Class& one = finding.resources->classes()[load.of];
  const double rate = finding.rates[c];
  const std::string carries =
      fmt::format("{}{} {}", one.members > 1 ? "each " : "", one.measured ? "carries" : "can carry at most",
                  to_text(BytesPerSecond{rate}));
  if (finding.pace.held_by) return carries + ", which all jobs together fill";
  if (finding.phase == 0 && finding.load->step.compute_s > 0)
    return fmt::format("{} where {} are needed", carries,
                       to_text(BytesPerSecond{load.phases[0] / finding.load->step.compute_s}));
  std::vector<std::string> traffic;
  for (const std::size_t t : finding.load->phases[finding.phase])
    traffic.push_back(finding.load->step.traffic[t].name);
  return fmt::format("{}, so that {} {} for {}", carries, by_time(finding) ? "it waits" : "each step waits",
                     time_text(finding.pace.own.phases_s[finding.phase]), fmt::join(traffic, " and "));
}

std::string relief_text(const FabricFinding& finding) {
  if (finding.relief.empty()) return {};
  const auto nouns = [&](const std::vector<std::size_t>& classes) {
    return class_nouns(*finding.resources, *finding.load, classes);
  };
  const auto reached = [&](double step_s) {
    return by_time(finding) ? time_text(step_s) : share_text(finding.load->step.compute_s / step_s);
  };
  const auto members = [&](std::size_t c) {
    return finding.resources->classes()[finding.load->classes[c].of].members;
  };
  const auto several = [&](const std::vector<std::size_t>& classes) {
    return classes.empty() || members(classes.front()) > 1 ||
           nouns(classes).find(" and ") != std::string::npos;
  };
  const FabricRelief& first = finding.relief.front();
  std::string out =
      fmt::format(" {} {} as fast {} {}", capital_first(nouns(first.classes)), factor_text(first.factor),
                  several(first.classes) ? "bring" : "brings", reached(first.step_s));
  if (finding.relief.size() == 1) {
    if (first.next.empty())
      return out + (finding.job->served ? "." : "; then only the compute itself binds.");
    const std::string next = nouns(first.next);
    return out + (next == nouns(first.classes)
                      ? "."
                      : fmt::format("; then {} {}.", next, several(first.next) ? "bind" : "binds"));
  }
  const FabricRelief& last = finding.relief.back();
  if (!first.next.empty() && nouns(first.next) != nouns(first.classes))
    out += fmt::format(", as {} {} next", nouns(first.next), several(first.next) ? "bind" : "binds");
  if (finding.relief.size() == 2)
    return out + fmt::format("; with {} {} as fast as well, {}.", nouns(last.classes),
                             factor_text(last.factor), reached(last.step_s));
  return out +
         fmt::format("; {} steps of relief in all bring {}.", finding.relief.size(), reached(last.step_s));
}

}  // namespace

std::string who(const FabricFinding& finding) {
  std::string accelerator = finding.job->accelerator;
  for (char& c : accelerator) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return fmt::format("{} on {} × {}", finding.job->model, finding.load->step.ranks, accelerator);
}

std::string fabric_sentence(const FabricFinding& finding) {
  if (finding.load->classes.empty())
    return fmt::format("{} asks nothing of this fabric: its steps move no bytes over it.", who(finding));
  const std::string names =
      finding.binding.empty() ? "" : class_names(*finding.resources, *finding.load, finding.binding);
  const char* alone = finding.measured ? "" : " From limits alone: nothing was measured.";
  if (finding.verdict == "starved")
    return fmt::format("{} is starved by {}: {}; {}.{}{}", who(finding), names, what_binds(finding),
                       outcome(finding, finding.pace.step_s, std::isinf(finding.step_high_s) ? "most" : ""),
                       relief_text(finding), alone);
  if (finding.verdict == "fed")
    return fmt::format("{} is fed: {}. {}", who(finding), outcome(finding, finding.pace.step_s, ""),
                       names.empty() ? "Only the compute itself binds."
                                     : fmt::format("What costs most: {}: {}.", names, what_binds(finding)));
  std::string tightest = names.empty() ? "nothing that is known keeps it waiting"
                                       : fmt::format("what costs most is {}: {}", names, what_binds(finding));
  const bool open = std::isinf(finding.step_high_s);
  return fmt::format("Whether {} is fed is {}: by what is known {}, and {}. To decide: {}.{}", who(finding),
                     open ? "open" : "too close to call", outcome(finding, finding.step_low_s, "most"),
                     tightest, fabric_undecided(finding), alone);
}

std::string fabric_undecided(const FabricFinding& finding) {
  if (!finding.unmeasured.empty())
    return fmt::format("measure {}, and enter that in the fabric's overrides (measured_bytes_per_s)",
                       class_nouns(*finding.resources, *finding.load, finding.unmeasured));
  return fmt::format("more repeats of what was measured of {}",
                     finding.binding.empty()
                         ? "the fabric"
                         : class_nouns(*finding.resources, *finding.load, finding.binding));
}

}  // namespace millrace::diagnose
