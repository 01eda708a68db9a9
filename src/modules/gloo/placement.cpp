// SPDX-License-Identifier: Apache-2.0
#include "modules/gloo/placement.hpp"

#include <string_view>

#include "modules/collective/interface_of.hpp"

namespace millrace::gloo {
namespace {

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
    nic = find(host, "nic",
               [id = "nic:" + collective::interface_of(address)](const auto& e) { return e.id == id; });
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
