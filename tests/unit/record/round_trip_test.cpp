// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <numeric>

#include "record/coarsen.hpp"
#include "sample.hpp"

namespace millrace::record {
namespace {

Document reread(const Document& document) {
  auto back = parse_document(to_json(document), "test");
  EXPECT_TRUE(back) << back.error().what;
  return back ? *back : Document{};
}

void expect_same_topology(const topology::Topology& a, const topology::Topology& b) {
  ASSERT_EQ(a.endpoints.size(), b.endpoints.size());
  for (std::size_t i = 0; i < a.endpoints.size(); ++i) {
    const auto &x = a.endpoints[i], &y = b.endpoints[i];
    EXPECT_EQ(std::tie(x.id, x.kind, x.name, x.host, x.numa, x.pci, x.device),
              std::tie(y.id, y.kind, y.name, y.host, y.numa, y.pci, y.device));
  }
  ASSERT_EQ(a.resources.size(), b.resources.size());
  for (std::size_t i = 0; i < a.resources.size(); ++i) {
    const auto &x = a.resources[i], &y = b.resources[i];
    EXPECT_EQ(std::tie(x.id, x.kind, x.name, x.host, x.limit_bytes_per_s, x.limit_source, x.numa, x.pci),
              std::tie(y.id, y.kind, y.name, y.host, y.limit_bytes_per_s, y.limit_source, y.numa, y.pci));
  }
  ASSERT_EQ(a.links.size(), b.links.size());
  for (std::size_t i = 0; i < a.links.size(); ++i) {
    const auto &x = a.links[i], &y = b.links[i];
    EXPECT_EQ(std::tie(x.from, x.to, x.resource), std::tie(y.from, y.to, y.resource));
  }
}

void expect_same_host(const topology::HostFacts& a, const topology::HostFacts& b) {
  EXPECT_EQ(
      std::tie(a.name, a.kernel, a.cpu.model, a.cpu.sockets, a.cpu.cores, a.cpu.threads, a.memory_bytes),
      std::tie(b.name, b.kernel, b.cpu.model, b.cpu.sockets, b.cpu.cores, b.cpu.threads, b.memory_bytes));
  EXPECT_EQ(a.cpu, b.cpu);
  EXPECT_EQ(std::tie(a.drivers, a.settings), std::tie(b.drivers, b.settings));
  EXPECT_EQ(a.gpus, b.gpus);
  ASSERT_EQ(a.numa.size(), b.numa.size());
  for (std::size_t i = 0; i < a.numa.size(); ++i) {
    EXPECT_EQ(std::tie(a.numa[i].index, a.numa[i].memory_bytes, a.numa[i].cpus),
              std::tie(b.numa[i].index, b.numa[i].memory_bytes, b.numa[i].cpus));
  }
}

TEST(RoundTrip, EveryFieldOfADocumentComesBackAsItWas) {
  const Document wrote = full_document();
  const Document read = reread(wrote);
  EXPECT_EQ(read.tool, wrote.tool);
  EXPECT_EQ(read.started, wrote.started);
  ASSERT_EQ(read.hosts.size(), 1u);
  expect_same_host(read.hosts[0], wrote.hosts[0]);
  expect_same_topology(read.topology, wrote.topology);
  ASSERT_EQ(read.findings.size(), 1u);
  const auto &x = read.findings[0], &y = wrote.findings[0];
  EXPECT_EQ(std::tie(x.id, x.severity, x.resource, x.what, x.remedy),
            std::tie(y.id, y.severity, y.resource, y.what, y.remedy));
  EXPECT_EQ(read.measurements, wrote.measurements);
  EXPECT_EQ(read.interference, wrote.interference);
  EXPECT_EQ(read.capacities, wrote.capacities);
  EXPECT_EQ(read.diagnoses, wrote.diagnoses);
  EXPECT_EQ(read.complete, wrote.complete);
}

TEST(RoundTrip, TheSecondWritingIsByteForByteTheFirst) {
  const std::string first = to_json(full_document());
  EXPECT_EQ(to_json(reread(full_document())), first);
}

TEST(RoundTrip, AnEmptyDocumentIsReadableToo) {
  const Document read = reread(Document{});
  EXPECT_TRUE(read.measurements.empty());
  EXPECT_TRUE(read.complete);
}

TEST(RoundTrip, AMeasurementFitsOnOneLineAndComesBack) {
  const Measurement wrote = full_document().measurements[0];
  const std::string line = to_json_line(wrote);
  EXPECT_EQ(line.find('\n'), std::string::npos);
  const auto read = parse_measurement(line, "line");
  ASSERT_TRUE(read) << read.error().what;
  EXPECT_EQ(*read, wrote);
}

TEST(RoundTrip, ParametersKeepTheirType) {
  Document document = full_document();
  document.measurements[0].parameters = {
      {"a", 5.0}, {"b", std::int64_t{5}}, {"c", "5"}, {"d", false}, {"e", -0.1}, {"f", 1e300}};
  EXPECT_EQ(reread(document).measurements[0].parameters, document.measurements[0].parameters);
}

TEST(RoundTrip, ATopologyDocumentComesBackWithoutMeasurements) {
  const auto read = parse_document(topology_to_json(full_machine(), full_document().findings), "topology");
  ASSERT_TRUE(read) << read.error().what;
  ASSERT_EQ(read->hosts.size(), 1u);
  expect_same_host(read->hosts[0], full_machine().host);
  expect_same_topology(read->topology, full_machine().graph);
  EXPECT_EQ(read->findings.size(), 1u);
  EXPECT_TRUE(read->measurements.empty());
}

TEST(Writer, KeysStandInTheOrderOfTheDesign) {
  const std::string json = to_json(full_document());
  std::size_t last = 0;
  for (const char* key : {"schema", "tool", "started", "hosts", "topology", "findings", "measurements",
                          "interference", "capacities", "diagnoses", "complete"}) {
    const std::size_t at = json.find(std::string("\n  \"") + key + "\": ");
    ASSERT_NE(at, std::string::npos) << key;
    EXPECT_GE(at, last) << key;
    last = at;
  }
  EXPECT_EQ(json.back(), '\n');
}

TEST(Writer, ARateThatIsNotANumberMakesTheMeasurementAFailedOne) {
  Document document = full_document();
  Measurement& m = document.measurements[1];
  m.status = "ok";
  m.operations_per_s.mean = std::numeric_limits<double>::quiet_NaN();
  const std::string json = to_json(document);
  EXPECT_EQ(json.find("nan"), std::string::npos);
  const Document read = reread(document);
  EXPECT_EQ(read.measurements[1].status, "failed");
  EXPECT_EQ(read.measurements[1].reason,
            "the probe reported a number that is not finite: operations_per_s.mean");
}

TEST(Writer, AnIntervalThatNobodyKnowsIsNullAndComesBackAsNone) {
  Document document = full_document();
  Measurement& m = document.measurements[1];
  m.throughput_bytes_per_s.ci95_low.reset(), m.throughput_bytes_per_s.ci95_high.reset();
  EXPECT_NE(to_json(document).find("\"ci95_low\": null"), std::string::npos);
  EXPECT_FALSE(reread(document).measurements[1].throughput_bytes_per_s.ci95_low);
  EXPECT_FALSE(reread(document).measurements[1].throughput_bytes_per_s.ci95_high);
}

TEST(Writer, ARatioWithoutAValueIsNull) {
  Document document = full_document();
  document.interference[0].p99_ratio = std::numeric_limits<double>::infinity();
  document.diagnoses[0].ranking[0].utilization = std::numeric_limits<double>::quiet_NaN();
  document.measurements[0].energy_j = std::numeric_limits<double>::quiet_NaN();
  const Document read = reread(document);
  EXPECT_TRUE(std::isnan(read.interference[0].p99_ratio));
  EXPECT_TRUE(std::isnan(read.diagnoses[0].ranking[0].utilization));
  EXPECT_FALSE(read.measurements[0].energy_j);
}

TEST(Writer, BytesThatAreNotUtf8AreReplacedAndTheDocumentStaysReadable) {
  Document document = full_document();
  document.measurements[0].reason = "cannot open /data/\xff\xfe";
  document.measurements[0].counters = {{"block:\x80", 1.0}};
  EXPECT_EQ(reread(document).measurements[0].reason, "cannot open /data/\xEF\xBF\xBD\xEF\xBF\xBD");
}

TEST(Writer, MoreThanAThousandSlicesAreMergedWithTheirSumsKept) {
  Document document = full_document();
  Slices slices{0.001, std::vector<std::uint64_t>(2501), std::vector<std::uint64_t>(2501, 1)};
  std::iota(slices.bytes.begin(), slices.bytes.end(), 0);
  document.measurements[0].slices = slices;
  const Slices read = *reread(document).measurements[0].slices;
  ASSERT_EQ(read.bytes.size(), 834u);  // threes, and the last one holds two
  EXPECT_DOUBLE_EQ(read.period_s, 0.003);
  EXPECT_EQ(read.bytes[0], 0u + 1 + 2);
  EXPECT_EQ(read.bytes[833], 2499u + 2500u);
  EXPECT_EQ(read.operations[833], 2u);
  EXPECT_EQ(std::accumulate(read.operations.begin(), read.operations.end(), std::uint64_t{0}), 2501u);
}

TEST(Writer, LongListsOfNumbersStandOnOneLine) {
  Document document = full_document();
  document.measurements[0].slices =
      Slices{0.001, std::vector<std::uint64_t>(1000, 123456789), std::vector<std::uint64_t>(1000, 30)};
  const std::string json = to_json(document);
  EXPECT_LT(std::count(json.begin(), json.end(), '\n'), 450);  // and not above 2,000
}

}  // namespace
}  // namespace millrace::record
