// SPDX-License-Identifier: Apache-2.0
// What measurements that ran together did to each other.
#pragma once

#include <vector>

#include "record/result.hpp"

namespace millrace::diagnose {

// The same measurement with nothing beside it (probe, label, ends and data are the same); null: there is
// none.
const record::Measurement* alone(const record::Document& document, const record::Measurement& beside);

// For every pair of measurements that ran together, of which the victim also ran alone: the share of its
// throughput that it kept and what its 99th percentile grew by. Both are of the window in which all of them
// ran: where an aggressor outlasts its victim, what the victim moved before or after does not count, and its
// percentiles, which are of its whole time, are not told. What is not known is not a number, or nothing.
std::vector<record::Interference> interference_of(const record::Document& document);

}  // namespace millrace::diagnose
