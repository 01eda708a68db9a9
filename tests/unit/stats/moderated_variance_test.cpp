// SPDX-License-Identifier: Apache-2.0
#include "stats/moderated_variance.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

namespace millrace::stats {
namespace {

// Variances of samples of five, from normal distributions whose own variances are given.
template <typename VarianceOf>
std::vector<SampleVariance> samples_of_five(int count, VarianceOf variance_of) {
  std::mt19937_64 random(7);
  std::normal_distribution<double> normal;
  std::vector<SampleVariance> samples;
  for (int i = 0; i < count; ++i) {
    const double scale = std::sqrt(variance_of(i));
    double sum = 0;
    double squares = 0;
    for (int r = 0; r < 5; ++r) {
      const double value = scale * normal(random);
      sum += value;
      squares += value * value;
    }
    samples.push_back({(squares - sum * sum / 5) / 4, 4});
  }
  return samples;
}

TEST(ModeratedVariance, SamplesOfOneVarianceShareIt) {
  const auto samples = samples_of_five(400, [](int) { return 9.0; });
  const auto prior = fit_variance_prior(samples);
  ASSERT_TRUE(prior);
  EXPECT_NEAR(prior->variance, 9, 0.9);
  EXPECT_GT(prior->freedom, 50) << "chance alone makes them differ";
  EXPECT_NEAR(moderate({1, 4}, *prior).variance, prior->variance, 0.1 * prior->variance);
}

TEST(ModeratedVariance, SamplesThatDifferKeepTheirOwn) {
  const auto samples = samples_of_five(400, [](int i) { return std::pow(10, i % 5); });
  const auto prior = fit_variance_prior(samples);
  ASSERT_TRUE(prior);
  EXPECT_LT(prior->freedom, 2) << "from 1 to 10,000: one says little about another";
  EXPECT_GT(moderate({10000, 4}, *prior).variance, 6000);
}

TEST(ModeratedVariance, TheParametersOfAKnownPriorComeBack) {
  // Variances drawn as 12 × 2 ÷ χ² of 12 degrees of freedom: Smyth's model with prior freedom 12 and
  // variance 2.
  std::mt19937_64 random(3);
  std::chi_squared_distribution<double> chi(12);
  const auto samples = samples_of_five(4000, [&](int) { return 12 * 2.0 / chi(random); });
  const auto prior = fit_variance_prior(samples);
  ASSERT_TRUE(prior);
  EXPECT_NEAR(prior->variance, 2, 0.15);
  EXPECT_NEAR(prior->freedom, 12, 4);
}

TEST(ModeratedVariance, OfTwoSamplesNothingIsLearnt) {
  EXPECT_FALSE(fit_variance_prior(samples_of_five(2, [](int) { return 1.0; })));
  EXPECT_FALSE(fit_variance_prior(std::vector<SampleVariance>(5, {0, 4}))) << "repeats that do not differ";
}

}  // namespace
}  // namespace millrace::stats
