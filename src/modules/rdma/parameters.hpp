// SPDX-License-Identifier: Apache-2.0
// The parameters that rdma.write, rdma.read and rdma.send declare to the core; settings.hpp gives them their
// meaning.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>

#include "millrace/probe.hpp"

namespace millrace::rdma {

constexpr millrace_parameter repeatable_text(const char* name, const char* help) {
  millrace_parameter text = sdk::parameter(name, MILLRACE_TEXT, "", help);
  text.repeatable = 1;
  return text;
}

inline constexpr double kLargestMessage = 1u << 30;

inline constexpr std::array kSharedParameters{
    sdk::choice("mode", "bandwidth|latency", "bandwidth", "many messages in flight, or one at a time"),
    sdk::parameter("size", MILLRACE_BYTES, "", "bytes of a message; default: 64 KiB, for latency 8 B", 1,
                   kLargestMessage),
    sdk::parameter("sizes", MILLRACE_TEXT, "",
                   "sizes to sweep over before, as metrics: '64,4KiB,1MiB', or 'all' for the powers of two"),
    sdk::parameter("sweep-time", MILLRACE_DURATION, "200ms", "time for each size of the sweep", 1e6, 60e9),
    repeatable_text("device",
                    "RDMA device of this host, as NAME or NAME:PORT, or 'all' that are active; "
                    "default: the first active port"),
    repeatable_text("peer-device", "RDMA device of the other end; default: as --device"),
    sdk::choice("initiator", "here|peer|both", "here",
                "who starts the operations; 'both' is bidirectional, 'peer' with several is many-to-one"),
    sdk::parameter("queue-pairs", MILLRACE_COUNT, "1", "queue pairs of each link; latency: 1", 1, 1024),
    sdk::parameter("queue-depth", MILLRACE_COUNT, "",
                   "messages in flight, of each queue pair; default: 128, for latency 1", 1, 16384),
    sdk::parameter("post-list", MILLRACE_COUNT, "",
                   "messages posted with one doorbell; default: 16 up to 8 KiB, else 1", 1, 1024),
    sdk::parameter("signal-every", MILLRACE_COUNT, "",
                   "messages that share a completion; default: half the depth up to 8 KiB, else 1", 1, 16384),
    sdk::parameter("inline", MILLRACE_BYTES, "",
                   "largest message that travels inside its work request; default: 220 B for latency, else 0",
                   0, 4096),
    sdk::choice("relaxed-ordering", "auto|on|off", "auto",
                "let PCIe reorder writes; auto: where nobody polls the memory"),
    sdk::parameter("buffer", MILLRACE_BYTES, "4KiB",
                   "memory that messages of a queue pair cycle through; at least one message", 64,
                   kLargestMessage),
    sdk::choice("mtu", "auto|256|512|1024|2048|4096", "auto",
                "of the path; auto: the ports', which must agree"),
    sdk::choice("addressing", "auto|gid|lid", "auto", "auto: LID on InfiniBand, GID on RoCE"),
    sdk::parameter("gid-index", MILLRACE_COUNT, "",
                   "of this host's port; default: RoCE v2 with the address that reaches the peer", 0, 65535),
    sdk::parameter("peer-gid-index", MILLRACE_COUNT, "", "of the other end's port", 0, 65535),
    sdk::choice("connect", "exchange|rdma_cm", "exchange", "how the two ends of a queue pair are joined"),
    sdk::parameter(
        "ack-timeout", MILLRACE_COUNT, "14",
        "a packet is sent again when 4.096 us times 2 to this power went by without acknowledgement; "
        "six times",
        1, 31),
    sdk::parameter("traffic-class", MILLRACE_COUNT, "0", "of RoCE packets: DSCP times 4", 0, 255),
    sdk::parameter("service-level", MILLRACE_COUNT, "0", "of InfiniBand packets", 0, 15),
    sdk::parameter("memory", MILLRACE_TEXT, "host", "where messages lie: host, or gpu:N through a dma-buf"),
    sdk::parameter("peer-memory", MILLRACE_TEXT, "", "of the other end; default: as --memory"),
    sdk::parameter("huge-pages", MILLRACE_FLAG, "off",
                   "host memory from the reserved huge pages (vm.nr_hugepages)"),
    sdk::parameter("verify", MILLRACE_FLAG, "on", "check every byte of a seeded pattern before measuring"),
    sdk::parameter("seed", MILLRACE_COUNT, "1", "of that pattern"),
    sdk::parameter("timeout", MILLRACE_DURATION, "10s", "how long one end waits for the other", 1e8, 600e9),
};

inline constexpr std::array kReport{
    sdk::choice("report", "half|round-trip", "half",
                "latency: half of the round trip (as perftest prints it) or the whole"),
};

inline constexpr std::array kWriteOnly{
    sdk::choice("notice", "auto|poll|immediate", "auto",
                "latency: how an arrival is noticed, by the last byte or by an immediate; auto: poll in host "
                "memory"),
};

inline constexpr std::array kSendOnly{
    sdk::choice("transport", "rc|ud", "rc", "reliable connection, or datagrams (up to one MTU)"),
    sdk::parameter("receive-depth", MILLRACE_COUNT, "512", "receives posted, of each queue pair", 1, 16384),
};

template <typename... Arrays>
constexpr auto joined(const Arrays&... arrays) {
  std::array<millrace_parameter, (std::tuple_size_v<Arrays> + ...)> all{};
  auto at = all.begin();
  ((at = std::copy(arrays.begin(), arrays.end(), at)), ...);
  return all;
}

inline constexpr auto kWriteParameters = joined(kSharedParameters, kReport, kWriteOnly);
inline constexpr auto kReadParameters = joined(kSharedParameters);
inline constexpr auto kSendParameters = joined(kSharedParameters, kReport, kSendOnly);

}  // namespace millrace::rdma
