// SPDX-License-Identifier: Apache-2.0
// Whether a series, by the means of its batches, leaves its level: tests for a drift, a step, a standstill.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace millrace::stats {

struct LevelChange {
  bool real = false;
  double change = 0;     // in the unit of the series, signed
  std::size_t at = 0;    // in batches: where it begins
  double explained = 0;  // share of the variance of the batch means
};

// What the tests look at: 20 batch means; of a short series fewer, so that a batch holds 25 values (with 10
// and AR(1), phi = 0.9, correlation posed as a step in 18 % of runs) unless there would be fewer than eight.
std::vector<double> means_of_level(std::span<const double> series);

// The chance of a false alarm of either is 1 % for independent values. Nothing below five means.
// Drift: least-squares line through the means, Student's t; the change is that over the whole of it.
LevelChange find_drift(std::span<const double> means);
// Step: over all places to split the means (two at least on either side) the largest two-sample t, which is
// the likelihood-ratio form of CUSUM (Hawkins 1977), against Bonferroni's bound over the places.
LevelChange find_step(std::span<const double> means);

// Standstill: one stretch or two of means below a twentieth of the mean of all (more of them are a rhythm),
// or a least mean that lies by a third below the median, and by six standard deviations estimated from the
// median absolute deviation: a stop shorter than a batch. The change is that of the least mean from the mean
// of all.
LevelChange find_standstill(std::span<const double> means);

}  // namespace millrace::stats
