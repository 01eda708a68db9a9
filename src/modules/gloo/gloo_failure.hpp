// SPDX-License-Identifier: Apache-2.0
// What Gloo throws, as a person wants to read it.
#pragma once

#include <exception>

#include "millrace/probe.hpp"
#include "units/result.hpp"

namespace millrace::gloo {

// "<doing>: Connection closed by peer [10.0.0.2]:4242", without the line of Gloo's source, and the way out.
Error gloo_error(const std::exception& thrown, const std::string& doing);

// Whether it only follows from what happened to another rank, which will say it better.
bool is_a_consequence(const std::exception& thrown);

// host.fail, host.unavailable or neither, by the error's kind.
sdk::Outcome report(const sdk::Host& host, const Error& error);
inline tl::unexpected<Error> stopped_from_outside() { return failure({}, {}, Exit::kInterrupted); }

// The core learns that a rank died, and stops the others, a moment after these notice: waits that moment.
bool soon_cancelled(const sdk::Host& host);

}  // namespace millrace::gloo
