// SPDX-License-Identifier: Apache-2.0
#include "modules/rdma/settings.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "units/quantity.hpp"

namespace millrace::rdma {
namespace {

constexpr std::uint64_t kLargestMtu = 4096, kLargestSwept = std::uint64_t{8} << 20;
constexpr std::uint64_t kLargest = std::uint64_t{1} << 30;
constexpr std::size_t kMostSwept = 64;

std::optional<std::uint32_t> wish(const sdk::Host& host, const char* name) {
  if (!host.given(name)) return std::nullopt;
  return static_cast<std::uint32_t>(host.integer(name));
}

Result<EndSettings> end_from(const sdk::Host& host, const char* device, const char* gid_index,
                             const char* memory) {
  EndSettings end;
  auto ports = parse_ports(host.list(device), device);
  if (!ports) return tl::unexpected(ports.error());
  end.ports = std::move(*ports);
  end.gid_index = wish(host, gid_index);
  if (host.given(memory)) end.memory = host.text(memory);
  return end;
}

Result<void> read_ends(const sdk::Host& host, Settings& settings) {
  auto near = end_from(host, "device", "gid-index", "memory");
  if (!near) return tl::unexpected(near.error());
  auto far = end_from(host, "peer-device", "peer-gid-index", "peer-memory");
  if (!far) return tl::unexpected(far.error());
  if (!host.given("peer-device")) far->ports = near->ports;
  if (!host.given("peer-memory")) far->memory = near->memory;
  settings.near = std::move(*near);
  settings.far = std::move(*far);
  return {};
}

void read_posting(const sdk::Host& host, Settings& settings) {
  settings.wishes = {wish(host, "queue-depth"),
                     wish(host, "post-list"),
                     wish(host, "signal-every"),
                     wish(host, "inline"),
                     {}};
  if (host.text("relaxed-ordering") != "auto")
    settings.wishes.relaxed_ordering = host.text("relaxed-ordering") == "on";
  settings.queue_pairs =
      settings.mode == Mode::kLatency
          ? 1
          : static_cast<std::uint32_t>(std::max<std::uint64_t>(host.integer("queue-pairs"), 1));
  if (host.given("receive-depth"))
    settings.receive_depth = static_cast<std::uint32_t>(host.integer("receive-depth"));
}

void read_choices(const sdk::Host& host, Settings& settings) {
  if (host.text("initiator") == "peer") settings.initiator = Initiator::kPeer;
  if (host.text("initiator") == "both") settings.initiator = Initiator::kBoth;
  if (host.text("addressing") == "gid") settings.addressing = Addressing::kGid;
  if (host.text("addressing") == "lid") settings.addressing = Addressing::kLid;
  if (host.text("connect") == "rdma_cm") settings.connect = Connect::kRdmaCm;
  if (host.text("mtu") != "auto") settings.mtu = static_cast<std::uint32_t>(host.integer("mtu"));
  settings.ack_timeout = static_cast<std::uint8_t>(host.integer("ack-timeout"));
  settings.traffic_class = static_cast<std::uint8_t>(host.integer("traffic-class"));
  settings.service_level = static_cast<std::uint8_t>(host.integer("service-level"));
  settings.huge_pages = host.flag("huge-pages");
  settings.verify = host.flag("verify");
  settings.seed = host.integer("seed");
  settings.buffer = host.bytes("buffer");
  settings.timeout_ns = host.duration_ns("timeout");
  settings.sweep_time_ns = host.duration_ns("sweep-time");
  settings.report_half = settings.operation != Operation::kRead && host.text("report") != "round-trip";
}

Result<void> check(const sdk::Host& host, Settings& settings) {
  const bool all_host = settings.near.memory == "host" && settings.far.memory == "host";
  settings.polls = settings.operation == Operation::kWrite && all_host && host.text("notice") != "immediate";
  if (settings.operation == Operation::kWrite && host.text("notice") == "poll" && !all_host)
    return failure("--notice poll: a CPU cannot poll a GPU's memory", "leave --notice at auto");
  if (settings.mode == Mode::kLatency && host.given("queue-pairs") && host.integer("queue-pairs") > 1)
    return failure("--queue-pairs above 1 has no meaning with --mode latency",
                   "one message is in flight at a time: leave --queue-pairs out");
  if (settings.transport == Transport::kDatagram && settings.largest_size() > kLargestMtu)
    return failure(fmt::format("a datagram of {} does not fit any MTU: --transport ud sends up to 4 KiB",
                               to_binary({settings.largest_size()})),
                   "give --size 4KiB or less, or use --transport rc");
  if (settings.addressing == Addressing::kLid && settings.connect == Connect::kRdmaCm)
    return failure("--addressing lid and --connect rdma_cm exclude each other",
                   "rdma_cm finds the path from IP addresses: leave --addressing out");
  return {};
}

}  // namespace

std::uint64_t Settings::largest_size() const {
  std::uint64_t largest = size;
  for (const std::uint64_t swept : sweep) largest = std::max(largest, swept);
  return largest;
}

Result<std::vector<PortName>> parse_ports(const std::vector<std::string>& words, std::string_view flag) {
  std::vector<PortName> ports;
  for (const std::string& word : words) {
    std::uint32_t number = 0;
    const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), number);
    const bool is_port = error == std::errc{} && end == word.data() + word.size();
    if (word.empty() || (is_port && (ports.empty() || ports.back().port != 0 || number == 0 || number > 255)))
      return failure(fmt::format("--{}: '{}' is no device or port", flag, word),
                     "NAME or NAME:PORT, with a port from 1, for example mlx5_0:1");
    if (is_port)
      ports.back().port = number;
    else
      ports.push_back({word, 0});
  }
  if (ports.empty()) ports.push_back({});
  const bool all =
      std::any_of(ports.begin(), ports.end(), [](const PortName& p) { return p.device == "all"; });
  if (all && ports.size() > 1)
    return failure(fmt::format("--{}: 'all' stands alone", flag), "give 'all', or the devices one by one");
  return ports;
}

