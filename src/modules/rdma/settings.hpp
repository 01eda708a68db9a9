// SPDX-License-Identifier: Apache-2.0
// What the user asked of rdma.write, rdma.read or rdma.send.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "millrace/probe.hpp"
#include "modules/rdma/defaults.hpp"
#include "units/result.hpp"

namespace millrace::rdma {

enum class Initiator { kHere, kPeer, kBoth };
enum class Addressing { kAuto, kGid, kLid };
enum class Connect { kExchange, kRdmaCm };

// A port as the user names it.
struct PortName {
  std::string device;      // "": the first that is active; "all": all that are
  std::uint32_t port = 0;  // 0: the device's first active one
  bool operator==(const PortName&) const = default;
};

// What may differ between the near and the far end of a link.
struct EndSettings {
  std::vector<PortName> ports;  // at least one
  std::optional<std::uint32_t> gid_index;
  std::string memory = "host";  // "gpu:N", or another memory that a module lends
};

struct Settings {
  Operation operation = Operation::kWrite;
  Mode mode = Mode::kBandwidth;
  Transport transport = Transport::kReliable;
  std::uint64_t size = 0;
  std::vector<std::uint64_t> sweep;
  std::int64_t sweep_time_ns = 0, timeout_ns = 0;
  EndSettings near, far;
  Initiator initiator = Initiator::kHere;
  std::uint32_t queue_pairs = 1, receive_depth = 512;
  Wishes wishes;
  std::uint64_t buffer = 0;
  std::uint32_t mtu = 0;  // bytes; 0: the ports'
  Addressing addressing = Addressing::kAuto;
  Connect connect = Connect::kExchange;
  std::uint8_t ack_timeout = 14;  // of messages: 4.096 us * 2^14 = 67 ms, as perftest's
  std::uint8_t traffic_class = 0, service_level = 0;
  bool huge_pages = false, verify = true, report_half = true;
  bool polls = false;  // rdma.write latency: an arrival is seen by its last byte; else by an immediate
  std::uint64_t seed = 0;

  [[nodiscard]] std::uint64_t largest_size() const;
  [[nodiscard]] Shape shape(bool device_memory) const {
    return {operation, mode, device_memory, polls && mode == Mode::kLatency};
  }
  // By an end in `device_memory` (not the host's).
  [[nodiscard]] Tuning tuning(std::uint64_t message, bool device_memory) const {
    return tuning_for(shape(device_memory), message, wishes);
  }
};

// Reads and checks the parameters; looks at no device.
Result<Settings> settings_from(const sdk::Host& host, Operation operation);

// "mlx5_0", "mlx5_0:2", "all". A list that the core has joined by ':' is told apart by numbers being ports.
Result<std::vector<PortName>> parse_ports(const std::vector<std::string>& words, std::string_view flag);

// "64,4KiB,1MiB"; "all": the powers of two from 2 B to 8 MiB (for datagrams to 1 KiB); "": none.
Result<std::vector<std::uint64_t>> parse_sizes(std::string_view text, std::uint64_t largest);

}  // namespace millrace::rdma
