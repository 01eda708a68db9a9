// SPDX-License-Identifier: Apache-2.0
#include "modules/rdma/reach.hpp"

#include <fmt/format.h>
#include <ifaddrs.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <memory>
#include <optional>
#include <span>

namespace millrace::rdma {
namespace {

using Bytes = std::span<const std::uint8_t>;

// The IP address that a GID of RoCE v2 is: 4 or 16 bytes.
Bytes address_in(const Gid& gid) { return gid.is_ipv4() ? Bytes(gid.raw).subspan(12) : Bytes(gid.raw); }

Bytes bytes_of(const sockaddr* address) {
  if (address->sa_family == AF_INET)
    return {reinterpret_cast<const std::uint8_t*>(&reinterpret_cast<const sockaddr_in*>(address)->sin_addr),
            4};
  return {reinterpret_cast<const std::uint8_t*>(&reinterpret_cast<const sockaddr_in6*>(address)->sin6_addr),
          16};
}

bool is_in_a_network_of(const std::string& interface, Bytes address) {
  ifaddrs* list = nullptr;
  if (getifaddrs(&list) != 0) return false;
  const std::unique_ptr<ifaddrs, decltype([](ifaddrs* l) { freeifaddrs(l); })> owned(list);
  const int family = address.size() == 4 ? AF_INET : AF_INET6;
  for (const ifaddrs* at = list; at != nullptr; at = at->ifa_next) {
    if (interface != at->ifa_name || at->ifa_addr == nullptr || at->ifa_netmask == nullptr ||
        at->ifa_addr->sa_family != family)
      continue;
    const Bytes own = bytes_of(at->ifa_addr), mask = bytes_of(at->ifa_netmask);
    bool same = true;
    for (std::size_t i = 0; i < address.size(); ++i) same = same && ((own[i] ^ address[i]) & mask[i]) == 0;
    if (same) return true;
  }
  return false;
}

struct Request {
  nlmsghdr header = {};
  rtmsg route = {};
  char attributes[2 * RTA_SPACE(16)] = {};

  void add(unsigned short type, Bytes address) {
    char* at = attributes + (header.nlmsg_len - NLMSG_LENGTH(sizeof(rtmsg)));
    const rtattr attribute{static_cast<unsigned short>(RTA_LENGTH(address.size())), type};
    std::memcpy(at, &attribute, sizeof(attribute));
    std::memcpy(at + RTA_LENGTH(0), address.data(), address.size());
    header.nlmsg_len += static_cast<std::uint32_t>(RTA_SPACE(address.size()));
  }
};

std::optional<std::string> leaving_by(char* answer, std::size_t size) {
  auto* header = reinterpret_cast<nlmsghdr*>(answer);
  if (size < NLMSG_LENGTH(sizeof(nlmsgerr)) || header->nlmsg_len > size) return std::nullopt;
  if (header->nlmsg_type == NLMSG_ERROR) {
    const int error = -static_cast<nlmsgerr*>(NLMSG_DATA(header))->error;
    // EINVAL: not from that address.
    const bool no_way = error == ENETUNREACH || error == EHOSTUNREACH || error == EINVAL;
    return no_way ? std::optional<std::string>("") : std::nullopt;
  }
  if (header->nlmsg_type != RTM_NEWROUTE) return std::nullopt;
  std::size_t left = header->nlmsg_len - NLMSG_LENGTH(sizeof(rtmsg));
  for (auto* attribute = RTM_RTA(NLMSG_DATA(header)); RTA_OK(attribute, left);
       attribute = RTA_NEXT(attribute, left)) {
    if (attribute->rta_type != RTA_OIF) continue;
    unsigned index = 0;
    std::memcpy(&index, RTA_DATA(attribute), sizeof(index));
    char name[IF_NAMESIZE] = {};
    return if_indextoname(index, name) != nullptr ? std::optional<std::string>(name) : std::nullopt;
  }
  return std::nullopt;
}

// The interface by which a packet would leave (rtnetlink(7)); "": there is no way; nothing: not told.
std::optional<std::string> way_of(Bytes from, Bytes to) {
  const int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
  if (fd < 0) return std::nullopt;
  Request request;
  request.header.nlmsg_len = NLMSG_LENGTH(sizeof(rtmsg));
  request.header.nlmsg_type = RTM_GETROUTE;
  request.header.nlmsg_flags = NLM_F_REQUEST;
  request.route.rtm_family = to.size() == 4 ? AF_INET : AF_INET6;
  request.route.rtm_dst_len = request.route.rtm_src_len = static_cast<unsigned char>(8 * to.size());
  request.add(RTA_DST, to);
  request.add(RTA_SRC, from);
  char answer[4096];
  ssize_t got = -1;
  if (send(fd, &request, request.header.nlmsg_len, 0) > 0) got = recv(fd, answer, sizeof(answer), 0);
  close(fd);
  return got < 0 ? std::nullopt : leaving_by(answer, static_cast<std::size_t>(got));
}

}  // namespace

std::string interface_of(const std::string& device, unsigned port, const Gid& gid) {
  std::ifstream in(
      fmt::format("/sys/class/infiniband/{}/ports/{}/gid_attrs/ndevs/{}", device, port, gid.index));
  std::string name;
  std::getline(in, name);
  return name;
}

Result<void> check_reach(const Gid& from, const Gid& to, const std::string& interface,
                         const std::string& here, const std::string& there) {
  if (interface.empty() || from.type != GidType::kRoceV2 || to.type != GidType::kRoceV2 ||
      to.is_link_local() || from.is_ipv4() != to.is_ipv4() || is_in_a_network_of(interface, address_in(to)))
    return {};
  const auto way = way_of(address_in(from), address_in(to));
  if (!way || *way == interface) return {};
  return failure(
      fmt::format(
          "{} with {} cannot reach {} with {}: that address is in no network of {}{}", here, from.text(),
          there, to.text(), interface,
          way->empty() ? ", and no route leads there" : fmt::format(", and the way there is {}", *way)),
      "pair ports of one network by --device and --peer-device, or add a route that leaves by that port");
}

}  // namespace millrace::rdma
