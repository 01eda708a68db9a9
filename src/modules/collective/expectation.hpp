// SPDX-License-Identifier: Apache-2.0
// What ranks put into a collective, and the check of what they got out: to the bit (see pattern.hpp).
#pragma once

#include <cstddef>
#include <span>

#include "modules/collective/pattern.hpp"
#include "modules/collective/request.hpp"

namespace millrace::collective {

// One period of a rank's input, for a result that can be checked.
Period input_of(const Request& request, int rank);

// What arrays hold while it is measured: the same, but where a sum or product takes the place of its own
// input, numbers would grow from one collective to the next without end: zeros and ones stay.
Period resting_input_of(const Request& request, int rank);

// Holds a rank's output against what it must be. The error names the first element that is wrong, and whose
// input it should have come from; `suspects` is its hint.
Result<void> check_output(const Request& request, int rank, std::span<const std::byte> output,
                          const char* suspects);

}  // namespace millrace::collective
