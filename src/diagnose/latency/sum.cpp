// SPDX-License-Identifier: Apache-2.0
#include "diagnose/latency/sum.hpp"

#include <algorithm>
#include <cmath>

namespace millrace::diagnose {
namespace {

constexpr int kShares = 200;  // that 1 − q is dealt out in

struct Dealt {
  const TimedPart* part = nullptr;
  int shares = 1;
  double at_s = 0;
};

}  // namespace

bool is_resolved(const TimedPart& part, double q) {
  if (part.count == 0) return true;
  return stats::is_resolved(part.count, std::pow(q, 1.0 / part.longest_of));
}

std::optional<double> bound_of(const std::vector<TimedPart>& parts, double q) {
  const double share = (1 - q) / kShares;
  std::vector<Dealt> dealt;
  double bound = 0;
  int left = kShares;
  for (const TimedPart& part : parts) {
    if (part.time.is_constant()) {
      bound += part.time.quantile(1).value_or(0);
      continue;
    }
    Dealt one{&part, 1, 0};
    const auto told = [&] {
      const double quantile = 1 - one.shares * share;
      return is_resolved(part, quantile) && part.time.quantile(quantile).has_value();
    };
    while (one.shares <= left && !told()) ++one.shares;
    left -= one.shares;
    if (left < 0) return std::nullopt;
    const auto at = part.time.quantile(1 - one.shares * share);
    one.at_s = *at;
    dealt.push_back(one);
  }
  while (left > 0 && !dealt.empty()) {
    const auto gain = [&](const Dealt& d) {
      return d.at_s - d.part->time.quantile(1 - (d.shares + 1) * share).value_or(d.at_s);
    };
    const auto best = std::max_element(dealt.begin(), dealt.end(),
                                       [&](const Dealt& a, const Dealt& b) { return gain(a) < gain(b); });
    ++best->shares;
    best->at_s = best->part->time.quantile(1 - best->shares * share).value_or(best->at_s);
    --left;
  }
  for (const Dealt& one : dealt) bound += one.at_s;
  return bound;
}

TimedSum sum_of_parts(const std::vector<TimedPart>& parts) {
  TimedSum out;
  if (parts.empty()) return out;
  Distribution sum = parts.front().time;
  for (std::size_t i = 1; i < parts.size(); ++i) sum = sum.plus(parts[i].time);
  const auto all_resolve = [&](double q) {
    return std::all_of(parts.begin(), parts.end(),
                       [q](const TimedPart& part) { return is_resolved(part, q); });
  };
  if (all_resolve(0.5)) out.p50_s = sum.quantile(0.5);
  if (all_resolve(0.99)) out.p99_s = sum.quantile(0.99);
  out.bound_p99_s = bound_of(parts, 0.99);
  // The grid rounds, and no sum exceeds what bounds it.
  if (out.p99_s && out.bound_p99_s) out.bound_p99_s = std::max(*out.bound_p99_s, *out.p99_s);
  return out;
}

}  // namespace millrace::diagnose
