// SPDX-License-Identifier: Apache-2.0
#include "diagnose/proof.hpp"

#include <algorithm>
#include <cmath>

#include "diagnose/conventions.hpp"
#include "diagnose/evidence.hpp"
#include "diagnose/utilization.hpp"

namespace millrace::diagnose {

std::optional<Proof> prove(const record::Document& document, const workload::Profile& profile) {
  const record::Measurement* run = proof_of(document, profile);
  if (!run) return std::nullopt;
  Job job{workload::scaled(profile, number(*run, conventions::kScale).value_or(1)), 1, 0};
  job.accelerators =
      std::clamp(static_cast<int>(number(*run, conventions::kAccelerators).value_or(1)), 1, 1 << 20);
  for (const char* name : {"prefetch_batches", "prefetch"})
    if (const auto prefetch = number(*run, name); prefetch && *prefetch >= 1)
      job.profile.input.prefetch_batches = static_cast<int>(std::min(*prefetch, 1024.0));
  if (const auto steps = run->metrics.find(conventions::kStepMetric); steps != run->metrics.end()) {
    const auto repeats = std::max<std::size_t>(1, run->repeats.size());
    job.steps = static_cast<int>(std::clamp<std::uint64_t>(steps->second.count / repeats, 2, 4096));
  }
  // The hops' capacities are those of the workload: no measurement of the proof is among them.
  const FeedPath path = feed_path(document, profile, job.accelerators);
  const bool anything =
      std::any_of(path.hops.begin(), path.hops.end(), [](const Hop& hop) { return hop.capacity.known(); });
  if (!anything) return std::nullopt;
  return Proof{run, Simulation(job).utilization(rates_of(path)),
               run->metrics.at(conventions::kUtilizationMetric).mean};
}

}  // namespace millrace::diagnose
