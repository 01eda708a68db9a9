// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "report/terminal.hpp"

namespace millrace::report {
namespace {

using testing::HasSubstr;
using testing::Not;

record::Measurement read_of_a_drive() {
  record::Measurement m;
  m.id = std::string("m3");
  m.probe = "storage.read";
  m.label = "unet3d";
  m.throughput_bytes_per_s = {1.05e9, 1.03e9, 1.07e9, {}, {}, {}};
  m.operations_per_s = {1001, 980, 1020, {}, {}, {}};
  m.repeats.resize(3);
  m.duration_s = 6;
  m.latency_s = record::Latency{0.0024, 0.0031, 0.0052, {}, 0.0101, "p99", 6006};
  m.counters = {{"worker:user_s", 0.06}, {"worker:system_s", 0.54}, {"worker:operations", 6000},
                {"psi:io:full_s", 4.2},  {"psi:cpu:full_s", 0.001}, {"block:vda:read_bytes", 6.3e9}};
  m.parameters = {
      {"block-size", std::int64_t{1048576}}, {"direct", true}, {"pattern", std::string("sequential")}};
  m.from = std::string("storage:vda");
  m.to = "memory:0";
  m.limit_bytes_per_s = 3.94e9;
  m.limit_fraction = 1.05 / 3.94;
  m.limit_source = "PCIe 8 GT/s x4";
  return m;
}

record::Document with_names() {
  record::Document document;
  document.topology.endpoints = {{"storage:vda", "storage", "vda (virtio)", 0, {}, "", ""},
                                 {"memory:0", "memory", "NUMA node 0", 0, {}, "", ""}};
  return document;
}

TEST(MeasurementText, IsThisForADrive) {
  EXPECT_EQ(
      measurement_text(with_names(), read_of_a_drive(), {false, 100}),
      "storage.read (unet3d)  m3\n"
      "  rate        1.05 GB/s, 95 % in 1.03–1.07 GB/s over 3 repeats; 27 % of the limit of 3.94 GB/s "
      "(PCIe\n"
      "              8 GT/s x4)\n"
      "  operations  1 k/s, 95 % in 980/s – 1.02 k/s\n"
      "  latency     p50 2.4 ms, p90 3.1 ms, p99 5.2 ms, p99.9 not resolved, max 10.1 ms (6.01 k operations\n"
      "              after the warm-up)\n"
      "  path        vda (virtio) to NUMA node 0\n"
      "  parameters  block-size 1048576, direct on, pattern sequential\n"
      "  counted     CPU 0.10 threads busy (0.01 user, 0.09 system), 100 us per operation;\n"
      "              block:vda:read_bytes 6.3 GB; psi:io:full_s 4.2 s\n");
}

TEST(MeasurementText, SaysWhyAFailedOneFailedAndTheWayOut) {
  record::Measurement m = read_of_a_drive();
  m.status = "failed";
  m.reason = "the file system is full";
  m.hint = "free 4 GiB or give another --path";
  const std::string text = measurement_text(with_names(), m, {false, 100});
  EXPECT_THAT(text, HasSubstr("  failed      the file system is full\n"));
  EXPECT_THAT(text, HasSubstr("  way out     free 4 GiB or give another --path\n"));
}

TEST(MeasurementText, SaysThatAnIntervalIsUnknown) {
  record::Measurement m = read_of_a_drive();
  m.throughput_bytes_per_s.ci95_low.reset(), m.throughput_bytes_per_s.ci95_high.reset();
  EXPECT_THAT(measurement_text(with_names(), m, {false, 200}), HasSubstr("95 % unknown (too short"));
}

TEST(MeasurementText, SaysWhenMoreThanATenthWasCutAsWarmUp) {
  record::Measurement m = read_of_a_drive();
  m.repeats = {{1e9, 1e3, 0, 1'700'000'000, "time limit", 0.3}};
  EXPECT_THAT(measurement_text(with_names(), m, {false, 200}),
              HasSubstr("; 300 ms (15 %) of warm-up left out"));
  m.repeats[0].warm_up_cut_s = 0.1;
  EXPECT_THAT(measurement_text(with_names(), m, {false, 200}), ::testing::Not(HasSubstr("left out")));
}

TEST(MeasurementText, ShowsThePressureOnTheCpus) {
  record::Measurement m = read_of_a_drive();
  m.counters["psi:cpu:some_s"] = 0.5 * m.duration_s;
  EXPECT_THAT(measurement_text(with_names(), m, {false, 200}), HasSubstr("psi:cpu:some_s"));
  m.counters["psi:cpu:some_s"] = 0.01 * m.duration_s;
  EXPECT_THAT(measurement_text(with_names(), m, {false, 200}), ::testing::Not(HasSubstr("psi:cpu:some_s")));
}

TEST(MeasurementText, SaysWhatOfAMetricIsUnknown) {
  record::Measurement m = read_of_a_drive();
  constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();
  m.metrics["step_s"] = {30, 0.5, 0.4, kUnknown, kUnknown, kUnknown, 0.6};
  EXPECT_THAT(measurement_text(with_names(), m, {false, 200}),
              HasSubstr("mean 500 ms, p5 unknown, p50 unknown, p95 unknown (30 values"));
}

TEST(MeasurementText, SaysWhatACpuContendedOneMeans) {
  record::Measurement m = read_of_a_drive();
  m.flags = {"cpu-contended"};
  EXPECT_THAT(measurement_text(with_names(), m, {false, 200}),
              HasSubstr("something else on the machine used"));
}

TEST(MeasurementText, ShowsStagesFlagsAndTheStandInOfAPipeline) {
  record::Measurement m = read_of_a_drive();
  m.probe = "ingest.pipeline";
  m.device = "stand-in";
  m.flags = {"unsteady"};
  m.latency_s.reset();
  m.stages = {{"prep", 4, 0.95, 0.01, 0.04, 22.5, 6'000'000'000, 0.25, "cpu:prep"},
              {"copy", 1, 0.31, 0.69, 0, 1.8, 6'000'000'000, {}, "cpu:copy"}};
  m.metrics["accelerator_utilization_share"] = {30, 0.33, 0.3, 0.31, 0.33, 0.35, 0.36};
  const std::string text = measurement_text(with_names(), m, {false, 100});
  EXPECT_THAT(
      text,
      HasSubstr(
          "    stage  threads  busy  waits for input  waits for output  queue filled     CPU  bytes\n"
          "    prep         4  95 %            1.0 %             4.0 %          25 %  22.5 s   6 GB\n"
          "    copy         1  31 %             69 %               0 %             –   1.8 s   6 GB\n"));
  EXPECT_THAT(text, HasSubstr("flags       unsteady"));
  EXPECT_THAT(text, HasSubstr("stand-in: host memory took the place of GPU memory"));
  EXPECT_THAT(text, HasSubstr("mean 33 %, p5 31 %, p50 33 %, p95 35 % (30 values, warm-up included)"));
}

TEST(MeasurementText, MetricsAreShownInTheUnitThatTheirNamesEndWith) {
  record::Measurement m = read_of_a_drive();
  m.metrics["sender_delivery_rate_bytes_per_s"] = {4, 2e9, 1e9, 1e9, 2e9, 3e9, 3e9};
  m.metrics["mss_bytes"] = {2, 1448, 1448, 1448, 1448, 1448, 1448};
  m.metrics["rtt_s"] = {2, 1e-3, 1e-3, 1e-3, 1e-3, 1e-3, 1e-3};
  m.metrics["retransmitted_share"] = {1, 0, 0, 0, 0, 0, 0};
  const std::string text = measurement_text(with_names(), m, {false, 100});
  EXPECT_THAT(text, HasSubstr("sender delivery rate mean 2 GB/s, p5 1 GB/s"));
  EXPECT_THAT(text, HasSubstr("mss         1.45 kB\n")) << "one value is said once";
  EXPECT_THAT(text, HasSubstr("rtt         1 ms\n"));
  EXPECT_THAT(text, HasSubstr("retransmitted 0 %\n"));
}

TEST(MeasurementText, SizesOfASweepStandInOrder) {
  record::Measurement m = read_of_a_drive();
  for (const char* size : {"64", "1024", "65536", "512"})
    m.metrics[std::string("size_") + size + "_bytes_per_s"] = {1, 1e9, 1e9, 1e9, 1e9, 1e9, 1e9};
  const std::string text = measurement_text(with_names(), m, {false, 100});
  EXPECT_LT(text.find("size 64 "), text.find("size 512 "));
  EXPECT_LT(text.find("size 512 "), text.find("size 1024 "));
  EXPECT_LT(text.find("size 1024 "), text.find("size 65536 "));
}

TEST(MeasurementText, AFlagComesWithItsMeaningAndWhatWasCounted) {
  record::Measurement m = read_of_a_drive();
  m.counters = {{"rdma:rxe0:1:duplicate_request", 12},
                {"rdma:rxe0:1:out_of_seq_request", 0},
                {"rdma:rxe0:1:sent_pkts", 5000},
                {"host1/rdma:host1:rxe0:1:rcvd_seq_err", 3}};
  EXPECT_THAT(measurement_text(with_names(), m, {false, 300}), Not(HasSubstr("duplicate_request")));
  m.flags = {"unsteady", "packets-lost", "no-huge-pages"};
  const std::string text = measurement_text(with_names(), m, {false, 300});
  EXPECT_THAT(
      text,
      HasSubstr("counted     host1/rdma:host1:rxe0:1:rcvd_seq_err 3; rdma:rxe0:1:duplicate_request 12\n"));
  EXPECT_THAT(text, HasSubstr("packets-lost: packets were dropped or came out of order"));
  EXPECT_THAT(text,
              HasSubstr("no-huge-pages: the buffers lie on ordinary pages, since no huge ones were free: "
                        "sysctl vm.nr_hugepages=N\n"));
}

TEST(MeasurementText, SeveralParticipantsOfSeveralHostsAreShownOneByOne) {
  record::Measurement m = read_of_a_drive();
  record::Document document = with_names();
  document.hosts.resize(3);
  document.hosts[1].name = "node1";
  document.hosts[2].name = "node2";
  m.participants = {
      {0, 0, "initiator 1.0", 0, 0}, {2, 1, "responder 1.0", 4e9, 0}, {3, 2, "responder 2.0", 1e9, 0}};
  EXPECT_THAT(measurement_text(document, m, {false, 100}),
              HasSubstr("  each        node1, responder 1.0: 4 GB/s\n"
                        "              node2, responder 2.0: 1 GB/s\n"));
  m.participants.pop_back();
  EXPECT_THAT(measurement_text(document, m, {false, 100}), Not(HasSubstr("each"))) << "the rate says it";
}

TEST(MeasurementText, ACollectiveHasTwoBandwidths) {
  record::Measurement m = read_of_a_drive();
  m.algorithm_bytes_per_s = record::Estimate{2e9, 1.9e9, 2.1e9, {}, {}, {}};
  m.bus_bytes_per_s = record::Estimate{3.5e9, 3.4e9, 3.6e9, {}, {}, {}};
  const std::string text = measurement_text(with_names(), m, {false, 100});
  EXPECT_THAT(text, HasSubstr("  algorithm   2 GB/s, 95 % in 1.9–2.1 GB/s\n  bus         3.5 GB/s, 95 % in "
                              "3.4–3.6 GB/s\n"));
  EXPECT_THAT(measurement_text(with_names(), read_of_a_drive(), {false, 100}), Not(HasSubstr("bus   ")));
}

TEST(MeasurementText, AnUnknownLimitIsSaidWithItsReason) {
  record::Measurement m = read_of_a_drive();
  m.limit_bytes_per_s.reset();
  m.limit_fraction.reset();
  m.limit_source = "virtio has no rate";
  EXPECT_THAT(measurement_text(with_names(), m, {false, 100}),
              HasSubstr("limit unknown (virtio has no rate)"));
}

TEST(MeasurementText, HasColourOnlyWhenAsked) {
  record::Measurement m = read_of_a_drive();
  m.flags = {"unsteady"};
  EXPECT_THAT(measurement_text(with_names(), m, {false, 100}), Not(HasSubstr("\x1b")));
  EXPECT_THAT(measurement_text(with_names(), m, {true, 100}), HasSubstr("\x1b[33munsteady\x1b[0m"));
}

TEST(MeasurementText, SaysOfEachGpuInOneLineWhatItDidMeanwhile) {
  record::Document document;
  record::Measurement m;
  m.probe = "gpu.copy";
  const auto metric = [&](const std::string& name, double least, double most) {
    m.metrics["gpu:0:" + name] = {3, least, least, least, least, most, most};
  };
  metric("sm_clock_mhz", 900, 900);
  metric("power_w", 118, 131);
  metric("temperature_c", 45, 52);
  metric("before:temperature_c", 40, 40);
  metric("after:power_w", 100, 100);
  m.counters = {{"gpu:0:energy_j", 142.31}, {"gpu:0:throttled:sw_thermal_s", 0.9}};
  m.metrics["gpu0_to_gpu1_bytes_per_s"] = {1, 5e9, 5e9, 5e9, 5e9, 5e9, 5e9};  // a probe's own
  const std::string text = measurement_text(document, m, {false, 200});
  EXPECT_THAT(
      text,
      HasSubstr("gpu:0       SM clock 900 MHz, 118 to 131 W, 45 to 52 degrees C (40 before), 142.3 J; held "
                "down by sw_thermal for 900 ms"));
  EXPECT_THAT(text, HasSubstr("gpu0 to gpu1"));
  EXPECT_THAT(text, ::testing::Not(HasSubstr("after")));
}

}  // namespace
}  // namespace millrace::report
