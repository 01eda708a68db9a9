// SPDX-License-Identifier: Apache-2.0
// Which IP addresses a link may run between on a host that was asked to take part: those that this host
// agreed to (millrace_host.may_use_address), whichever the other end names, as its own or by the choice of a
// port. It holds for GIDs that are IP addresses, of RoCE and of whatever rdma_cm resolves; InfiniBand's own
// LIDs and GIDs are none: who reaches whom there is what the subnet manager's partitions say.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "modules/rdma/gids.hpp"
#include "modules/rdma/verbs.hpp"
#include "units/result.hpp"

namespace millrace::rdma {

using MayUse = std::function<bool(const std::string& address)>;

// Leaves this host's GIDs that may be used. Fails where none is left. `here`: the end, for the message.
Result<void> keep_allowed(std::vector<Gid>& gids, const std::string& here, const MayUse& may_use);

// Fails where the other end's address may not be used.
Result<void> check_allowed(const Gid& theirs, const std::string& there, const MayUse& may_use);

// Whether a queue pair that is set up so sends to that GID: rdma_cm takes the address from what came in.
bool leads_to(const ibv_ah_attr& way, const Gid& theirs);

}  // namespace millrace::rdma
