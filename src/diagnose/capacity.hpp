// SPDX-License-Identifier: Apache-2.0
// What a hop of the feed path can carry, as an interval, and where that is known from.
#pragma once

#include <cmath>
#include <limits>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "record/result.hpp"

namespace millrace::diagnose {

// A mean with its 95 % interval. Where nobody knows the interval it promises nothing and bounds nothing.
struct MeasuredRate {
  double mean = 0, ci95_low = 0, ci95_high = std::numeric_limits<double>::infinity();
  [[nodiscard]] bool has_interval() const { return std::isfinite(ci95_high); }
};

// All rates are bytes/s of the workload's records, so that hops compare with each other and with the demand.
struct Capacity {
  std::optional<MeasuredRate> measured;  // mean over repeats with its 95 % interval
  std::vector<double> repeats;           // the same, repeat by repeat: what the bootstrap draws from
  std::optional<double> limit;           // the ceiling that physics sets
  std::string limit_source;
  std::vector<std::string> evidence;  // ids of the measurements

  [[nodiscard]] bool known() const { return measured || limit; }
  // The best single figure: what was measured, else the limit, else no bound at all (infinity).
  [[nodiscard]] double rate() const;
  [[nodiscard]] double low() const;   // 0 where nothing was measured: a limit promises nothing
  [[nodiscard]] double high() const;  // never above the limit
};

// The capacity of something that carried `throughput` with the share `scale` of its ability: all figures
// times scale.
Capacity capacity_from(const record::Estimate& throughput, const std::vector<record::Repeat>& repeats,
                       double scale);

// The total of measurements that ran together. Repeat by repeat where each has as many (they ran side by
// side), with the interval by Student's t over the sums; else half-widths add in quadrature.
Capacity sum_of(const std::vector<const record::Measurement*>& together);

// Sets the ceiling, unless a measured rate is above it: then the limit is discredited, dropped, and false
// comes back.
bool set_limit(Capacity& capacity, double limit, const std::string& source);

// One draw of the mean over repeats. With two repeats or more: as many repeats drawn with replacement, and
// the distance of their mean from the true one stretched by √(r/(r−1)) · t(0.975, r−1) ÷ 1.96, since a plain
// bootstrap of few values is too narrow (Hesterberg 2015, "What teachers should know about the bootstrap").
// With one: a normal of the interval that stands within the repeat; where there is none, the ceiling, since
// nothing else bounds it. Never below a twentieth of the mean nor
// above the limit.
double draw(const Capacity& capacity, std::mt19937_64& random);

}  // namespace millrace::diagnose
