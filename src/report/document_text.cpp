// SPDX-License-Identifier: Apache-2.0
#include <fmt/core.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <tuple>
#include <utility>
#include <vector>

#include "report/figures.hpp"
#include "report/layout.hpp"
#include "report/terminal.hpp"
#include "topology/usable_cpus.hpp"
#include "units/quantity.hpp"

namespace millrace::report {
namespace {

int severity_rank(const std::string& severity) {
  return severity == "error" ? 0 : (severity == "warning" ? 1 : 2);
}

// How the clock of a host that took part as a peer stood to that of the first one; empty where it is not
// known.
std::string clock_text(const topology::HostFacts& host) {
  if (!host.clock_offset_s) return {};
  const topology::ClockOffset& clock = *host.clock_offset_s;
  return fmt::format("; its clock less this host's: {} at the start, {} at the end, ± {}",
                     seconds(clock.start), seconds(clock.end), seconds(clock.error));
}

std::string usable_text(const topology::Cpu& cpu) {
  const std::string reason = topology::cpu_limit_reason(cpu);
  return reason.empty() ? reason : fmt::format(" ({:.3g} usable: {})", topology::usable_threads(cpu), reason);
}

}  // namespace

std::string hosts_text(const record::Document& document, const TextStyle& style) {
  std::string out;
  for (const auto& host : document.hosts)
    out += wrapped("",
                   fmt::format("{}: {}, {} hardware threads{}, {} memory, Linux {}{}", host.name,
                               host.cpu.model, host.cpu.threads, usable_text(host.cpu),
                               to_binary(Bytes{host.memory_bytes}), host.kernel, clock_text(host)),
                   2, style);
  return out;
}

std::string findings_text(const std::vector<topology::Finding>& findings, const TextStyle& style) {
  if (findings.empty()) return {};
  std::vector<const topology::Finding*> sorted;
  for (const auto& finding : findings) sorted.push_back(&finding);
  std::stable_sort(sorted.begin(), sorted.end(), [](const auto* a, const auto* b) {
    return severity_rank(a->severity) < severity_rank(b->severity);
  });
  std::string out = toned("Findings", Tone::kStrong, style) + "\n";
  for (const auto* finding : sorted) {
    const int rank = severity_rank(finding->severity);
    const Tone tone = rank == 0 ? Tone::kBad : (rank == 1 ? Tone::kDoubtful : Tone::kPlain);
    const std::string first = "  " + toned(fmt::format("{:<8}", finding->severity), tone, style) + " ";
    out += wrapped(first, finding->what + (finding->resource.empty() ? "" : " [" + finding->resource + "]"),
                   11, style);
    if (!finding->remedy.empty())
      out += wrapped(std::string(11, ' '), "remedy: " + finding->remedy, 11, style);
  }
  return out;
}

std::string troubles_text(const record::Document& document, const TextStyle& style) {
  // What lacks the same thing is told once, in the order in which it first came up.
  std::vector<std::pair<const record::Measurement*, std::vector<std::string>>> troubles;
  for (const record::Measurement& m : document.measurements) {
    if (m.status == "ok") continue;
    const auto same = std::find_if(troubles.begin(), troubles.end(), [&](const auto& known) {
      const record::Measurement& other = *known.first;
      return std::tie(m.status, m.reason, m.hint) == std::tie(other.status, other.reason, other.hint);
    });
    auto& names =
        same == troubles.end() ? troubles.emplace_back(&m, std::vector<std::string>{}).second : same->second;
    names.push_back(m.label.empty() ? fmt::format("{} {}", m.id, m.probe)
                                    : fmt::format("{} {} ({})", m.id, m.probe, m.label));
  }
  std::string out;
  for (const auto& [m, names] : troubles) {
    const Tone tone = m->status == "failed" ? Tone::kBad : Tone::kDoubtful;
    const std::string first = "  " + toned(fmt::format("{:<8}", m->status), tone, style) + " ";
    const std::string reason = m->reason.empty() ? "no reason given" : m->reason;
    out += wrapped(first, fmt::format("{}: {}", fmt::join(names, ", "), reason), 11, style);
    if (!m->hint.empty()) out += wrapped(std::string(11, ' '), "way out: " + m->hint, 11, style);
  }
  return out.empty() ? out : toned("Not measured", Tone::kStrong, style) + "\n" + out;
}

std::string document_text(const record::Document& document, const TextStyle& style) {
  std::string out = hosts_text(document, style);
  if (!document.complete)
    out += toned("incomplete: the run was cut short; this is what it had measured", Tone::kDoubtful, style) +
           "\n";
  const bool stand_in = std::any_of(document.measurements.begin(), document.measurements.end(),
                                    [](const auto& m) { return m.device == "stand-in"; });
  if (stand_in)
    out += toned("stand-in: host memory took the place of GPU memory", Tone::kDoubtful, style) + "\n";
  // Notes are many on any machine and `doctor` shows them; here stands what spoils the figures below.
  std::vector<topology::Finding> serious;
  for (const auto& finding : document.findings)
    if (finding.severity != "note") serious.push_back(finding);
  for (const std::string& part : {findings_text(serious, style), troubles_text(document, style),
                                  diagnoses_text(document, document.diagnoses, style),
                                  links_text(document, style), interference_text(document, style)})
    if (!part.empty()) out += "\n" + part;
  return out;
}

}  // namespace millrace::report
