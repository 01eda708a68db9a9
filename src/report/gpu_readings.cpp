// SPDX-License-Identifier: Apache-2.0
#include "report/gpu_readings.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <set>

#include "report/figures.hpp"

namespace millrace::report {
namespace {

struct Reading {
  std::string_view name;  // how the metric ends
  const char* before;
  const char* unit;
};

constexpr std::array<Reading, 4> kReadings{{
    {"sm_clock_mhz", "SM clock ", "MHz"},
    {"memory_clock_mhz", "memory clock ", "MHz"},
    {"power_w", "", "W"},
    {"temperature_c", "", "degrees C"},
}};

// "gpu:0" of "gpu:0:power_w" and of "host1/gpu:0:energy_j"; empty: it is of no GPU.
std::string gpu_in(std::string_view name) {
  constexpr std::string_view kStart = "gpu:";
  const std::size_t at = name.find(kStart);
  const bool starts = at == 0 || (at != std::string_view::npos && name[at - 1] == '/');
  const std::size_t end = starts ? name.find(':', at + kStart.size()) : std::string_view::npos;
  return end == std::string_view::npos ? std::string() : std::string(name.substr(0, end));
}

const record::MetricSummary* find(const record::Measurement& m, const std::string& name) {
  const auto found = m.metrics.find(name);
  return found == m.metrics.end() ? nullptr : &found->second;
}

std::string reading_text(const record::Measurement& m, const std::string& gpu, const Reading& reading) {
  const record::MetricSummary* meanwhile = find(m, fmt::format("{}:{}", gpu, reading.name));
  if (meanwhile == nullptr) return {};
  std::string text = meanwhile->min == meanwhile->max
                         ? fmt::format("{}{:.4g} {}", reading.before, meanwhile->max, reading.unit)
                         : fmt::format("{}{:.4g} to {:.4g} {}", reading.before, meanwhile->min,
                                       meanwhile->max, reading.unit);
  const record::MetricSummary* before = find(m, fmt::format("{}:before:{}", gpu, reading.name));
  if (reading.name == "temperature_c" && before != nullptr && before->min < meanwhile->max)
    text += fmt::format(" ({:.4g} before)", before->min);
  return text;
}

std::string throttling_text(const record::Measurement& m, const std::string& gpu) {
  std::vector<std::string> parts;
  const std::string prefix = gpu + ":throttled:";
  for (const auto& [name, value] : m.counters)
    if (name.starts_with(prefix))
      parts.push_back(fmt::format("{} for {}", name.substr(prefix.size(), name.size() - prefix.size() - 2),
                                  seconds(value)));
  return parts.empty() ? "" : fmt::format("; held down by {}", fmt::join(parts, ", "));
}

}  // namespace

bool is_reading_of_a_gpu(std::string_view metric) {
  const std::string gpu = gpu_in(metric);
  if (gpu.empty()) return false;
  const std::string_view rest = metric.substr(gpu.size() + 1);
  return std::any_of(kReadings.begin(), kReadings.end(), [&](const Reading& reading) {
    return rest == reading.name || rest == fmt::format("before:{}", reading.name) ||
           rest == fmt::format("after:{}", reading.name);
  });
}

std::vector<std::pair<std::string, std::string>> gpu_readings(const record::Measurement& m) {
  std::set<std::string> gpus;
  for (const auto& [name, metric] : m.metrics)
    if (is_reading_of_a_gpu(name)) gpus.insert(gpu_in(name));
  for (const auto& [name, value] : m.counters)
    if (name.ends_with(":energy_j")) gpus.insert(gpu_in(name));
  gpus.erase("");
  std::vector<std::pair<std::string, std::string>> lines;
  for (const std::string& gpu : gpus) {
    std::vector<std::string> parts;
    for (const Reading& reading : kReadings)
      if (auto text = reading_text(m, gpu, reading); !text.empty()) parts.push_back(std::move(text));
    if (const auto energy = m.counters.find(gpu + ":energy_j"); energy != m.counters.end())
      parts.push_back(fmt::format("{:.4g} J", energy->second));
    lines.emplace_back(gpu, fmt::format("{}{}", fmt::join(parts, ", "), throttling_text(m, gpu)));
  }
  return lines;
}

}  // namespace millrace::report
