// SPDX-License-Identifier: Apache-2.0
// What holds inside one struct beyond the types of its fields. Each says which rule is broken, or nothing
// ("").
#pragma once

#include <string>

#include "record/result.hpp"

namespace millrace::record {

std::string broken_rule(const Estimate& estimate);
std::string broken_rule(const LatencyHistogram& histogram);
std::string broken_rule(const Slices& slices);
std::string broken_rule(const Measurement& measurement);
std::string broken_rule(const Diagnosis& diagnosis);

}  // namespace millrace::record
