// SPDX-License-Identifier: Apache-2.0
// The variance of a few repeats is poorly known by itself; measurements of one machine are much alike, and
// steady each other (empirical Bayes: Smyth 2004, "Linear models and empirical Bayes methods for assessing
// differential expression in microarray experiments", Stat. Appl. Genet. Mol. Biol. 3(1), sections 3 and 6.2;
// limma's squeezeVar).
#pragma once

#include <optional>
#include <span>

namespace millrace::stats {

struct SampleVariance {
  double variance = 0;  // of the sample, n - 1 in the denominator
  double freedom = 0;   // n - 1
};

// What the variances of all samples have in common: as if each sample brought `freedom` more degrees of
// freedom with that variance. Infinite freedom: they differ by no more than chance has it.
using VariancePrior = SampleVariance;

// From three samples with a positive variance on; else nothing.
std::optional<VariancePrior> fit_variance_prior(std::span<const SampleVariance> samples);

// The variance that the sample and the prior give together, and its degrees of freedom, at most kMostFreedom.
inline constexpr double kMostFreedom = 1000;
SampleVariance moderate(const SampleVariance& sample, const VariancePrior& prior);

}  // namespace millrace::stats
