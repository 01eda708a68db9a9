// SPDX-License-Identifier: Apache-2.0
#include "modules/collective/interface_of.hpp"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>

#include <cstring>
#include <memory>

namespace millrace::collective {
namespace {

bool has_address(const sockaddr* of, const std::string& address) {
  if (of == nullptr) return false;
  in6_addr wanted{};
  if (of->sa_family == AF_INET && inet_pton(AF_INET, address.c_str(), &wanted) == 1)
    return std::memcmp(&reinterpret_cast<const sockaddr_in*>(of)->sin_addr, &wanted, sizeof(in_addr)) == 0;
  if (of->sa_family == AF_INET6 && inet_pton(AF_INET6, address.c_str(), &wanted) == 1)
    return std::memcmp(&reinterpret_cast<const sockaddr_in6*>(of)->sin6_addr, &wanted, sizeof(in6_addr)) == 0;
  return false;
}

}  // namespace

std::string interface_of(const std::string& address) {
  // Of a link-local address every interface may have one, so the one that is meant stands with it.
  if (const std::size_t scope = address.find('%'); scope != std::string::npos)
    return address.substr(scope + 1);
  ifaddrs* first = nullptr;
  if (getifaddrs(&first) != 0) return {};
  const std::unique_ptr<ifaddrs, decltype(&freeifaddrs)> all(first, &freeifaddrs);
  for (const ifaddrs* at = first; at != nullptr; at = at->ifa_next)
    if (has_address(at->ifa_addr, address)) return at->ifa_name;
  return {};
}

}  // namespace millrace::collective
