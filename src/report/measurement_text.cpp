// SPDX-License-Identifier: Apache-2.0
#include <fmt/core.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <map>
#include <utility>

#include "report/figures.hpp"
#include "report/flag_text.hpp"
#include "report/gpu_readings.hpp"
#include "report/layout.hpp"
#include "report/pair_matrix.hpp"
#include "report/terminal.hpp"
#include "units/quantity.hpp"

namespace millrace::report {
namespace {

using record::Measurement;

constexpr std::size_t kMostParticipants = 32;

std::string of_repeats(const Measurement& m) {
  if (m.repeats.size() > 1) return fmt::format("over {} repeats", m.repeats.size());
  return m.repeats.empty() ? "" : "within 1 repeat";
}

// "; 0.31 s (15 %) of warm-up left out": over all repeats, where it is more than a tenth of them.
std::string warm_up_text(const Measurement& m) {
  constexpr double kMuch = 0.1;
  double cut = 0, kept = 0;
  for (const record::Repeat& repeat : m.repeats) {
    cut += repeat.warm_up_cut_s;
    kept += static_cast<double>(repeat.end_ns - repeat.begin_ns) * 1e-9;
  }
  if (cut <= kMuch * (cut + kept)) return "";
  return fmt::format("; {} ({}) of warm-up left out", seconds(cut), percent(cut / (cut + kept)));
}

std::string rate_text(const Measurement& m) {
  const auto& r = m.throughput_bytes_per_s;
  std::string text =
      r.ci95_low && r.ci95_high
          ? fmt::format("{}, 95 % in {} {}", rate(r.mean), span(*r.ci95_low, *r.ci95_high), of_repeats(m))
          : fmt::format("{}, 95 % unknown (too short for an interval)", rate(r.mean));
  text += warm_up_text(m);
  if (m.limit_bytes_per_s && m.limit_fraction)
    text += fmt::format("; {} of the limit of {} ({})", percent(*m.limit_fraction),
                        rate(*m.limit_bytes_per_s), m.limit_source);
  else if (!m.limit_source.empty())
    text += fmt::format("; limit unknown ({})", m.limit_source);
  return text;
}

// Of a collective: two figures of one time, by nccl-tests' conventions.
std::string collective_text(const std::optional<record::Estimate>& of) {
  if (!of || of->mean <= 0) return {};
  if (!of->ci95_low || !of->ci95_high) return rate(of->mean) + ", 95 % unknown";
  return fmt::format("{}, 95 % in {}", rate(of->mean), span(*of->ci95_low, *of->ci95_high));
}

std::string operations_text(const Measurement& m) {
  const auto& o = m.operations_per_s;
  if (!o.ci95_low || !o.ci95_high) return fmt::format("{}/s, 95 % unknown", count_to_text(o.mean));
  return fmt::format("{}/s, 95 % in {}", count_to_text(o.mean),
                     span_of_frequencies(*o.ci95_low, *o.ci95_high));
}

// A percentile that the count does not resolve is said to be so, never printed as a figure.
std::string latency_text(const record::Latency& latency) {
  std::vector<std::string> parts;
  const auto add = [&](const char* name, const std::optional<double>& value) {
    parts.push_back(value ? fmt::format("{} {}", name, seconds(*value))
                          : fmt::format("{} not resolved", name));
  };
  add("p50", latency.p50);
  add("p90", latency.p90);
  add("p99", latency.p99);
  add("p99.9", latency.p999);
  if (latency.max) parts.push_back("max " + seconds(*latency.max));
  return fmt::format("{} ({} operations after the warm-up)", fmt::join(parts, ", "),
                     count_to_text(static_cast<double>(latency.count)));
}

std::optional<double> counter(const Measurement& m, const std::string& name) {
  const auto found = m.counters.find(name);
  return found == m.counters.end() ? std::nullopt : std::optional<double>(found->second);
}

// What of the counters changes how the figure is read.
std::string counters_text(const Measurement& m) {
  std::vector<std::string> parts;
  const double user = counter(m, "worker:user_s").value_or(0),
               system = counter(m, "worker:system_s").value_or(0);
  if (user + system > 0 && m.duration_s > 0) {
    std::string cpu = fmt::format("CPU {:.2f} threads busy ({:.2f} user, {:.2f} system)",
                                  (user + system) / m.duration_s, user / m.duration_s, system / m.duration_s);
    if (const auto operations = counter(m, "worker:operations"); operations && *operations > 0)
      cpu += fmt::format(", {} per operation", seconds((user + system) / *operations));
    parts.push_back(std::move(cpu));
  }
  for (const auto& [name, value] : m.counters) {
    if (value <= 0) continue;
    const bool pressure = name.starts_with("psi:") && name.ends_with("full_s") && value > 0.01 * m.duration_s;
    const bool waited = name == "psi:cpu:some_s" && value > 0.05 * m.duration_s;
    const bool stolen = name == "cpu:steal_s" && value > 0.01 * m.duration_s;
    if (pressure || waited || stolen) parts.push_back(fmt::format("{} {}", name, seconds(value)));
    if (name.starts_with("block:") && name.ends_with("_bytes"))
      parts.push_back(fmt::format("{} {}", name, to_si(Bytes{static_cast<std::uint64_t>(value)})));
    if (name.starts_with("pcie:")) parts.push_back(fmt::format("{} {:.0f}", name, value));
  }
  for (std::string& part : counted_for_flags(m)) parts.push_back(std::move(part));
  return fmt::format("{}", fmt::join(parts, "; "));
}

// What each participant moved, where several did on several hosts: many-to-one hides the slow one in a sum.
std::vector<std::string> participants_text(const record::Document& document, const Measurement& m) {
  std::vector<std::string> lines;
  if (document.hosts.size() < 2) return lines;
  for (const record::Participant& p : m.participants) {
    const auto host = static_cast<std::size_t>(p.host);
    if (p.throughput_bytes_per_s > 0 && host < document.hosts.size())
      lines.push_back(
          fmt::format("{}, {}: {}", document.hosts[host].name, p.role, rate(p.throughput_bytes_per_s)));
  }
  if (lines.size() < 2) lines.clear();
  if (lines.size() > kMostParticipants) {
    const std::size_t more = lines.size() - kMostParticipants;
    lines.resize(kMostParticipants);
    lines.push_back(fmt::format("and {} more, in the document", more));
  }
  return lines;
}

// Sorts by the numbers within: "size_512_bytes_per_s" before "size_4096_bytes_per_s".
std::string by_numbers(const std::string& name) {
  constexpr std::size_t kDigits = 20;
  std::string padded;
  for (std::size_t at = 0; at < name.size();) {
    const std::size_t end = std::min(name.find_first_not_of("0123456789", at), name.size());
    if (end - at > 0 && end - at < kDigits) padded.append(kDigits - (end - at), '0');
    padded.append(name, at, std::max(end - at, std::size_t{1}));
    at = std::max(end, at + 1);
  }
  return padded;
}

std::string stages_table(const Measurement& m, const TextStyle& style) {
  Table table(
      {"stage", "threads", "busy", "waits for input", "waits for output", "queue filled", "CPU", "bytes"});
  for (const auto& stage : m.stages)
    table.add({stage.name, std::to_string(stage.threads), percent(stage.busy_share),
               percent(stage.blocked_on_input_share), percent(stage.blocked_on_output_share),
               stage.output_queue_fill ? percent(*stage.output_queue_fill) : "–", seconds(stage.cpu_s),
               to_si(Bytes{stage.bytes})});
  return table.text(4, style);
}

// A metric's name ends with its unit; the longest suffix that fits counts.
struct Unit {
  std::string_view suffix;
  std::string (*show)(double value);
};
constexpr Unit kUnits[] = {
    {"_bytes_per_s", [](double value) { return rate(value); }},
    {"_per_s", [](double value) { return count_to_text(value) + "/s"; }},
    {"_bytes",
     [](double value) {
       return to_si(Bytes{static_cast<std::uint64_t>(std::llround(std::max(value, 0.0)))});
     }},
    {"_share", [](double value) { return percent(value); }},
    {"_s", [](double value) { return seconds(value); }},
    {"", [](double value) { return fmt::format("{:.4g}", value); }},
};

const Unit& unit_of(std::string_view name) {
  return *std::find_if(std::begin(kUnits), std::end(kUnits),
                       [&](const Unit& unit) { return name.ends_with(unit.suffix); });
}

// "sender_rtt_s" as "sender rtt": its figures carry the unit.
std::string metric_name(std::string name) {
  name.resize(name.size() - unit_of(name).suffix.size());
  std::replace(name.begin(), name.end(), '_', ' ');
  return name;
}

std::string metric_text(const std::string& name, const record::MetricSummary& metric) {
  const auto show = [&](double value) {  // percentiles of a resumed run are not known
    return std::isfinite(value) ? unit_of(name).show(value) : std::string("unknown");
  };
  if (metric.min == metric.max) return show(metric.mean);
  return fmt::format("mean {}, p5 {}, p50 {}, p95 {} ({} values, warm-up included)", show(metric.mean),
                     show(metric.p5), show(metric.p50), show(metric.p95), metric.count);
}

std::string parameter_text(const record::ParameterValue& value) {
  if (const auto* flag = std::get_if<bool>(&value)) return *flag ? "on" : "off";
  if (const auto* whole = std::get_if<std::int64_t>(&value)) return std::to_string(*whole);
  if (const auto* real = std::get_if<double>(&value)) return fmt::format("{:.6g}", *real);
  return std::get<std::string>(value);
}

}  // namespace

std::string measurement_text(const record::Document& document, const Measurement& m, const TextStyle& style) {
  std::string out = toned(m.probe, Tone::kStrong, style);
  if (!m.label.empty()) out += " (" + m.label + ")";
  out += "  " + toned(m.id, Tone::kFaint, style) + "\n";
  const auto line = [&](std::string_view key, const std::string& value) {
    if (!value.empty()) out += wrapped(fmt::format("  {:<11} ", key), value, 14, style);
  };
  if (m.status != "ok") {
    line(m.status, toned(m.reason, Tone::kBad, style));
    line("way out", m.hint);
  }
  if (m.throughput_bytes_per_s.mean > 0) line("rate", rate_text(m));
  line("algorithm", collective_text(m.algorithm_bytes_per_s));
  line("bus", collective_text(m.bus_bytes_per_s));
  if (m.operations_per_s.mean > 0) line("operations", operations_text(m));
  if (m.latency_s) line("latency", latency_text(*m.latency_s));
  std::string_view key = "each";
  for (const std::string& text : participants_text(document, m)) line(std::exchange(key, ""), text);
  std::map<std::string, std::string> ordered;
  for (const auto& [name, metric] : m.metrics)
    if (!is_reading_of_a_gpu(name) && !is_in_pair_matrix(m, name)) ordered[by_numbers(name)] = name;
  for (const auto& [order, name] : ordered) line(metric_name(name), metric_text(name, m.metrics.at(name)));
  out += pair_matrix_text(m, style);
  for (const auto& [gpu, text] : gpu_readings(m)) line(gpu, text);
  if (!m.stages.empty()) out += stages_table(m, style);
  if (!m.from.empty() || !m.to.empty()) {
    const auto name = [&](const std::string& several) {
      std::vector<std::pair<std::string, int>> names;  // with how many in a row have it
      for (const std::string& id : topology::ends_of(several)) {
        const auto* endpoint = topology::find_endpoint(document.topology, id);
        const std::string& shown = endpoint && !endpoint->name.empty() ? endpoint->name : id;
        if (names.empty() || names.back().first != shown) names.emplace_back(shown, 0);
        ++names.back().second;
      }
      std::vector<std::string> parts;
      for (const auto& [shown, count] : names)
        parts.push_back(count == 1 ? shown : fmt::format("{} × {}", count, shown));
      return fmt::format("{}", fmt::join(parts, " and "));
    };
    line("path", m.from == m.to ? name(m.from) : fmt::format("{} to {}", name(m.from), name(m.to)));
  }
  std::vector<std::string> parameters;
  for (const auto& [name, value] : m.parameters) parameters.push_back(name + " " + parameter_text(value));
  line("parameters", fmt::format("{}", fmt::join(parameters, ", ")));
  if (m.device == "stand-in") line("device", "stand-in: host memory took the place of GPU memory");
  if (m.verified)
    line("verified", *m.verified ? "every byte that was checked is right" : "the data were wrong");
  line("counted", counters_text(m));
  if (!m.flags.empty())
    line("flags", toned(fmt::format("{}", fmt::join(m.flags, ", ")), Tone::kDoubtful, style));
  for (const std::string& flag : m.flags)
    if (const std::string_view meaning = meaning_of(flag); !meaning.empty())
      line("", fmt::format("{}: {}", flag, meaning));
  return out;
}

}  // namespace millrace::report
