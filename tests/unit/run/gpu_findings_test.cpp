// SPDX-License-Identifier: Apache-2.0
#include "run/gpu_findings.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <initializer_list>
#include <utility>

namespace millrace::run {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

record::Document of(std::vector<record::Measurement> measurements) {
  record::Document document;
  document.measurements = std::move(measurements);
  return document;
}

// gpu.memory on GPUs whose own memory is so fast, in order.
record::Document with_memories(std::initializer_list<double> rates) {
  record::Measurement m;
  m.id = "m7";
  m.probe = "gpu.memory";
  m.status = "ok";
  record::Document document;
  int gpu = 0;
  for (const double rate : rates) {
    m.metrics[std::string("gpu") + std::to_string(gpu) + "_memory_bytes_per_s"].p50 = rate;
    document.topology.endpoints.push_back({"gpu:" + std::to_string(gpu++), "gpu", "B200", 0, 0, "", ""});
  }
  document.measurements = {m};
  return document;
}

TEST(GpuFindings, NameAGpuThatIsSlowerThanTheOthersOfItsModel) {
  const auto found = findings_of_gpus(with_memories({8e12, 8.02e12, 6e12, 7.98e12}));
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].id, "gpu-slow");
  EXPECT_EQ(found[0].resource, "gpu:2");
  EXPECT_THAT(found[0].what, HasSubstr("6 TB/s in its own memory where 3 others of its model move 8"));
  EXPECT_THAT(found[0].what, HasSubstr("(m7): 75 %"));
  EXPECT_EQ(findings_of_gpus(with_memories({4e12, 8e12})).at(0).resource, "gpu:0");  // of two, the slower
}

TEST(GpuFindings, AreNoneOfGpusThatAreAlikeOrOfDifferentModels) {
  EXPECT_THAT(findings_of_gpus(with_memories({8e12, 7.9e12, 8.1e12})), IsEmpty());
  record::Document mixed = with_memories({8e12, 4e12});
  mixed.topology.endpoints[1].name = "A100";
  EXPECT_THAT(findings_of_gpus(mixed), IsEmpty());
}

TEST(GpuFindings, NameEachThrottledGpuOnceByTheMeasurementThatItWasLongestIn) {
  record::Measurement first;
  first.id = "m1";
  first.probe = "gpu.copy";
  first.duration_s = 5;
  first.counters = {{"gpu:0:throttled:sw_thermal_s", 1.5}, {"gpu:0:energy_j", 700}};
  record::Measurement second = first;
  second.id = "m2";
  second.counters = {{"gpu:0:throttled:sw_thermal_s", 3}, {"gpu:0:throttled:power_brake_s", 0.5}};
  const auto found = findings_of_gpus(of({first, second}));
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].id, "gpu-throttled");
  EXPECT_EQ(found[0].severity, "warning");
  EXPECT_EQ(found[0].resource, "gpu:0");
  EXPECT_THAT(found[0].what, HasSubstr("gpu:0 was held down while gpu.copy (m2) took 5 s"));
  EXPECT_THAT(found[0].what, HasSubstr("too hot (the driver slows it down) for 3 s"));
  EXPECT_THAT(found[0].what, HasSubstr("brake for 500 ms"));
}

TEST(GpuFindings, AreNoneWhereNothingHeldAGpuDown) {
  record::Measurement m;
  m.counters = {{"gpu:0:energy_j", 700}};
  EXPECT_THAT(findings_of_gpus(of({m})), IsEmpty());
}

}  // namespace
}  // namespace millrace::run
