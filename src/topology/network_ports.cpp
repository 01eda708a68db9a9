// SPDX-License-Identifier: Apache-2.0
#include "topology/network_ports.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>

#include "topology/pci_devices.hpp"

namespace millrace::topology {
namespace {

std::optional<NetworkPort> read_interface(const FileRoot& root, const std::string& name) {
  const std::string at = "/sys/class/net/" + name;
  const auto real = root.resolve(at);
  if (!real || real->string().find("/devices/virtual/") != std::string::npos) return std::nullopt;
  if (root.exists(at + "/device/physfn")) return std::nullopt;
  NetworkPort port;
  port.interface = name;
  port.pci = pci_address_in(real->string());
  port.kind = real->string().find("/virtio") != std::string::npos ? "virtio" : "Ethernet";
  if (root.number(at + "/type").value_or(1) == 32) port.kind = "InfiniBand";  // ARPHRD_INFINIBAND
  port.state = root.text(at + "/operstate").value_or("unknown");
  port.port = static_cast<int>(root.number(at + "/dev_port").value_or(0)) + 1;
  const auto megabits = root.number(at + "/speed").value_or(-1);
  if (megabits > 0 && megabits < 0xFFFFFFFF) {
    port.bytes_per_s = static_cast<double>(megabits) * 1e6 / 8;
    port.rate_text = fmt::format("{:g} Gb/s", static_cast<double>(megabits) / 1000);
  } else {
    port.rate_text = port.state == "down" ? "no carrier" : "speed not told by the driver";
  }
  return port;
}

std::string uverbs_of(const FileRoot& root, const std::string& device) {
  for (const std::string& name : root.names("/sys/class/infiniband_verbs"))
    if (root.text("/sys/class/infiniband_verbs/" + name + "/ibdev") == device)
      return "/dev/infiniband/" + name;
  return {};
}

// A device that software makes over a network interface (rxe, siw) tells a rate that somebody wrote into its
// driver. What limits it is that interface, and the CPU.
void tell_rate_of_software(const FileRoot& root, const std::string& at, const std::vector<NetworkPort>& ports,
                           NetworkPort& here) {
  const std::string below = root.text(at + "/parent").value_or("");
  here.rate_text = "software";
  here.bytes_per_s = std::nullopt;
  if (below.empty()) return;
  here.rate_text += " over " + below;
  const auto found = std::find_if(ports.begin(), ports.end(),
                                  [&](const NetworkPort& port) { return port.interface == below; });
  if (found == ports.end()) return;
  here.rate_text += ": " + found->rate_text;
  if (here.state == "ACTIVE") here.bytes_per_s = found->bytes_per_s;
}

void read_rdma_device(const FileRoot& root, const std::string& device, std::vector<NetworkPort>& ports) {
  const std::string at = "/sys/class/infiniband/" + device;
  const auto real = root.resolve(at);
  if (!real || root.exists(at + "/device/physfn")) return;
  const std::string pci = pci_address_in(real->string());  // empty: rxe, siw over an Ethernet interface
  for (const std::string& number : root.names(at + "/ports")) {
    NetworkPort port;
    port.port = std::atoi(number.c_str());
    const auto shared = std::find_if(ports.begin(), ports.end(), [&](const NetworkPort& p) {
      return !pci.empty() && p.pci == pci && p.port == port.port && p.rdma.empty();
    });
    NetworkPort& here = shared == ports.end() ? ports.emplace_back(port) : *shared;
    const std::string folder = at + "/ports/" + number;
    const std::string state = root.text(folder + "/state").value_or("");  // "4: ACTIVE"
    const auto colon = state.find(": ");
    here.rdma = device;
    here.pci = pci;
    here.state = colon == std::string::npos ? state : state.substr(colon + 2);
    here.kind = root.text(folder + "/link_layer").value_or("InfiniBand");
    here.firmware = root.text(at + "/fw_ver").value_or("");
    here.rdma_device = uverbs_of(root, device);
    here.rate_text = root.text(folder + "/rate").value_or("rate not told");
    // A port that is down shows the lowest rate there is, which limits nothing.
    here.bytes_per_s = here.state == "ACTIVE" ? rdma_bytes_per_s(here.rate_text) : std::nullopt;
    if (pci.empty()) tell_rate_of_software(root, at, ports, here);
  }
}

}  // namespace

std::optional<double> rdma_bytes_per_s(const std::string& rate) {
  const double gigabits = std::strtod(rate.c_str(), nullptr);
  if (gigabits <= 0) return std::nullopt;
  double encoding = 1;
  for (const char* symbols : {"SDR", "DDR", "QDR"})
    if (rate.find(std::string(" ") + symbols) != std::string::npos) encoding = 8.0 / 10;
  if (rate.find(" FDR") != std::string::npos) encoding = 64.0 / 66;
  return gigabits * 1e9 / 8 * encoding;
}

std::vector<NetworkPort> read_network_ports(const FileRoot& root) {
  std::vector<NetworkPort> ports;
  for (const std::string& name : root.names("/sys/class/net"))
    if (auto port = read_interface(root, name)) ports.push_back(std::move(*port));
  for (const std::string& device : root.names("/sys/class/infiniband")) read_rdma_device(root, device, ports);
  return ports;
}

}  // namespace millrace::topology
