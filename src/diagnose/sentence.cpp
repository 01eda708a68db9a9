// SPDX-License-Identifier: Apache-2.0
#include "diagnose/sentence.hpp"

#include <fmt/core.h>
#include <fmt/ranges.h>

#include <cctype>
#include <cmath>

#include "units/quantity.hpp"

namespace millrace::diagnose {
namespace {

std::string percent(double share) {
  // 100 % is said of nothing that falls short of it.
  const double floored = share >= 0.995 && share < 0.9995 ? 0.99 : share;
  if (floored > 0 && floored < 0.095) return fmt::format("{:.1f} %", floored * 100);
  return fmt::format("{:.0f} %", floored * 100);
}

std::string rate(double bytes_per_s) { return to_text(BytesPerSecond{bytes_per_s}); }

std::string times(double factor) {
  if (factor < 2) return fmt::format("{:.2f} ×", factor);
  return factor < 10 ? fmt::format("{:.1f} ×", factor) : fmt::format("{:.0f} ×", factor);
}

std::string capital(std::string text) {
  if (!text.empty()) text[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(text[0])));
  return text;
}

std::string who(const Finding& finding) {
  std::string accelerator = finding.accelerator;
  for (char& c : accelerator) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return fmt::format("{} on {} × {}{}", finding.model, finding.accelerators, accelerator,
                     !finding.stand_in ? ""
                     : finding.in_gpu  ? " (stand-in GPUs)"
                                       : " (stand-in: host memory)");
}

std::string the_accelerators(const Finding& finding, std::string_view verb) {
  return finding.accelerators == 1 ? fmt::format("the accelerator {}s", verb)
                                   : fmt::format("the {} accelerators {}", finding.accelerators, verb);
}

std::string nouns(const std::vector<Load>& loads) {
  std::vector<std::string> names;
  for (const Load& load : loads) names.push_back(load.hop->noun);
  return fmt::format("{}", fmt::join(names, " or "));
}

std::string mended(const Hop& hop, double factor) {
  if (hop.kind == "storage") return fmt::format("{} {} as fast", hop.noun, times(factor));
  if (hop.kind == "pcie") return fmt::format("a link {} as fast", times(factor));
  if (hop.kind == "memory") return fmt::format("{} the memory bandwidth", times(factor));
  if (hop.kind == "copy") return fmt::format("a copy into device memory {} as fast", times(factor));
  if (hop.shared) return fmt::format("{} the CPU cores", times(factor));
  return fmt::format("preparation {} as fast (more threads, or a GPU's)", times(factor));
}

// "Storage 2.8 × as fast brings 90 %; then preparation on the CPU binds." A second step is told where it
// reaches what is wanted; longer chains stand in the document.
std::string relief(const Finding& finding) {
  if (finding.relief.empty()) return {};
  const ReliefStep& first = finding.relief.front();
  std::string out =
      fmt::format(" {} brings {}", capital(mended(*first.hop, first.factor)), percent(first.utilization));
  if (finding.relief.size() == 1)
    return out + (first.next ? fmt::format("; then {} binds.", first.next->noun)
                             : std::string("; then only the compute itself binds."));
  if (first.next) out += fmt::format(", as {} binds next", first.next->noun);
  const ReliefStep& second = finding.relief[1];
  if (finding.relief.size() == 2)
    out +=
        fmt::format("; with {} as well, {}", mended(*second.hop, second.factor), percent(second.utilization));
  return out + ".";
}

// "reading from vda (virtio) delivers 1.05 GB/s"
std::string delivers(const Load& load, int accelerators) {
  const Capacity& capacity = load.hop->capacity;
  return fmt::format("{} {} {}", load.hop->name, capacity.measured ? "delivers" : "can deliver at most",
                     rate(capacity.rate() * load.hop->times(accelerators)));
}

std::string starved(const Finding& finding) {
  const double needed = finding.demand_of_one * finding.accelerators;
  std::string what;
  for (const Load& load : finding.binding)
    what += (what.empty() ? "" : " and ") + delivers(load, finding.accelerators);
  const bool tie = finding.binding.size() > 1;
  const bool on_average = finding.binding.front().use < 1;
  return fmt::format(
      "{} is starved by {}{}: {} where {} are needed{}, so {} {} of the time (wanted: {}).{}", who(finding),
      nouns(finding.binding), tie ? " (too close to tell)" : "", what, rate(needed),
      on_average ? " on average, but records differ in size and the slowest batch sets the pace" : "",
      the_accelerators(finding, "compute"), percent(finding.utilization.value), percent(finding.wanted),
      relief(finding));
}

std::string fed(const Finding& finding) {
  const Load& top = finding.loads.front();
  std::string out = fmt::format("{} is fed: {} {} of the time (wanted: {}).", who(finding),
                                the_accelerators(finding, "compute"), percent(finding.utilization.value),
                                percent(finding.wanted));
  const double needed = finding.demand_of_one * finding.accelerators;
  out += fmt::format(" Nearest to its limit: {} where {} are needed", delivers(top, finding.accelerators),
                     rate(needed));
  out += top.use < 1 ? fmt::format(", {} of it is used.", percent(top.use)) : "; it costs the rest.";
  return out;
}

std::string inconclusive(const Finding& finding) {
  if (finding.loads.empty())
    return fmt::format(
        "Whether {} is fed cannot be told: nothing of its feed path was measured and no limit is known. {}.",
        who(finding), capital(finding.undecided));
  const Load& top = finding.loads.front();
  const double needed = finding.demand_of_one * finding.accelerators;
  const std::string tightest =
      fmt::format("{} where {} are needed", delivers(top, finding.accelerators), rate(needed));
  if (finding.utilization.low <= 0)
    return fmt::format(
        "Whether {} is fed is open: by what is known {} at most {} of the time (wanted: {}), as {}. To "
        "decide: "
        "{}.",
        who(finding), the_accelerators(finding, "compute"), percent(finding.utilization.high),
        percent(finding.wanted), tightest, finding.undecided);
  return fmt::format(
      "Whether {} is fed is too close to call: {} {} to {} of the time (wanted: {}). Nearest to its limit: "
      "{}. "
      "To decide: {}.",
      who(finding), the_accelerators(finding, "compute"), percent(finding.utilization.low),
      percent(finding.utilization.high), percent(finding.wanted), tightest, finding.undecided);
}

}  // namespace

std::string sentence(const Finding& finding) {
  std::string out = finding.verdict == "starved" ? starved(finding)
                    : finding.verdict == "fed"   ? fed(finding)
                                                 : inconclusive(finding);
  if (!finding.measured && !finding.loads.empty()) out += " From limits alone: nothing was measured.";
  return out;
}

}  // namespace millrace::diagnose
