// SPDX-License-Identifier: Apache-2.0
// How a rank ends because of what happened elsewhere.
#pragma once

#include "millrace/probe.hpp"
#include "units/result.hpp"

namespace millrace::collective {

// The core learns that a rank died, and stops the others, a moment after these notice: waits that moment.
bool soon_cancelled(const sdk::Host& host);

// No failure of this rank: report() makes it Outcome::kCancelled.
inline tl::unexpected<Error> stopped_from_outside() { return failure({}, {}, Exit::kInterrupted); }

// host.fail, host.unavailable (Exit::kInconclusive) or neither, by the error's kind.
sdk::Outcome report(const sdk::Host& host, const Error& error);

}  // namespace millrace::collective
