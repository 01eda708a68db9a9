// SPDX-License-Identifier: Apache-2.0
// What a port and its device counted: /sys/class/infiniband/DEVICE/ports/N/{counters,hw_counters}.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>

namespace millrace::rdma {

using PortCounters = std::map<std::string, std::uint64_t>;

PortCounters read_port_counters(const std::string& device, unsigned port,
                                const std::filesystem::path& sysfs = "/sys");

// What was counted in between; of what tells of loss and congestion also what did not grow, since that is
// evidence too. The words of 4 bytes that port_xmit_data and port_rcv_data count (InfiniBand Architecture
// Specification vol. 1, 16.1.3.5) become bytes.
std::map<std::string, double> growth(const PortCounters& before, const PortCounters& after);

// Growth that says that packets were lost or had to be sent again; that congestion was signalled.
bool tells_of_loss(const std::map<std::string, double>& grown);
bool tells_of_congestion(const std::map<std::string, double>& grown);

}  // namespace millrace::rdma
