// SPDX-License-Identifier: Apache-2.0
#include "diagnose/capacity.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "stats/student_t.hpp"

namespace millrace::diagnose {
namespace {

constexpr double kNormal975 = 1.959964;
constexpr double kLeastShareOfMean = 0.05;

double mean_of(const std::vector<double>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

double t975(std::size_t repeats) {
  return stats::student_t_quantile(0.975, static_cast<double>(repeats - 1));
}

MeasuredRate estimate_over(const std::vector<double>& values) {
  const double mean = mean_of(values);
  double squares = 0;
  for (double value : values) squares += (value - mean) * (value - mean);
  const double count = static_cast<double>(values.size());
  const double half = t975(values.size()) * std::sqrt(squares / (count - 1) / count);
  return {mean, std::max(mean - half, kLeastShareOfMean * mean), mean + half};
}

}  // namespace

double Capacity::rate() const {
  if (measured) return limit ? std::min(measured->mean, *limit) : measured->mean;
  return limit.value_or(std::numeric_limits<double>::infinity());
}

double Capacity::low() const { return measured ? std::min(measured->ci95_low, rate()) : 0; }

double Capacity::high() const {
  const double ceiling = limit.value_or(std::numeric_limits<double>::infinity());
  return measured ? std::min(measured->ci95_high, ceiling) : ceiling;
}

Capacity capacity_from(const record::Estimate& throughput, const std::vector<record::Repeat>& repeats,
                       double scale) {
  Capacity capacity;
  capacity.measured = MeasuredRate{throughput.mean * scale};
  if (throughput.ci95_low && throughput.ci95_high) {
    capacity.measured->ci95_low = std::max(*throughput.ci95_low, kLeastShareOfMean * throughput.mean) * scale;
    capacity.measured->ci95_high = std::max(*throughput.ci95_high, throughput.mean) * scale;
  }
  for (const auto& repeat : repeats)
    if (repeat.throughput_bytes_per_s > 0) capacity.repeats.push_back(repeat.throughput_bytes_per_s * scale);
  return capacity;
}

Capacity sum_of(const std::vector<const record::Measurement*>& together) {
  const record::Measurement& first = *together.front();
  Capacity total = capacity_from(first.throughput_bytes_per_s, first.repeats, 1);
  total.evidence = {first.id};
  double below = std::pow(total.measured->mean - total.measured->ci95_low, 2);
  double above = std::pow(total.measured->ci95_high - total.measured->mean, 2);
  for (std::size_t i = 1; i < together.size(); ++i) {
    const Capacity one = capacity_from(together[i]->throughput_bytes_per_s, together[i]->repeats, 1);
    total.evidence.push_back(together[i]->id);
    total.measured->mean += one.measured->mean;
    below += std::pow(one.measured->mean - one.measured->ci95_low, 2);
    above += std::pow(one.measured->ci95_high - one.measured->mean, 2);
    if (one.repeats.size() != total.repeats.size()) {
      total.repeats.clear();
      continue;
    }
    for (std::size_t r = 0; r < one.repeats.size(); ++r) total.repeats[r] += one.repeats[r];
  }
  if (together.size() > 1) {
    if (total.repeats.size() >= 2) {
      total.measured = estimate_over(total.repeats);
    } else {
      // Of one whose interval nobody knows, `above` is infinite.
      total.measured->ci95_low = std::isfinite(above) ? total.measured->mean - std::sqrt(below) : 0;
      total.measured->ci95_high = total.measured->mean + std::sqrt(above);
    }
  }
  return total;
}

bool set_limit(Capacity& capacity, double limit, const std::string& source) {
  if (capacity.measured && capacity.measured->ci95_low > limit) return false;
  if (!capacity.limit || limit < *capacity.limit) {
    capacity.limit = limit;
    capacity.limit_source = source;
  }
  return true;
}

double draw(const Capacity& capacity, std::mt19937_64& random) {
  if (!capacity.measured) return capacity.rate();
  const double mean = capacity.measured->mean;
  double drawn = 0;
  if (capacity.repeats.size() >= 2) {
    const std::size_t count = capacity.repeats.size();
    std::uniform_int_distribution<std::size_t> pick(0, count - 1);
    double sum = 0;
    for (std::size_t i = 0; i < count; ++i) sum += capacity.repeats[pick(random)];
    const double r = static_cast<double>(count);
    const double stretch = std::sqrt(r / (r - 1)) * t975(count) / kNormal975;
    drawn = mean + (sum / r - mean_of(capacity.repeats)) * stretch;
  } else if (!capacity.measured->has_interval()) {
    return capacity.high();
  } else {
    const double z = std::normal_distribution<double>()(random);
    const double half = z < 0 ? mean - capacity.measured->ci95_low : capacity.measured->ci95_high - mean;
    drawn = mean + z * half / kNormal975;
  }
  const double ceiling = capacity.limit.value_or(std::numeric_limits<double>::infinity());
  return std::min(std::max(drawn, kLeastShareOfMean * mean), ceiling);
}

}  // namespace millrace::diagnose
