// SPDX-License-Identifier: Apache-2.0
// A fabric in a few lines for people.
#pragma once

#include <string>

#include "fabric/fabric.hpp"

namespace millrace::fabric {

// What one and several of a resource are called, whatever the direction: "leaf uplink", "leaf uplinks"; and
// which direction it is: "upwards", or empty.
std::string noun(Kind kind, bool several);
std::string direction(Kind kind);

// Bytes/s between two halves of the hosts, each half whole pods (or whole leaf groups, or whole hosts, where
// there is one pod or group): the least of what its hosts, leaves and spines carry upwards, in one direction,
// where every one of them is as its kind says. Nothing where a rate on the way is unknown.
std::optional<double> bisection(const Fabric& fabric);

// Hosts, switches tier by tier, oversubscription, bisection, storage, what differs. Ends with a newline.
std::string describe(const Fabric& fabric);

}  // namespace millrace::fabric
