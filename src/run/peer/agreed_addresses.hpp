// SPDX-License-Identifier: Apache-2.0
// Which addresses a probe may use on a peer: those by which the session came, and those that the peer's
// operator allowed. What the other host would like is not enough.
#pragma once

#include <string>
#include <vector>

#include "run/catalog.hpp"
#include "run/parameters.hpp"
#include "units/result.hpp"

namespace millrace::run::peer {

// Fails when a parameter that is an address names one that is not within `agreed`, see
// address_range.hpp.
Result<void> check_addresses(const ProbeInfo& probe, const Parameters& parameters,
                             const std::vector<std::string>& agreed);

}  // namespace millrace::run::peer
