// SPDX-License-Identifier: Apache-2.0
#include "run/peer/attached_networks.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>

#include <bit>
#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>

namespace millrace::run::peer {
namespace {

// "10.9.1.1/24"; nothing where it is no IP address, or has no network.
std::optional<std::string> network_of(const sockaddr* address, const sockaddr* mask) {
  if (address == nullptr || mask == nullptr) return std::nullopt;
  const bool v6 = address->sa_family == AF_INET6;
  if (!v6 && address->sa_family != AF_INET) return std::nullopt;
  const std::size_t at = v6 ? offsetof(sockaddr_in6, sin6_addr) : offsetof(sockaddr_in, sin_addr);
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(mask) + at;
  int prefix = 0;
  for (std::size_t i = 0; i < (v6 ? 16U : 4U); ++i) prefix += std::popcount(bytes[i]);
  char text[INET6_ADDRSTRLEN];
  if (prefix == 0 || inet_ntop(address->sa_family, reinterpret_cast<const std::uint8_t*>(address) + at, text,
                               sizeof(text)) == nullptr)
    return std::nullopt;
  return fmt::format("{}/{}", text, prefix);
}

// The prefix of a link between two points is the other end's.
const sockaddr* neighbours_of(const ifaddrs& one) {
  return (one.ifa_flags & IFF_POINTOPOINT) != 0 && one.ifa_dstaddr != nullptr ? one.ifa_dstaddr
                                                                              : one.ifa_addr;
}

}  // namespace

std::vector<std::string> attached_networks() {
  std::vector<std::string> networks{"169.254.0.0/16", "fe80::/64"};
  ifaddrs* first = nullptr;
  if (getifaddrs(&first) != 0) return networks;
  const std::unique_ptr<ifaddrs, decltype(&freeifaddrs)> all(first, &freeifaddrs);
  for (const ifaddrs* one = first; one != nullptr; one = one->ifa_next)
    if ((one->ifa_flags & IFF_UP) != 0 && (one->ifa_flags & IFF_LOOPBACK) == 0)
      if (auto network = network_of(neighbours_of(*one), one->ifa_netmask))
        networks.push_back(std::move(*network));
  return networks;
}

}  // namespace millrace::run::peer
