// SPDX-License-Identifier: Apache-2.0
// What the parameters came to on a link, for the record: defaults differ by size, memory and device, and a
// figure without them says little.
#pragma once

#include "millrace/probe.hpp"
#include "modules/rdma/link_end.hpp"

namespace millrace::rdma {

// Each end says its own port; the initiator what both have in common.
void say_parameters(const sdk::Host& host, const LinkEnd& end);

}  // namespace millrace::rdma
