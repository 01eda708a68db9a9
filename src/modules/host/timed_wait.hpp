// SPDX-License-Identifier: Apache-2.0
// A wait as long as was asked for, to within microseconds on an idle core, that leaves the core to others
// meanwhile.
#pragma once

#include <cstdint>

namespace millrace::host {

// Sleeps until shortly before the end, then spins. Returns what it took, which is more than `ns` when the
// kernel woke the thread late. Nothing for ns <= 0.
std::int64_t wait_for(std::int64_t ns);

}  // namespace millrace::host
