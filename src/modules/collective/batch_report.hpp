// SPDX-License-Identifier: Apache-2.0
// What a rank says of a batch of collectives once it knows all ranks' times.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "millrace/probe.hpp"
#include "modules/collective/batch.hpp"
#include "modules/collective/request.hpp"

namespace millrace::collective {

inline constexpr int kUnsettled = 2;  // batches at first of which a probe's own figures are not taken

// The collectives' latencies, of the slowest rank, into rank 0's recorder.
void record_latencies(sdk::Recorder& recorder, const BatchTimes& batch);

// Of a settled batch: every rank its rank_time_s; rank 0 algorithm_bytes_per_s, bus_bytes_per_s, between
// hosts wire_floor_bytes_per_s, where `algorithm` tells how bytes went ("ring"; "": unknown)
// wire_bytes_per_s, and arrival_skew_s with a count of who was latest.
void report_batch(const sdk::Host& host, const Request& request, const BatchTimes& batch,
                  std::span<const Interval> mine, std::string_view algorithm = {});

}  // namespace millrace::collective
