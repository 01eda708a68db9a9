// SPDX-License-Identifier: Apache-2.0
// Runs code that may crash or hang (a vendor's library at its first touch) in a forked child.
#pragma once

#include <functional>
#include <string>

#include "units/quantity.hpp"
#include "units/result.hpp"

namespace millrace {

// What `call` returned, carried over a pipe. A crash, a time-out or an early exit is an Error that says
// which: "crashed (SIGSEGV)", "did not answer within 5 s", "threw an exception: …". The child and what it
// started in its process group are gone when this returns. The caller must be single-threaded. The child's
// standard output and error are dropped.
Result<std::string> guarded_call(const std::function<std::string()>& call, Duration timeout);

}  // namespace millrace
