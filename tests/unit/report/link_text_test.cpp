// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "report/terminal.hpp"

namespace millrace::report {
namespace {

record::Measurement& add_measurement(record::Document& document, const std::string& probe) {
  record::Measurement& m = document.measurements.emplace_back();
  m.id = std::string("m").append(std::to_string(document.measurements.size()));
  m.probe = probe;
  m.status = "ok";
  m.throughput_bytes_per_s.mean = 4e9;
  m.throughput_bytes_per_s.ci95_low = 3.9e9;
  m.throughput_bytes_per_s.ci95_high = 4.1e9;
  m.participants = {{0, 0, "client", 0, 0}, {1, 1, "server", 0, 0}};
  return m;
}

record::Document with_peer() {
  record::Document document;
  document.hosts.resize(2);
  document.hosts[1].name = "node2";
  return document;
}

TEST(LinkText, TellsRatesOfStreamsAndTimesOfRoundTrips) {
  record::Document document = with_peer();
  add_measurement(document, "tcp.stream").parameters["direction"] = std::string("receive");
  record::Latency latency;
  latency.p50 = 20e-6;
  latency.p99 = 50e-6;
  add_measurement(document, "tcp.latency").latency_s = latency;
  EXPECT_EQ(links_text(document, {false, 100}),
            "Link to node2\n"
            "  alone                   measured       95 % in    limit  latency p50    p99\n"
            "  m1 tcp.stream, receive    4 GB/s  3.9–4.1 GB/s  unknown            –      –\n"
            "  m2 tcp.latency                 –             –        –        20 us  50 us\n");
}

TEST(LinkText, LeavesOutWhatRanTogetherWhatFailedAndWhatIsOfOneHost) {
  record::Document document = with_peer();
  add_measurement(document, "tcp.stream").concurrent_with = {"m2"};
  add_measurement(document, "tcp.stream").status = "failed";
  add_measurement(document, "storage.read").participants = {{0, 0, "reader", 0, 0}};
  EXPECT_EQ(links_text(document, {false, 100}), "");
}

}  // namespace
}  // namespace millrace::report
