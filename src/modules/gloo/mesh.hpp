// SPDX-License-Identifier: Apache-2.0
// Every rank connected to every other, over Gloo's TCP transport. Gloo's pairs listen each on a port of its
// own until they are connected, on the agreed address only; the ports travel by the core's exchange, and an
// address that is not the agreed one of that rank's host is refused. A pair takes the first connection that
// comes: Gloo authenticates nobody, so the network between the hosts must be trusted.
#pragma once

#include <gloo/context.h>

#include <memory>

#include "millrace/probe.hpp"
#include "modules/gloo/settings.hpp"
#include "units/result.hpp"

namespace millrace::gloo {

Result<std::shared_ptr<::gloo::Context>> connect_all(const sdk::Host& host, const Settings& settings);

// Whether this host's address serves: a socket is bound there, and closed again.
Result<void> try_address(const sdk::Host& host);

}  // namespace millrace::gloo
