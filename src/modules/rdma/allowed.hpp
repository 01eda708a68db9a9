// SPDX-License-Identifier: Apache-2.0
// Which IP addresses a link may run between on a host: those that this host agreed to
// (millrace_host.may_use_address), whichever the other end names, as its own or by the choice of a port. It
// holds for GIDs that are IP addresses, of RoCE and of whatever rdma_cm resolves; InfiniBand's own LIDs and
// GIDs are none: who reaches whom there is what the subnet manager's partitions say.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "modules/rdma/gids.hpp"
#include "modules/rdma/verbs.hpp"
#include "units/result.hpp"

namespace millrace::rdma {

struct Allowance {
  std::function<bool(const std::string& address)> may_use;
  bool asks = false;  // of the host that asked for the measurement; else of one that was asked
};

// Leaves this host's GIDs that may be used. Fails where none is left. `here`: the end, for the message.
Result<void> keep_allowed(std::vector<Gid>& gids, const std::string& here, const Allowance& allowance);

// Fails where the other end's address may not be used.
Result<void> check_allowed(const Gid& theirs, const std::string& there, const Allowance& allowance);

// Whether a queue pair that is set up so sends to that GID: rdma_cm takes the address from what came in.
bool leads_to(const ibv_ah_attr& way, const Gid& theirs);

}  // namespace millrace::rdma
