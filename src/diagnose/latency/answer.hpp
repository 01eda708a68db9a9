// SPDX-License-Identifier: Apache-2.0
// The time of an answer, put together from its parts.
#pragma once

#include <cstddef>
#include <vector>

#include "diagnose/latency/parts.hpp"
#include "diagnose/latency/sum.hpp"
#include "workload/serving.hpp"

namespace millrace::diagnose {

struct Answer {
  std::vector<PartTime> parts;  // with the queue's time filled in
  std::vector<TimedPart> timed;
  TimedSum sum;
  double load = 0;          // of the replica: arrivals · mean service
  bool overloaded = false;  // more comes than the replica serves: there is no sum
};

// A part that is a queue without a time of its own: it follows from the parts that hold the replica.
bool is_computed_queue(const PartTime& part);

Answer add_up(std::vector<PartTime> parts, const workload::Serving& serving);

}  // namespace millrace::diagnose
