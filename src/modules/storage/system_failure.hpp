// SPDX-License-Identifier: Apache-2.0
// What the kernel refused, as a person wants to read it: what was tried, errno's name and text, and the way
// out.
#pragma once

#include <string>

#include "units/result.hpp"

namespace millrace::storage {

// "ENOSPC (No space left on device)".
std::string errno_text(int error);

// "cannot <what>: ENOSPC (…)". The hint is the usual way out for that errno where there is one, unless given.
tl::unexpected<Error> system_failure(int error, const std::string& what, const std::string& hint = {});

// Of locked memory, for this process: "64 KiB", "unlimited".
std::string memlock_limit();

}  // namespace millrace::storage
