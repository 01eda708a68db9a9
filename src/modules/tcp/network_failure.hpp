// SPDX-License-Identifier: Apache-2.0
// What the kernel refused, as a person wants to read it: what was tried, errno's name and text, and the way
// out.
#pragma once

#include <string>

#include "millrace/probe.hpp"
#include "units/result.hpp"

namespace millrace::tcp {

// "ECONNREFUSED (Connection refused)".
std::string errno_text(int error);

// "cannot <what>: ECONNREFUSED (…)", with the usual way out for that errno where there is one, unless given.
// What this machine lacks (a protocol, an option) makes the measurement skipped, not failed.
Error network_error(int error, const std::string& what, const std::string& hint = {});
inline tl::unexpected<Error> network_failure(int error, const std::string& what,
                                             const std::string& hint = {}) {
  return tl::unexpected<Error>(network_error(error, what, hint));
}

// The run was stopped from outside: no failure, and nothing to say.
inline tl::unexpected<Error> stopped_from_outside() { return failure({}, {}, Exit::kInterrupted); }

// host.fail or host.unavailable, or neither when it was stopped from outside, by the error's kind.
sdk::Outcome report(const sdk::Host& host, const Error& error);

}  // namespace millrace::tcp
