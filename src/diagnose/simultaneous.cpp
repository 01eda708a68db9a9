// SPDX-License-Identifier: Apache-2.0
#include "diagnose/simultaneous.hpp"

#include <fmt/core.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <optional>
#include <unordered_map>
#include <unordered_set>

#include "diagnose/conventions.hpp"
#include "diagnose/evidence.hpp"
#include "topology/usable_cpus.hpp"
#include "units/quantity.hpp"

namespace millrace::diagnose {
namespace {

using record::Measurement;

constexpr double kSameWindow = 0.95;     // of each member's own window
constexpr double kThreadsAllBusy = 0.9;  // of the hardware threads

bool moves_bytes(const Measurement& m) { return m.status == "ok" && m.throughput_bytes_per_s.mean > 0; }

struct Window {
  double begin_s = 0, end_s = 0;
  [[nodiscard]] double length() const { return end_s - begin_s; }
};

// Of one repeat in the time of hosts[0]; nothing where it says no times.
std::optional<Window> window_of(const record::Document& document, const Measurement& m, std::size_t repeat) {
  const record::Repeat& one = m.repeats[repeat];
  if (one.end_ns <= one.begin_ns) return std::nullopt;
  double ahead_s = 0;
  if (!m.participants.empty()) {
    const auto host = static_cast<std::size_t>(m.participants.front().host);
    if (host < document.hosts.size() && document.hosts[host].clock_offset_s)
      ahead_s = 0.5 * (document.hosts[host].clock_offset_s->start + document.hosts[host].clock_offset_s->end);
  }
  return Window{static_cast<double>(one.begin_ns) * 1e-9 - ahead_s,
                static_cast<double>(one.end_ns) * 1e-9 - ahead_s};
}

double clock_error_s(const record::Document& document, const std::vector<const Measurement*>& members) {
  double error = 0;
  for (const Measurement* m : members)
    for (const record::Participant& participant : m->participants) {
      const auto host = static_cast<std::size_t>(participant.host);
      if (host >= document.hosts.size() || !document.hosts[host].clock_offset_s) continue;
      const topology::ClockOffset& offset = *document.hosts[host].clock_offset_s;
      error = std::max(error, offset.error + 0.5 * std::abs(offset.end - offset.start));
    }
  return error;
}

// From the slices, which are of the last repeat with its warm-up: those that lie in the window.
std::optional<double> rate_within(const Measurement& m, const Window& own, const Window& common) {
  if (!m.slices || m.slices->period_s <= 0) return std::nullopt;
  const double begin_s = own.begin_s - m.repeats.back().warm_up_cut_s;
  double bytes = 0;
  std::size_t count = 0;
  for (std::size_t i = 0; i < m.slices->bytes.size(); ++i) {
    const double at = begin_s + static_cast<double>(i) * m.slices->period_s;
    if (at < common.begin_s - 1e-9 || at + m.slices->period_s > common.end_s + 1e-9) continue;
    bytes += static_cast<double>(m.slices->bytes[i]);
    ++count;
  }
  if (count < 2) return std::nullopt;
  return bytes / (static_cast<double>(count) * m.slices->period_s);
}

// What each member moved in one repeat while all of them ran; nothing where that cannot be told.
std::optional<std::vector<double>> together(const record::Document& document,
                                            const std::vector<const Measurement*>& members,
                                            std::size_t repeat, bool& one_window) {
  std::vector<double> rates;
  std::vector<std::optional<Window>> windows;
  Window common{-1e300, 1e300};
  for (const Measurement* m : members) {
    rates.push_back(m->repeats[repeat].throughput_bytes_per_s);
    windows.push_back(window_of(document, *m, repeat));
    if (!windows.back()) continue;
    common.begin_s = std::max(common.begin_s, windows.back()->begin_s);
    common.end_s = std::min(common.end_s, windows.back()->end_s);
  }
  const double error = members.size() > 1 ? clock_error_s(document, members) : 0;
  common.begin_s += error;
  common.end_s -= error;
  for (std::size_t i = 0; i < members.size(); ++i) {
    if (!windows[i] || common.length() >= kSameWindow * windows[i]->length()) continue;
    one_window = false;
    const bool has_slices = repeat + 1 == members[i]->repeats.size();
    const auto rate = has_slices ? rate_within(*members[i], *windows[i], common) : std::nullopt;
    if (!rate) return std::nullopt;
    rates[i] = *rate;
  }
  return rates;
}

void take_rates(const record::Document& document, SimultaneousSet& set) {
  std::size_t repeats = set.members.front()->repeats.size();
  for (const Measurement* m : set.members) repeats = std::min(repeats, m->repeats.size());
  for (std::size_t r = 0; r < repeats; ++r)
    if (auto rates = together(document, set.members, r, set.one_window))
      set.rates.push_back(std::move(*rates));
  set.mean.assign(set.members.size(), 0);
  for (const auto& rates : set.rates)
    for (std::size_t i = 0; i < rates.size(); ++i)
      set.mean[i] += rates[i] / static_cast<double>(set.rates.size());
  const bool says_repeats = repeats > 0;
  if (!says_repeats)
    for (std::size_t i = 0; i < set.members.size(); ++i)
      set.mean[i] = set.members[i]->throughput_bytes_per_s.mean;
  else if (set.rates.empty())
    set.mean.clear();
}

bool all_threads_busy(const record::Document& document, const SimultaneousSet& set) {
  const double threads = document.hosts.empty() ? 0 : topology::usable_threads(document.hosts.front().cpu);
  double busy_s = 0;
  for (const Measurement* m : set.members)
    for (const char* counter : {conventions::kUserCounter, conventions::kSystemCounter})
      if (const auto found = m->counters.find(counter); found != m->counters.end()) busy_s += found->second;
  return threads > 0 && busy_s >= kThreadsAllBusy * threads * set.members.front()->duration_s;
}

}  // namespace

std::string operation_of(const Measurement& m) {
  std::string operation = m.probe;
  for (const char* pattern : {"pattern", "direction", "mode"})
    if (const std::string said = text(m, pattern); !said.empty()) operation += " " + said;
  for (const char* size : {"block-size", "size"})
    if (const auto bytes = number(m, size); bytes && *bytes >= 1) {
      operation += " " + to_binary(Bytes{static_cast<std::uint64_t>(*bytes)});
      break;
    }
  for (const char* depth : {"queue-depth", "depth"})
    if (const auto deep = number(m, depth)) {
      operation += fmt::format(" × {:.0f}", *deep);
      break;
    }
  return operation;
}

std::vector<SimultaneousSet> simultaneous_sets(const record::Document& document,
                                               std::vector<std::string>& notes) {
  std::unordered_map<std::string, const Measurement*> by_id;
  for (const Measurement& m : document.measurements) by_id.emplace(m.id, &m);
  std::vector<SimultaneousSet> sets;
  std::unordered_set<std::string> taken;
  for (const Measurement& m : document.measurements) {
    if (!moves_bytes(m) || !taken.insert(m.id).second) continue;
    SimultaneousSet set;
    set.members.push_back(&m);
    for (const std::string& id : m.concurrent_with) {
      const auto other = by_id.find(id);
      if (other == by_id.end() || !moves_bytes(*other->second))
        set.whole = false;
      else if (taken.insert(id).second)
        set.members.push_back(other->second);
    }
    take_rates(document, set);
    if (set.mean.empty()) {
      std::vector<std::string> ids;
      for (const Measurement* member : set.members) ids.push_back(member->id);
      notes.push_back(
          fmt::format("{} ran together for too short a part of their time, or without slices that tell which "
                      "part: nothing is taken from them",
                      fmt::join(ids, ", ")));
      continue;
    }
    set.cpus_busy = all_threads_busy(document, set);
    sets.push_back(std::move(set));
  }
  return sets;
}

}  // namespace millrace::diagnose
