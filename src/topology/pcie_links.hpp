// SPDX-License-Identifier: Apache-2.0
// PCIe links: which two ends each has, what it runs at, what both ends could, and how many bytes a second
// that is.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "topology/pci_devices.hpp"

namespace millrace::topology {

enum class Direction { kTowardsMemory, kFromMemory };

// What a link can carry in one direction, in bytes of payload per second:
//   transfers/s · lanes ÷ 8 · encoding · payload ÷ (payload + overhead)
// Encoding: 8b/10b up to 5 GT/s, 128b/130b from 8 to 32 GT/s; at 64 GT/s and above 236 of a flit's 256 bytes
// carry packets (PCI Express Base Specification 6.0, 4.2.1 and 4.2.3). Overhead per packet: 24 bytes for a
// memory write with a 64-bit address (a device writing to memory), 20 for a completion with data (a device
// reading memory): framing 2, data link layer 6, header 16 or 12; in flit mode only the header counts. (R.
// Neugebauer et al., "Understanding PCIe performance for end host networking", SIGCOMM 2018.)
// Acknowledgements and flow control cost some more, which depends on traffic: the figure is what physics
// allows. Without `max_payload` the packets' overhead is left out. Null where the rate is unknown or of no
// known generation.
std::optional<double> payload_rate(const LinkRate& rate, Direction direction, std::optional<int> max_payload);

struct PcieLink {
  std::string child;  // the function at the lower end; the first of several that share the link
  std::string
      port;  // root port or switch downstream port at the upper end; empty: not visible (passed through)
  std::string above;       // the switch (its upstream port) that the link leads to; empty: the socket
  LinkRate running;        // as read now: devices train down when idle
  LinkRate possible;       // the lesser maximum of both ends, in speed and in width each; unknown: the
                           // link tells nothing, but its port tells where it is
  LinkRate child_maximum;  // what the lower end could in a better slot
  std::optional<int> max_payload;  // bytes, the lesser of both ends
  bool is_switch_uplink = false;
  bool port_is_of_switch = false;  // else it is a root port
  bool is_emulated = false;        // so `possible` is unknown, whatever sysfs says
};

// The tree of a machine's PCIe links. It refers to `devices`, which must outlive it. In a virtual machine
// ports and switches are emulated, since bridges cannot be passed through, and what they say means nothing
// (QEMU's root port: 2.5 GT/s x1 before any GPU; its switch: 2.5 GT/s x1 above whatever drives): a link is
// judged by a passed-through device alone, and an emulated device's link has a place but no rate.
class PcieTree {
 public:
  PcieTree(const PciDevices& devices, bool virtual_machine);

  [[nodiscard]] const std::vector<PcieLink>& links() const { return links_; }
  // The link that a function's bytes cross first, shared by all functions of its slot; null: integrated in
  // the root complex, or neither a rate nor a port is told.
  [[nodiscard]] const PcieLink* link_of(const std::string& address) const;
  // The switch (its upstream port) that a function without a link of its own sits in; empty: the socket.
  [[nodiscard]] std::string switch_above(const std::string& address) const;

 private:
  const PciDevice* find(const std::string& address) const;
  std::optional<PcieLink> make_link(const PciDevice& device) const;

  const PciDevices& devices_;
  bool virtual_machine_;
  std::vector<PcieLink> links_;                  // ordered by child
  std::map<std::string, std::size_t> by_place_;  // port, or bus and device where no port shows -> links_
};

// "16 GT/s x4"
std::string to_text(const LinkRate& rate);

}  // namespace millrace::topology
