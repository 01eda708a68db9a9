// SPDX-License-Identifier: Apache-2.0
// The RDMA ports of this host.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "modules/rdma/gids.hpp"
#include "modules/rdma/settings.hpp"
#include "modules/rdma/verbs.hpp"
#include "units/result.hpp"

namespace millrace::rdma {

struct Port {
  std::string device;
  std::uint8_t number = 1;
  ibv_port_attr attributes{};
  int numa_node = -1;
  std::string interface;  // of the network it is a part of, "eth0"; "" where unknown
  bool software = false;  // the kernel does the work (rxe, siw), on the same CPUs

  [[nodiscard]] std::string text() const;
  [[nodiscard]] bool is_infiniband() const { return attributes.link_layer == IBV_LINK_LAYER_INFINIBAND; }
  [[nodiscard]] unsigned mtu_bytes() const { return 128U << attributes.active_mtu; }
};

// Names of the devices that libibverbs can open; of those that the kernel lists.
std::vector<std::string> device_names();
std::vector<std::string> device_names_in(const std::filesystem::path& sysfs);

Result<Context> open_device(const std::string& name);

// The ports that the user named; each must be active. See PortName for what is meant by none and by 'all'.
Result<std::vector<Port>> find_ports(std::span<const PortName> names,
                                     const std::filesystem::path& sysfs = "/sys");

// All addresses of a port, in order of index.
Result<std::vector<Gid>> gids_of(ibv_context* context, const Port& port);

// As it is now.
std::optional<ibv_port_state> port_state(ibv_context* context, std::uint8_t port);

}  // namespace millrace::rdma
