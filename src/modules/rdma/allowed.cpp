// SPDX-License-Identifier: Apache-2.0
#include "modules/rdma/allowed.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

namespace millrace::rdma {
namespace {

tl::unexpected<Error> not_allowed(const std::string& end, const std::string& addresses,
                                  const std::string& one, bool asks) {
  if (asks)
    return failure(fmt::format("{} has {}: neither an address of the session, nor in a network that this "
                               "host is attached to, nor allowed here",
                               end, addresses),
                   fmt::format("give --allow-address {} here too, or its network as ADDRESS/BITS", one),
                   Exit::kInconclusive);
  return failure(fmt::format("{} has {}: neither an address of the session nor one that this peer allows",
                             end, addresses),
                 fmt::format("start that peer with --allow-address {}, or its network as ADDRESS/BITS", one),
                 Exit::kInconclusive);
}

}  // namespace

Result<void> keep_allowed(std::vector<Gid>& gids, const std::string& here, const Allowance& allowance) {
  std::string refused, first;
  std::erase_if(gids, [&](const Gid& gid) {
    if (allowance.may_use(gid.text())) return false;
    refused += (refused.empty() ? "" : ", ") + gid.text();
    // A link-local address says least about the network that is meant.
    if (first.empty() || !gid.is_link_local()) first = gid.text();
    return true;
  });
  if (gids.empty() && !refused.empty()) return not_allowed(here, refused, first, allowance.asks);
  return {};
}

Result<void> check_allowed(const Gid& theirs, const std::string& there, const Allowance& allowance) {
  if (allowance.may_use(theirs.text())) return {};
  return not_allowed(there, theirs.text(), theirs.text(), allowance.asks);
}

bool leads_to(const ibv_ah_attr& way, const Gid& theirs) {
  return way.is_global != 0 && std::memcmp(way.grh.dgid.raw, theirs.raw.data(), theirs.raw.size()) == 0;
}

}  // namespace millrace::rdma
