// SPDX-License-Identifier: Apache-2.0
// What the workers of one repeat counted.
#pragma once

#include <map>
#include <string>

#include "run/launch.hpp"

namespace millrace::run {

// Of what a measurement's counters and stages add up, this repeat's part as record::Repeat::counters has it:
// the bytes and the CPU time of the workers on this host, and the bytes and the CPU time of each stage. Its
// scatter from repeat to repeat tells how well the CPU time of a byte is known.
std::map<std::string, double> counters_of_repeat(const InstancePlan& plan, const InstanceOutcome& outcome);

}  // namespace millrace::run
