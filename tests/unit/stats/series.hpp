// SPDX-License-Identifier: Apache-2.0
// Series whose true mean is known: what the statistics are tested against.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <random>
#include <vector>

namespace millrace::stats {

inline constexpr int kRuns = 2000;
inline constexpr double kTrueMean = 1000;

// Normal noise about kTrueMean, stationary from the first value on: x[t] = phi * x[t-1] + sqrt(1 - phi^2) *
// e[t], so that `deviation` (a share of the mean) is that of the values whatever phi. phi = 0 gives
// independent values.
class Noise {
 public:
  Noise(std::uint64_t seed, double phi, double deviation)
      : random_(seed),
        phi_(phi),
        fresh_(std::sqrt(1 - phi * phi)),
        deviation_(deviation),
        x_(normal_(random_)) {}

  double operator()() {
    x_ = phi_ * x_ + fresh_ * normal_(random_);
    return kTrueMean * (1 + deviation_ * x_);
  }

  std::vector<double> series(std::size_t length) {
    std::vector<double> values(length);
    for (double& value : values) value = (*this)();
    return values;
  }

 private:
  std::mt19937_64 random_;
  std::normal_distribution<double> normal_;
  double phi_, fresh_, deviation_, x_;
};

// In how many per cent of 2,000 seeded runs `happens(seed)` is true.
template <typename Happens>
double per_cent_of_runs(Happens happens) {
  int count = 0;
  for (int seed = 1; seed <= kRuns; ++seed) count += happens(static_cast<std::uint64_t>(seed)) ? 1 : 0;
  return 100.0 * count / kRuns;
}

}  // namespace millrace::stats
