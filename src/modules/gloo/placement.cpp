// SPDX-License-Identifier: Apache-2.0
#include "modules/gloo/placement.hpp"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>

#include <cstring>
#include <memory>
#include <string_view>

namespace millrace::gloo {
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

// "eth0"; empty: none has it.
std::string device_with(const std::string& address) {
  ifaddrs* first = nullptr;
  if (getifaddrs(&first) != 0) return {};
  const std::unique_ptr<ifaddrs, decltype(&freeifaddrs)> all(first, &freeifaddrs);
  for (const ifaddrs* at = first; at != nullptr; at = at->ifa_next)
    if (has_address(at->ifa_addr, address)) return at->ifa_name;
  return {};
}

const millrace_endpoint* find(const sdk::Host& host, std::string_view kind, const auto& fits) {
  for (std::uint32_t i = 0; const millrace_endpoint* endpoint = host.endpoint(i); ++i)
    if (endpoint->kind == kind && fits(*endpoint)) return endpoint;
  return nullptr;
}

}  // namespace

Placement placement_of(const sdk::Host& host, const Settings& s, const std::string& address) {
  Placement place;
  const millrace_endpoint* nic = nullptr;
  if (host.hosts() > 1)
    nic = find(host, "nic", [id = "nic:" + device_with(address)](const auto& e) { return e.id == id; });
  if (nic != nullptr) place.numa_node = nic->numa_node;
  const millrace_endpoint* memory = find(
      host, "memory", [&](const auto& e) { return place.numa_node < 0 || e.numa_node == place.numa_node; });
  place.from = place.to = memory == nullptr ? "memory:0" : memory->id;
  const bool crosses_whole = s.collective == collective::Collective::kAllReduce ||
                             s.collective == collective::Collective::kBroadcast;
  if (nic != nullptr && crosses_whole) (host.host_index() == 0 ? place.to : place.from) = nic->id;
  return place;
}

}  // namespace millrace::gloo
