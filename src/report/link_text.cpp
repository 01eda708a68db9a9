// SPDX-License-Identifier: Apache-2.0
#include <fmt/core.h>

#include <algorithm>
#include <map>

#include "report/figures.hpp"
#include "report/layout.hpp"
#include "report/terminal.hpp"

namespace millrace::report {
namespace {

// The other host that took part; 0: none did, or several, between which there is more than one link.
int other_host(const record::Measurement& m) {
  int other = 0;
  for (const record::Participant& participant : m.participants) {
    if (participant.host == 0 || participant.host == other) continue;
    if (other != 0) return 0;
    other = participant.host;
  }
  return other;
}

std::string direction_of(const record::Measurement& m) {
  const auto given = m.parameters.find("direction");
  const auto* text = given == m.parameters.end() ? nullptr : std::get_if<std::string>(&given->second);
  return text == nullptr ? "" : ", " + *text;
}

std::vector<std::string> link_row(const record::Measurement& m) {
  // What one message at a time moves is no rate of the link.
  const bool asks = m.probe.ends_with(".latency");
  const record::Estimate& moved = m.throughput_bytes_per_s;
  const auto latency = [&](auto quantile) {
    return asks && m.latency_s && quantile(*m.latency_s) ? seconds(*quantile(*m.latency_s)) : "–";
  };
  return {fmt::format("{} {}{}", m.id, m.probe, direction_of(m)),
          asks ? "–" : rate(moved.mean),
          !asks && moved.ci95_low && moved.ci95_high ? span(*moved.ci95_low, *moved.ci95_high) : "–",
          asks ? "–" : rate(m.limit_bytes_per_s),
          latency([](const auto& l) { return l.p50; }),
          latency([](const auto& l) { return l.p99; })};
}

}  // namespace

std::string links_text(const record::Document& document, const TextStyle& style) {
  std::map<int, Table> tables;
  for (const record::Measurement& m : document.measurements) {
    const int host = other_host(m);
    if (host == 0 || m.status != "ok" || !m.concurrent_with.empty()) continue;
    tables
        .try_emplace(host,
                     std::vector<std::string>{"alone", "measured", "95 % in", "limit", "latency p50", "p99"})
        .first->second.add(link_row(m));
  }
  std::string out;
  for (const auto& [host, table] : tables) {
    const auto at = static_cast<std::size_t>(host);
    const std::string name =
        at < document.hosts.size() ? document.hosts[at].name : fmt::format("host {}", host);
    out += toned("Link to " + name, Tone::kStrong, style) + "\n" + table.text(2, style);
  }
  return out;
}

}  // namespace millrace::report