Result<std::vector<std::uint64_t>> parse_sizes(std::string_view text, std::uint64_t largest) {
  std::vector<std::uint64_t> sizes;
  if (text.empty()) return sizes;
  if (text == "all") {
    for (std::uint64_t size = 2; size <= std::min(largest, kLargestSwept); size *= 2) sizes.push_back(size);
    return sizes;
  }
  for (std::string_view rest = text;;) {
    const std::size_t comma = rest.find(',');
    const std::string_view word = rest.substr(0, comma);
    const auto size = parse_bytes(word);
    if (!size || size->value == 0 || size->value > kLargest)
      return failure(fmt::format("--sizes: '{}' is no message size", word),
                     "for example --sizes 64,4KiB,1MiB");
    sizes.push_back(size->value);
    if (comma == std::string_view::npos) break;
    rest.remove_prefix(comma + 1);
  }
  if (sizes.size() > kMostSwept)
    return failure(fmt::format("--sizes: {} sizes are too many", sizes.size()), "at most 64");
  return sizes;
}

Result<Settings> settings_from(const sdk::Host& host, Operation operation) {
  Settings settings;
  settings.operation = operation;
  settings.mode = host.text("mode") == "latency" ? Mode::kLatency : Mode::kBandwidth;
  if (host.text("transport") == "ud") settings.transport = Transport::kDatagram;
  settings.size = host.given("size") ? host.bytes("size") : default_size(settings.mode);
  const bool datagram = settings.transport == Transport::kDatagram;
  if (datagram && !host.given("size") && settings.mode == Mode::kBandwidth) settings.size = 1024;
  auto sweep = parse_sizes(host.text("sizes"), datagram ? 1024 : kLargest);
  if (!sweep) return tl::unexpected(sweep.error());
  settings.sweep = std::move(*sweep);
  if (auto ends = read_ends(host, settings); !ends) return tl::unexpected(ends.error());
  read_posting(host, settings);
  read_choices(host, settings);
  if (auto fine = check(host, settings); !fine) return tl::unexpected(fine.error());
  return settings;
}

}  // namespace millrace::rdma
