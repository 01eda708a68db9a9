// SPDX-License-Identifier: Apache-2.0
#include "modules/tcp/placement.hpp"

#include <fmt/format.h>

#include <filesystem>
#include <map>
#include <string_view>
#include <vector>

#include "modules/tcp/route.hpp"

namespace millrace::tcp {
namespace {

namespace fs = std::filesystem;

const millrace_endpoint* nic_named(const sdk::Host& host, const std::string& device) {
  for (std::uint32_t i = 0; const millrace_endpoint* endpoint = host.endpoint(i); ++i)
    if (std::string_view(endpoint->kind) == "nic" && endpoint->id == "nic:" + device) return endpoint;
  return nullptr;
}

// The NIC below a device: itself, or what a VLAN or bridge stands on (/sys/class/net/DEVICE/lower_*). A bond
// of several is as good as unknown: its streams are spread over all.
const millrace_endpoint* nic_below(const sdk::Host& host, const std::string& device) {
  if (const millrace_endpoint* endpoint = nic_named(host, device)) return endpoint;
  std::vector<std::string> lower;
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator("/sys/class/net/" + device, error))
    if (const std::string name = entry.path().filename(); name.starts_with("lower_"))
      lower.push_back(name.substr(6));
  return lower.size() == 1 && lower.front() != device ? nic_below(host, lower.front()) : nullptr;
}

std::string memory_near(const sdk::Host& host, int numa_node) {
  std::string first;
  for (std::uint32_t i = 0; const millrace_endpoint* endpoint = host.endpoint(i); ++i) {
    if (std::string_view(endpoint->kind) != "memory") continue;
    if (endpoint->numa_node == numa_node) return endpoint->id;
    if (first.empty()) first = endpoint->id;
  }
  return first.empty() ? "memory:0" : first;
}

}  // namespace

Placement placement_of(const sdk::Host& host, const LinkOptions& options) {
  Placement placement;
  if (host.hosts() > 1) {
    const bool client = host.host_index() == 0;
    const Result<Address> server = server_address(host, options, client ? 1 : host.host_index());
    const Result<std::string> device =
        !server ? Result<std::string>(tl::unexpected(server.error()))
                : device_towards(client ? *server : options.client, client ? options.client : *server);
    if (const millrace_endpoint* nic = device ? nic_below(host, *device) : nullptr) {
      placement.nic = nic->id;
      placement.numa_node = nic->numa_node;
    }
  }
  placement.memory = memory_near(host, placement.numa_node);
  if (placement.nic.empty()) placement.nic = placement.memory;
  return placement;
}

sdk::Outcome add_ends(const sdk::Host& host, const LinkOptions& options, bool client_sends,
                      std::uint32_t threads, std::uint64_t memory_bytes, std::uint64_t locked_bytes) {
  const Placement place = placement_of(host, options);
  const auto add = [&](bool client) {
    const bool sends = client == client_sends;
    return host.add_worker({.role = client ? "client" : "server",
                            .from = sends ? place.memory : place.nic,
                            .to = sends ? place.nic : place.memory,
                            .numa_node = place.numa_node,
                            .threads = threads,
                            .memory_bytes = memory_bytes,
                            .locked_bytes = locked_bytes});
  };
  if (host.hosts() > 1) return add(host.host_index() == 0);
  const sdk::Outcome client = add(true);
  return client == sdk::Outcome::kOk ? add(false) : client;
}

void say_route(const sdk::Host& host, std::span<const Connection> connections) {
  std::map<std::string, int> devices;
  for (const Connection& connection : connections) {
    const Result<std::string> device = device_towards(connection.peer, Address::of_socket(connection.fd()));
    ++devices[device ? *device : "unknown"];
  }
  for (const auto& [device, count] : devices) {
    host.log(MILLRACE_LOG_DEBUG, fmt::format("{} connections leave by {}", count, device));
    host.counter(("tcp:connections_via_" + device).c_str(), count);
  }
  if (devices.contains("lo")) host.raise_flag("loopback");
}

}  // namespace millrace::tcp
