// SPDX-License-Identifier: Apache-2.0
#include "modules/rdma/route.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "modules/rdma/words.hpp"
#include "units/quantity.hpp"

namespace millrace::rdma {
namespace {

Result<std::uint32_t> agreed_mtu(const Settings& settings, const Greeting& mine, const Greeting& theirs,
                                 const std::string& here, const std::string& there) {
  const std::uint32_t least = std::min(mine.mtu, theirs.mtu);
  if (settings.mtu > least)
    return failure(
        fmt::format("--mtu {} is above the {} of {}", settings.mtu, least, mine.mtu == least ? here : there),
        fmt::format("give --mtu {} or less, or raise the MTU of its network interface", least));
  if (settings.mtu == 0 && mine.mtu != theirs.mtu)
    return failure(
        fmt::format("the MTUs differ: {} has {}, {} has {}", here, mine.mtu, there, theirs.mtu),
        fmt::format("set the same MTU on both network interfaces (ip link set ... mtu ...), or measure "
                    "with the lesser by --mtu {}",
                    least));
  return settings.mtu == 0 ? least : settings.mtu;
}

Error no_common_gid(const Greeting& mine, const Greeting& theirs, const std::string& here,
                    const std::string& there) {
  const auto has_v2 = [](const Greeting& end) {
    return std::any_of(end.gids.begin(), end.gids.end(),
                       [](const Gid& gid) { return gid.type == GidType::kRoceV2; });
  };
  for (const auto& [end, name] : {std::pair(&mine, &here), std::pair(&theirs, &there)})
    if (!has_v2(*end)) {
      Error error = no_roce_v2_gid(end->device, end->port, "");
      error.what = fmt::format("{} has no RoCE v2 GID", *name);
      return error;
    }
  return {fmt::format("{} and {} have no RoCE v2 GIDs of one kind (IPv4 or IPv6)", here, there),
          "give both network interfaces addresses of one kind, in one network"};
}

Result<std::optional<std::pair<Gid, Gid>>> agreed_gids(const Settings& settings, const Greeting& mine,
                                                       const Greeting& theirs, const std::string& my_address,
                                                       const std::string& their_address) {
  const std::string here = end_text(mine, my_address), there = end_text(theirs, their_address);
  const bool by_lid = settings.addressing == Addressing::kLid ||
                      (settings.addressing == Addressing::kAuto && mine.infiniband);
  if (by_lid && !mine.infiniband)
    return failure(fmt::format("{} is Ethernet: it has no LID", here), "leave --addressing at auto");
  if (by_lid && (mine.lid == 0 || theirs.lid == 0))
    return failure(fmt::format("{} has no LID", mine.lid == 0 ? here : there),
                   "see that a subnet manager runs, or use --addressing gid", Exit::kInconclusive);
  if (by_lid) return std::nullopt;
  if (mine.infiniband) {
    if (mine.gids.empty() || theirs.gids.empty())
      return failure(fmt::format("{} has no GID", mine.gids.empty() ? here : there), "use --addressing lid");
    return std::pair(mine.gids.front(), theirs.gids.front());
  }
  // A chosen index stands alone in the greeting, whatever its type.
  if (mine.gids.size() == 1 && theirs.gids.size() == 1 && mine.gids.front().type == theirs.gids.front().type)
    return std::pair(mine.gids.front(), theirs.gids.front());
  const auto chosen = choose_gids(mine.gids, theirs.gids, my_address, their_address);
  if (!chosen) return tl::unexpected(no_common_gid(mine, theirs, here, there));
  return chosen;
}

}  // namespace

std::string end_text(const Greeting& end, const std::string& address) {
  const std::string port = port_text(end.device, end.port);
  return address.empty() ? port : fmt::format("{} of {}", port, address);
}

Result<Route> agree(const Settings& settings, const Greeting& mine, const Greeting& theirs,
                    const std::string& my_address, const std::string& their_address) {
  const std::string here = end_text(mine, my_address), there = end_text(theirs, their_address);
  if (mine.infiniband != theirs.infiniband)
    return failure(fmt::format("{} is {}, {} is {}", here, mine.infiniband ? "InfiniBand" : "Ethernet", there,
                               theirs.infiniband ? "InfiniBand" : "Ethernet"),
                   "choose ports of one network by --device and --peer-device");
  if (mine.queue_pairs.size() != theirs.queue_pairs.size())
    return failure(fmt::format("{} has {} queue pairs, {} has {}", here, mine.queue_pairs.size(), there,
                               theirs.queue_pairs.size()),
                   "run the same version of Millrace on both hosts");
  Route route;
  const auto mtu = agreed_mtu(settings, mine, theirs, here, there);
  if (!mtu) return tl::unexpected(mtu.error());
  route.mtu = *mtu;
  if (settings.transport == Transport::kDatagram && settings.largest_size() > route.mtu)
    return failure(fmt::format("a datagram of {} does not fit the MTU of {} between {} and {}",
                               to_binary({settings.largest_size()}), route.mtu, here, there),
                   fmt::format("give --size {} or less, or use --transport rc", route.mtu));
  auto gids = agreed_gids(settings, mine, theirs, my_address, their_address);
  if (!gids) return tl::unexpected(gids.error());
  route.gids = *gids;
  route.their_lid = theirs.lid;
  route.reads = std::max<std::uint32_t>(
      1, std::min({mine.reads_as_initiator, mine.reads_as_responder, theirs.reads_as_initiator,
                   theirs.reads_as_responder, std::uint32_t{128}}));
  return route;
}

}  // namespace millrace::rdma
