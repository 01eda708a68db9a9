// SPDX-License-Identifier: Apache-2.0
// What the kernel counted of a connection (TCP_INFO, linux/tcp.h), as evidence beside the figures: a rate
// that retransmissions, a small window or a small buffer held down says so.
#pragma once

#include <linux/tcp.h>

#include <string>

#include "millrace/probe.hpp"

namespace millrace::tcp {

// Members that this kernel does not know are 0.
tcp_info statistics_of(int fd);

// Of the moment, at the sending end: samples sender_rtt_s (smoothed, RFC 6298), sender_rttvar_s,
// sender_cwnd_bytes, sender_delivery_rate_bytes_per_s.
void sample_sender(const sdk::Host& host, const tcp_info& now);

// Of the time between two looks: counters tcp:….
void count_sender(const sdk::Host& host, const tcp_info& before, const tcp_info& after);
void count_receiver(const sdk::Host& host, const tcp_info& before, const tcp_info& after);

// What of them explains a stream's rate: samples mss_bytes, retransmitted_share (of the segments with data),
// receive_window_limited_share and send_buffer_limited_share (of the time that data waited to be sent).
void sample_stream(const sdk::Host& host, const tcp_info& before, const tcp_info& after);

}  // namespace millrace::tcp
