// SPDX-License-Identifier: Apache-2.0
// What mending the parts of an answer that is late gives, and which part takes most then.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "diagnose/explanation.hpp"
#include "diagnose/latency/answer.hpp"

namespace millrace::diagnose {

struct LatencyReliefStep {
  std::size_t part = 0;             // of the answer's
  double factor = 1;                // times as fast; of a computed queue, times the replicas; rounded up
  std::optional<double> p99_s;      // with this and all steps before it; nothing where it is not resolved
  std::optional<std::size_t> next;  // takes most where this one takes nothing
};

// What has to be mended whatever the budget says: by how much at least.
struct LeastRelief {
  std::size_t part = 0;
  double factor = 1;
};

struct LatencyRelief {
  std::vector<LatencyReliefStep> steps;   // empty: the budget is kept by no thousandth of any part's time
  std::optional<double> without_first_s;  // p99 where the first one takes nothing
};

// The part that takes most at p99 is mended first; where the budget is not kept without it either, the one
// that takes most then joins it, and so on. All of them by one factor, the least that keeps the budget. Each
// sum is computed anew, with the queue that follows from it.
LatencyRelief relieve_latency(const std::vector<PartTime>& parts, const workload::Serving& serving,
                              std::optional<LeastRelief> least = {});

// The part that takes most at its 99th percentile. Overloaded, the queue does: it grows for ever.
std::size_t worst_part(const Answer& answer);

// " Mend prefill: 2.1 × as fast (p99 16 ms) keeps the budget; then first token takes most."
std::string latency_relief_words(const LatencyRelief& relief, const Answer& answer,
                                 const workload::Serving& serving);
std::vector<record::Relief> relief_record(const LatencyRelief& relief, const Answer& answer);
void explain_latency_relief(const LatencyRelief& relief, const Answer& answer,
                            const workload::Serving& serving, std::vector<record::ExplanationStep>& into);

}  // namespace millrace::diagnose
