// SPDX-License-Identifier: Apache-2.0
// The sum behind the verdict on a training job's feed path, line by line.
#pragma once

#include <string>
#include <vector>

#include "diagnose/feed_path.hpp"
#include "record/result.hpp"
#include "workload/profile.hpp"

namespace millrace::diagnose {

// Demand → path → capacity of each hop with its evidence → use of each → what binds → the step → the verdict
// → relief → proof. All figures are those of the diagnosis, which must be complete but for its explanation.
std::vector<record::ExplanationStep> explain_feed(const record::Document& document,
                                                  const workload::Profile& profile, const FeedPath& path,
                                                  const record::Diagnosis& diagnosis);

// How a hop's capacity follows from what was measured; empty where the mean of the repeats is all there is to
// it (explain_capacity.cpp). Lines of part "capacity". `crossings`: how often a byte of a record crosses
// memory.
std::vector<record::ExplanationStep> explain_capacity(const record::Document& document, const Hop& hop,
                                                      double crossings);

// The second half of it, from what binds to the proof (explain_outcome.cpp).
std::vector<record::ExplanationStep> explain_outcome(const workload::Profile& profile,
                                                     const record::Diagnosis& diagnosis);

// What a hop can carry by its best figure: measured, else its limit, and never more than that.
double available_of(const record::RankedHop& hop);
std::string name_for_people(const record::RankedHop& hop);

}  // namespace millrace::diagnose
