// SPDX-License-Identifier: Apache-2.0
#include "diagnose/predict.hpp"

#include <algorithm>
#include <cmath>
#include <random>

namespace millrace::diagnose {
namespace {

constexpr std::size_t kSteadySteps = 256, kFewestSteps = 96;
constexpr std::size_t kDrawsPerPrediction = 8192;  // keeps 200 predictions within milliseconds
constexpr std::uint64_t kRecordSeed =
    0x6d696c6c72616365;  // any; fixed, so that a document gives one diagnosis

// Into how many chunks a batch is cut: records flow one by one, so the stages work on one batch at the same
// time.
std::size_t chunks_of(std::uint64_t batch, std::size_t accelerators) {
  const std::size_t most = accelerators <= 4 ? 8 : (accelerators <= 16 ? 4 : 2);
  return std::min<std::size_t>(batch, most);
}

}  // namespace

Simulation::Simulation(const Job& job) : compute_s_(job.profile.compute_s) {
  const workload::Input& input = job.profile.input;
  const bool spread = input.record_stdev_bytes > 0;
  // Without a spread all accelerators do the same at the same time: one of them with its share shows it
  // exactly.
  accelerators_ = spread ? static_cast<std::size_t>(std::clamp(job.accelerators, 1, kMostSimulated)) : 1;
  shared_share_ = static_cast<double>(accelerators_) / std::max(1, job.accelerators);
  chunks_ = chunks_of(input.batch_samples, accelerators_);
  prefetch_ = static_cast<std::size_t>(std::max(1, input.prefetch_batches));
  steps_ = job.steps > 1
               ? static_cast<std::size_t>(job.steps)
               : std::clamp(kDrawsPerPrediction / (chunks_ * accelerators_), kFewestSteps, kSteadySteps);

  std::mt19937_64 random(kRecordSeed);
  std::normal_distribution<double> normal(input.record_bytes, std::max(input.record_stdev_bytes, 1e-300));
  bytes_.reserve(steps_ * chunks_ * accelerators_);
  double total = 0;
  for (std::size_t i = 0; i < steps_ * chunks_ * accelerators_; ++i) {
    const std::size_t chunk = i / accelerators_ % chunks_;
    // Whole records, as evenly over the chunks as they go.
    const std::uint64_t whole =
        input.batch_samples * (chunk + 1) / chunks_ - input.batch_samples * chunk / chunks_;
    const auto records = static_cast<double>(whole);
    double bytes = records * input.record_bytes;
    if (spread && records <= 16) {
      bytes = 0;
      for (int r = 0; r < static_cast<int>(records); ++r)
        bytes += std::max(normal(random), 0.1 * input.record_bytes);
    } else if (spread) {
      bytes = std::max(bytes + std::sqrt(records) * (normal(random) - input.record_bytes), 0.1 * bytes);
    }
    bytes_.push_back(bytes);
    total += bytes;
  }
  const double expected = static_cast<double>(input.batch_samples) * input.record_bytes *
                          static_cast<double>(steps_ * accelerators_);
  for (double& bytes : bytes_) bytes *= expected / total;
}

double Simulation::mean_step_s(const Rates& rates) const {
  const double shared_s_per_byte = 1 / (rates.shared * shared_share_);
  std::vector<double> own_s_per_byte;
  for (double rate : rates.own)
    if (std::isfinite(rate)) own_s_per_byte.push_back(1 / rate);
  const std::size_t stages = own_s_per_byte.size();
  std::vector<double> free(stages * accelerators_, 0.0);
  std::vector<double> taken(steps_, 0.0);
  double shared_free = 0, step_end = 0, first_end = 0;
  const double* bytes = bytes_.data();
  for (std::size_t step = 0; step < steps_; ++step) {
    const double slot_free = step >= prefetch_ ? taken[step - prefetch_] : 0;
    double ready = 0;
    for (std::size_t chunk = 0; chunk < chunks_; ++chunk)
      for (std::size_t a = 0; a < accelerators_; ++a, ++bytes) {
        shared_free = std::max(shared_free, slot_free) + *bytes * shared_s_per_byte;
        double at = shared_free;
        for (std::size_t stage = 0; stage < stages; ++stage) {
          double& stage_free = free[a * stages + stage];
          at = stage_free = std::max(stage_free, at) + *bytes * own_s_per_byte[stage];
        }
        ready = std::max(ready, at);
      }
    taken[step] = std::max(ready, step_end);
    step_end = taken[step] + compute_s_;
    if (step == 0) first_end = step_end;
  }
  return (step_end - first_end) / static_cast<double>(steps_ - 1);
}

}  // namespace millrace::diagnose
