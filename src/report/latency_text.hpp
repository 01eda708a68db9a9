// SPDX-License-Identifier: Apache-2.0
// A verdict by time: its parts one below the other, with where each figure is from.
#pragma once

#include <string>

#include "record/result.hpp"
#include "report/terminal.hpp"

namespace millrace::report {

// Of a diagnosis with a latency.
std::string latency_text(const record::Diagnosis& diagnosis, const TextStyle& style);

}  // namespace millrace::report
