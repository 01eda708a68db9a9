// SPDX-License-Identifier: Apache-2.0
#include "nccl/own_address.hpp"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <netinet/in.h>

#include <cstdlib>
#include <cstring>
#include <string>

namespace millrace::standin::nccl {

void write_own_address(char* to) {
  const char* wanted = std::getenv("NCCL_SOCKET_IFNAME");
  const char* of = std::getenv("NCCL_SOCKET_FAMILY");
  const std::string family = of == nullptr ? "AF_INET" : of;
  std::string interface = wanted == nullptr ? "lo" : wanted;
  if (interface.starts_with('=')) interface.erase(0, 1);
  sockaddr_in loopback{};
  loopback.sin_family = AF_INET;
  loopback.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  std::memcpy(to, &loopback, sizeof loopback);
  ifaddrs* all = nullptr;
  if (getifaddrs(&all) != 0) return;
  const int number = family == "AF_INET6" ? AF_INET6 : AF_INET;
  for (const ifaddrs* at = all; at != nullptr; at = at->ifa_next) {
    if (at->ifa_addr == nullptr || at->ifa_addr->sa_family != number || interface != at->ifa_name) continue;
    std::memcpy(to, at->ifa_addr, number == AF_INET6 ? sizeof(sockaddr_in6) : sizeof(sockaddr_in));
    break;
  }
  freeifaddrs(all);
}

}  // namespace millrace::standin::nccl
