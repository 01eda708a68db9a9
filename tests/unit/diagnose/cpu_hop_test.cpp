// SPDX-License-Identifier: Apache-2.0
// All CPU work together: what a byte costs by the CPU time of each repeat, and what the host's threads carry.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>

#include "diagnose/cpu_cost.hpp"
#include "diagnose/explanation.hpp"
#include "explanation_sums.hpp"
#include "machine.hpp"

namespace millrace::diagnose {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::Machine;
using ::testing::Not;

constexpr double kT975OfThree = 4.302653;  // Student's t, 0.975, 2 degrees of freedom

// CPU-seconds per byte of each of the three repeats; the sums over them are what documents always had.
void read_at(record::Measurement& m, const std::array<double, 3>& costs) {
  m.counters = {{"worker:bytes", 0.0}, {"worker:user_s", 0.0}, {"worker:system_s", 0.0}};
  for (std::size_t r = 0; r < 3; ++r) {
    const double bytes = m.repeats[r].throughput_bytes_per_s * 2;
    m.repeats[r].counters = {{"worker:bytes", bytes},
                             {"worker:user_s", 0.25 * costs[r] * bytes},
                             {"worker:system_s", 0.75 * costs[r] * bytes}};
    for (const auto& [name, value] : m.repeats[r].counters) m.counters[name] += value;
  }
}

void stage_at(record::Measurement& m, const std::array<double, 3>& costs) {
  record::Stage& prep = m.stages[0];
  prep.cpu_s = 0, prep.bytes = 0;
  for (std::size_t r = 0; r < 3; ++r) {
    const double bytes = m.repeats[r].throughput_bytes_per_s * 2;
    m.repeats[r].counters = {{"stage:prep:bytes", bytes}, {"stage:prep:cpu_s", costs[r] * bytes}};
    prep.cpu_s += costs[r] * bytes;
    prep.bytes += static_cast<std::uint64_t>(bytes);
  }
}

record::RankedHop cores_of(const record::Diagnosis& d) {
  for (const record::RankedHop& hop : d.ranking)
    if (hop.resource == "cpu:cores") return hop;
  ADD_FAILURE() << "the CPU as a whole is not in the ranking";
  return {};
}

// Nothing but two CPU threads bounds it: 2 ns a byte for the stages give 1 GB/s, half of what is needed.
Machine bound_by_two_threads(const std::array<double, 3>& costs) {
  Machine machine;
  machine.limit("pcie:1:read", 50e9).memory(200e9).storage(60e9).stages(50e9, 60e9);
  machine.document.hosts[0].cpu.threads = 2;
  stage_at(machine.document.measurements.back(), costs);
  return machine;
}

TEST(CpuHop, ItsIntervalIsStudentsOverTheCpuTimeOfTheRepeats) {
  const auto hop = cores_of(bound_by_two_threads({1.9e-9, 2e-9, 2.1e-9}).ask());
  const double half = kT975OfThree * 0.1e-9 / std::sqrt(3.0);
  EXPECT_NEAR(hop.available_bytes_per_s.value(), 1e9, 1);
  EXPECT_NEAR(hop.available_low.value(), 2 / (2e-9 + half), 1e3);
  EXPECT_NEAR(hop.available_high.value(), 2 / (2e-9 - half), 1e3);
}

TEST(CpuHop, ItsIntervalTakesPartInThatOfTheUtilization) {
  const auto narrow = bound_by_two_threads({1.999e-9, 2e-9, 2.001e-9}).ask();
  const auto wide = bound_by_two_threads({1.6e-9, 2e-9, 2.4e-9}).ask();
  EXPECT_NEAR(narrow.utilization, 0.5, 0.005);
  EXPECT_NEAR(wide.utilization, 0.5, 0.005);
  EXPECT_LT(narrow.utilization_ci95_high - narrow.utilization_ci95_low, 0.01);
  EXPECT_LT(wide.utilization_ci95_low, 0.45);
  EXPECT_GT(wide.utilization_ci95_high, 0.55);
}

TEST(CpuHop, ItBindsTogetherWithWhatItsIntervalReaches) {
  // The drive carries 1.2 GB/s; the CPU 1 GB/s, give or take 3 or 30 %.
  const auto ask = [](const std::array<double, 3>& costs) {
    Machine machine = bound_by_two_threads(costs);
    for (auto& repeat : machine.document.measurements[1].repeats) repeat.throughput_bytes_per_s = 1.2e9;
    machine.document.measurements[1].throughput_bytes_per_s = testing::about(1.2e9, 0);
    std::vector<std::string> named;
    for (const auto& bottleneck : machine.ask().bottlenecks) named.push_back(bottleneck.resources.front());
    return named;
  };
  EXPECT_THAT(ask({1.98e-9, 2e-9, 2.02e-9}), ElementsAre("cpu:cores"));
  EXPECT_THAT(ask({1.75e-9, 2e-9, 2.25e-9}), ElementsAre("cpu:cores", "drive:vda"));
}

TEST(CpuHop, ReadingAndStagesAddUpRepeatByRepeat) {
  Machine machine = bound_by_two_threads({1e-9, 2e-9, 3e-9});
  read_at(machine.document.measurements[1], {3e-9, 2e-9, 1e-9});
  const auto hop = cores_of(machine.ask());
  EXPECT_NEAR(hop.available_bytes_per_s.value(), 0.5e9, 1) << "4 ns a byte over two threads";
  EXPECT_NEAR(hop.available_low.value(), 0.5e9, 1e4) << "what one lost the other gained, in every repeat";
  EXPECT_THAT(hop.evidence, ElementsAre("m2", "m3"));
}

TEST(CpuHop, OtherCountsOfRepeatsAddUpInQuadrature) {
  Machine machine = bound_by_two_threads({1.9e-9, 2e-9, 2.1e-9});
  record::Measurement& reading = machine.document.measurements[1];
  read_at(reading, {0.9e-9, 1e-9, 1.1e-9});
  reading.repeats.pop_back();
  const auto hop = cores_of(machine.ask());
  const double t_of_two = 12.706205;
  const double of_stages = kT975OfThree * 0.1e-9 / std::sqrt(3.0);
  const double of_reading = t_of_two * 0.1e-9 / std::sqrt(2.0) / std::sqrt(2.0);
  const double mean = 2e-9 + 0.95e-9;
  EXPECT_NEAR(hop.available_bytes_per_s.value(), 2 / mean, 1e3);
  EXPECT_NEAR(hop.available_low.value(), 2 / (mean + std::hypot(of_stages, of_reading)), 1e5);
}

TEST(CpuHop, WithoutTheCpuTimeOfRepeatsTheSpreadOfTheRateStandsIn) {
  Machine machine = bound_by_two_threads({2e-9, 2e-9, 2e-9});
  record::Measurement& stages = machine.document.measurements[2];
  for (auto& repeat : stages.repeats) repeat.counters.clear();  // as older documents have it
  stages.throughput_bytes_per_s = {10e9, 9e9, 11e9, {}, {}, {}};
  const auto d = machine.ask();
  const auto hop = cores_of(d);
  EXPECT_NEAR(hop.available_bytes_per_s.value(), 1e9, 1e3);
  EXPECT_NEAR(hop.available_low.value(), 0.9e9, 1e3);
  EXPECT_NEAR(hop.available_high.value(), 1.1e9, 1e3);
  std::vector<std::string> claims;
  for (const auto& step : d.explanation) claims.push_back(step.claim);
  EXPECT_THAT(claims, Contains(HasSubstr("its interval is as wide as that of the measured rate")));
}

TEST(CpuHop, OfOneShortRepeatNobodyKnowsTheInterval) {
  Machine machine = bound_by_two_threads({2e-9, 2e-9, 2e-9});
  record::Measurement& stages = machine.document.measurements[2];
  stages.repeats.resize(1);
  stages.throughput_bytes_per_s = {50e9, {}, {}, {}, {}, {}};
  const auto d = machine.ask();
  const auto hop = cores_of(d);
  EXPECT_NEAR(hop.available_bytes_per_s.value(), 1e9, 1e3);
  EXPECT_FALSE(hop.available_low.has_value());
  EXPECT_EQ(d.utilization_ci95_low, 0) << "it promises nothing";
}

TEST(CpuHop, AnIntervalReachesNoLowerThanATwentiethOfTheCost) {
  record::Measurement m = Machine().storage(1e9).document.measurements.front();
  read_at(m, {0.1e-9, 1e-9, 5e-9});
  const CpuCost cost = cost_of_reading(m);
  EXPECT_DOUBLE_EQ(cost.low, 0.05 * cost.mean);
}

TEST(CpuHop, ItsSumCanBeDoneByHand) {
  Machine machine = bound_by_two_threads({1.9e-9, 2e-9, 2.1e-9});
  read_at(machine.document.measurements[1], {1e-9, 1.1e-9, 0.9e-9});
  const auto d = machine.ask();
  std::vector<std::string> sums, claims;
  for (const auto& step : d.explanation)
    if (step.part == part::kCapacity) sums.push_back(step.arithmetic), claims.push_back(step.claim);
  EXPECT_THAT(sums, Contains("(1 + 1.1 + 0.9) ÷ 3 = 1"));
  EXPECT_THAT(sums, Contains("(1.9 + 2 + 2.1) ÷ 3 = 2"));
  EXPECT_THAT(sums, Contains("1 + 2 = 3"));
  EXPECT_THAT(sums, Contains("2 × 1000 MB ÷ 3 s = 666.7 MB/s"));
  EXPECT_THAT(claims, Contains(HasSubstr("over the 3 repeats, added up repeat by repeat")));
  EXPECT_THAT(claims,
              Contains(HasSubstr("CPU, if all 2 threads did only this: 667 MB/s measured, 95 % in ")));
  expect_sums(d);
}

TEST(CpuHop, CountsTheThreadsThatTheMeasuringProcessMightUse) {
  Machine machine = bound_by_two_threads({1.9e-9, 2e-9, 2.1e-9});
  topology::Cpu& cpu = machine.document.hosts[0].cpu;
  cpu.threads = 64;
  EXPECT_NEAR(cores_of(machine.ask()).available_bytes_per_s.value(), 32e9, 1e3)
      << "as older documents have it";
  cpu.usable_threads = 2;
  cpu.limited_by = "cpuset";
  const auto d = machine.ask();
  EXPECT_NEAR(cores_of(d).available_bytes_per_s.value(), 1e9, 1e3);
  EXPECT_EQ(cores_of(d).name, "CPU, if its 2 of 64 threads did only this");
  EXPECT_EQ(d.bottlenecks.at(0).resources.at(0), "cpu:cores");
  EXPECT_THAT(d.notes, Contains("the CPU counts as 2 of 64 hardware threads: a cpuset allows no more"));
  std::vector<std::string> claims;
  for (const auto& step : d.explanation) claims.push_back(step.claim);
  EXPECT_THAT(claims,
              Contains("2 of 64 hardware threads: a cpuset allows no more; they have so many CPU-seconds "
                       "in a second"));
  expect_sums(d);
  cpu.usable_threads = 1.5;
  cpu.limited_by = "quota";
  EXPECT_EQ(cores_of(machine.ask()).name, "CPU, if its 1.5 of 64 threads did only this");
  cpu.usable_threads = 64;
  cpu.limited_by = "";
  EXPECT_EQ(cores_of(machine.ask()).name, "CPU, if all 64 threads did only this");
  EXPECT_THAT(machine.ask().notes, Not(Contains(HasSubstr("hardware threads"))));
}

}  // namespace
}  // namespace millrace::diagnose
