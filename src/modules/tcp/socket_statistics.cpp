// SPDX-License-Identifier: Apache-2.0
#include "modules/tcp/socket_statistics.hpp"

#include <netinet/in.h>
#include <sys/socket.h>

#include <cstdint>

namespace millrace::tcp {
namespace {

constexpr double kMicrosecond = 1e-6;

double grown(std::uint64_t before, std::uint64_t after) {
  return after > before ? static_cast<double>(after - before) : 0.0;
}

}  // namespace

tcp_info statistics_of(int fd) {
  tcp_info info = {};
  socklen_t size = sizeof(info);
  getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size);
  return info;
}

void sample_sender(const sdk::Host& host, const tcp_info& now) {
  host.sample("sender_rtt_s", now.tcpi_rtt * kMicrosecond);
  host.sample("sender_rttvar_s", now.tcpi_rttvar * kMicrosecond);
  host.sample("sender_cwnd_bytes", static_cast<double>(now.tcpi_snd_cwnd) * now.tcpi_snd_mss);
  host.sample("sender_delivery_rate_bytes_per_s", static_cast<double>(now.tcpi_delivery_rate));
}

void count_sender(const sdk::Host& host, const tcp_info& before, const tcp_info& after) {
  host.counter("tcp:sent_data_segments", grown(before.tcpi_data_segs_out, after.tcpi_data_segs_out));
  host.counter("tcp:retransmitted_segments", grown(before.tcpi_total_retrans, after.tcpi_total_retrans));
  host.counter("tcp:retransmitted_bytes", grown(before.tcpi_bytes_retrans, after.tcpi_bytes_retrans));
  host.counter("tcp:duplicates_reported_segments", grown(before.tcpi_dsack_dups, after.tcpi_dsack_dups));
  host.counter("tcp:reordering_events", grown(before.tcpi_reord_seen, after.tcpi_reord_seen));
  host.counter("tcp:congestion_marked_segments", grown(before.tcpi_delivered_ce, after.tcpi_delivered_ce));
  host.counter("tcp:sender_busy_s", grown(before.tcpi_busy_time, after.tcpi_busy_time) * kMicrosecond);
  host.counter("tcp:receive_window_limited_s",
               grown(before.tcpi_rwnd_limited, after.tcpi_rwnd_limited) * kMicrosecond);
  host.counter("tcp:send_buffer_limited_s",
               grown(before.tcpi_sndbuf_limited, after.tcpi_sndbuf_limited) * kMicrosecond);
}

void sample_stream(const sdk::Host& host, const tcp_info& before, const tcp_info& after) {
  host.sample("mss_bytes", after.tcpi_snd_mss);
  if (const double segments = grown(before.tcpi_data_segs_out, after.tcpi_data_segs_out); segments > 0)
    host.sample("retransmitted_share", grown(before.tcpi_total_retrans, after.tcpi_total_retrans) / segments);
  const double busy = grown(before.tcpi_busy_time, after.tcpi_busy_time);
  if (busy <= 0) return;
  host.sample("receive_window_limited_share",
              grown(before.tcpi_rwnd_limited, after.tcpi_rwnd_limited) / busy);
  host.sample("send_buffer_limited_share",
              grown(before.tcpi_sndbuf_limited, after.tcpi_sndbuf_limited) / busy);
}

void count_receiver(const sdk::Host& host, const tcp_info& before, const tcp_info& after) {
  host.counter("tcp:received_data_segments", grown(before.tcpi_data_segs_in, after.tcpi_data_segs_in));
  host.counter("tcp:out_of_order_segments", grown(before.tcpi_rcv_ooopack, after.tcpi_rcv_ooopack));
}

}  // namespace millrace::tcp
