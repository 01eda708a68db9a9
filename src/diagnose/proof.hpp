// SPDX-License-Identifier: Apache-2.0
// Prediction beside the pipeline's own measurement.
#pragma once

#include <optional>

#include "diagnose/feed_path.hpp"
#include "workload/profile.hpp"

namespace millrace::diagnose {

struct Proof {
  const record::Measurement* run = nullptr;
  double predicted =
      0;  // utilization of exactly what the run did: its scale, accelerators, steps and prefetch
  double measured = 0;
  [[nodiscard]] double residual() const { return predicted - measured; }
};

// Nothing where the pipeline did not run this workload.
std::optional<Proof> prove(const record::Document& document, const workload::Profile& profile);

inline constexpr double kLargeResidual = 0.10;

}  // namespace millrace::diagnose
