// SPDX-License-Identifier: Apache-2.0
// One measurement from two goes at it: the repeats that a journal kept and those that were done later.
#pragma once

#include "record/result.hpp"

namespace millrace::record {

// All repeats of both, the earlier ones first. Sums, means, latencies (whose histograms merge exactly),
// counters and stages are those of all repeats, the interval is over all repeats (Student's t). What only the
// samples would tell, and documents do not hold them, is null: percentiles of slices and of metrics. Slices,
// participants, path and parameters are the later one's. Where the later one failed, so has the whole.
Measurement pool_repeats(const Measurement& earlier, const Measurement& later);

}  // namespace millrace::record
