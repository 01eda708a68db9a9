// SPDX-License-Identifier: Apache-2.0
#include "run/numeric_address.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>

#include <algorithm>
#include <cstdint>
#include <cstring>

namespace millrace::run {
namespace {

constexpr const char* kExample = "for example 10.0.0.1 or fd00::1: `ip address` lists a host's";

Result<std::string> spelled(const std::string& text, in_addr address) {
  const std::uint32_t bits = ntohl(address.s_addr);
  if (bits == INADDR_ANY) return failure(fmt::format("'{}' is every address of a host", text), kExample);
  if (IN_MULTICAST(bits) || bits == INADDR_BROADCAST)
    return failure(fmt::format("'{}' is the address of many hosts", text), kExample);
  char spelling[INET_ADDRSTRLEN] = {};
  return inet_ntop(AF_INET, &address, spelling, sizeof(spelling));
}

}  // namespace

Result<std::string> numeric_address(const std::string& text) {
  in_addr v4{};
  if (inet_pton(AF_INET, text.c_str(), &v4) == 1) return spelled(text, v4);
  const std::size_t scope = std::min(text.find('%'), text.size());
  in6_addr v6{};
  if (inet_pton(AF_INET6, text.substr(0, scope).c_str(), &v6) != 1)
    return failure(fmt::format("'{}' is no numeric IP address", text), kExample);
  if (IN6_IS_ADDR_V4MAPPED(&v6)) {
    std::memcpy(&v4, v6.s6_addr + 12, sizeof(v4));
    return spelled(text, v4);
  }
  if (IN6_IS_ADDR_UNSPECIFIED(&v6))
    return failure(fmt::format("'{}' is every address of a host", text), kExample);
  if (IN6_IS_ADDR_MULTICAST(&v6))
    return failure(fmt::format("'{}' is the address of many hosts", text), kExample);
  char spelling[INET6_ADDRSTRLEN] = {};
  return inet_ntop(AF_INET6, &v6, spelling, sizeof(spelling)) + text.substr(scope);
}

}  // namespace millrace::run
