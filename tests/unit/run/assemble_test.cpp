// SPDX-License-Identifier: Apache-2.0
// From slices whose rates are known to the figures of a measurement.
#include "run/assemble.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

namespace millrace::run {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr std::int64_t kBegin = 1'000'000'000;
constexpr std::int64_t kPeriod = 1'000'000;
constexpr std::uint64_t kOperation = 100;  // bytes

using Rates = std::function<std::uint64_t(std::size_t slice)>;  // operations in a slice of a millisecond

class Assemble : public ::testing::Test {
 protected:
  Assemble() {
    module_.file = "/modules/probe.so";
    probe_.name = "probe";
    plan_.entry = {&module_, &probe_};
    plan_.workers.resize(1);
    plan_.workers[0].role = "worker";
    plan_.workers[0].from = "storage:vda";
    plan_.workers[0].to = "memory:0";
    machine_.graph.endpoints = {{"storage:vda", "storage", "vda", 0, {}, "", ""},
                                {"memory:0", "memory", "NUMA node 0", 0, {}, "", ""}};
    machine_.graph.resources = {{"drive:vda", "drive", "vda", 0, 2e6, "as the label says", {}, ""}};
    machine_.graph.links = {{"storage:vda", "memory:0", "drive:vda"}};
  }

  // A repeat of `threads` that all do the same, a slice a millisecond.
  static RepeatOutcome repeat(const Rates& rate, std::size_t slices = 2000, int threads = 1) {
    RepeatOutcome one;
    InstanceOutcome& outcome = one.outcome;
    outcome.stop_reason = "time limit";
    outcome.begin_ns = kBegin;
    outcome.end_ns = kBegin + static_cast<std::int64_t>(slices) * kPeriod;
    outcome.slice_period_ns = kPeriod;
    outcome.epoch_ns = (outcome.end_ns - outcome.begin_ns) / 16 + 1;
    WorkerOutcome worker;
    worker.begin_ns = outcome.begin_ns;
    worker.end_ns = outcome.end_ns;
    worker.latency.resize(kEpochs);
    for (int thread = 0; thread < threads; ++thread) {
      std::vector<stats::Slice> series;
      for (std::size_t i = 0; i < slices; ++i) {
        const std::int64_t at = kBegin + static_cast<std::int64_t>(i) * kPeriod;
        series.push_back({at, at + kPeriod, rate(i) * kOperation, rate(i)});
        worker.bytes += rate(i) * kOperation;
        worker.operations += rate(i);
      }
      worker.slices.push_back(std::move(series));
    }
    outcome.workers.push_back(std::move(worker));
    return one;
  }
  // Ten operations a slice, now and then nine or eleven: 1 MB/s.
  static std::uint64_t steady(std::size_t slice) {
    return 10 + (slice % 3 == 0 ? 1 : 0) - (slice % 3 == 1 ? 1 : 0);
  }

  record::Measurement put_together(const std::vector<RepeatOutcome>& repeats) {
    return assemble("m1", "label", plan_, machine_, repeats);
  }

  ModuleInfo module_;
  ProbeInfo probe_;
  InstancePlan plan_;
  topology::Machine machine_;
};

TEST_F(Assemble, SaysOnceWhatParametersCameToInAllWorkersAndRepeats) {
  RepeatOutcome one = repeat(steady);
  one.outcome.workers.push_back(one.outcome.workers.front());
  one.outcome.workers[0].report.resolved = {{"mtu", "1024"}, {"device", "rxe0:1"}};
  one.outcome.workers[1].report.resolved = {{"mtu", "1024"}, {"device", "rxe1:1"}};
  plan_.workers.resize(2, plan_.workers.front());
  const auto m = put_together({one, one});
  EXPECT_EQ(std::get<std::string>(m.parameters.at("mtu")), "1024");
  EXPECT_EQ(std::get<std::string>(m.parameters.at("device")), "rxe0:1, rxe1:1");
}

TEST_F(Assemble, FindsTheMeanOfSteadySlices) {
  const auto m = put_together({repeat(steady)});
  EXPECT_EQ(m.status, "ok") << m.reason;
  EXPECT_NEAR(m.throughput_bytes_per_s.mean, 1e6, 2e3);
  EXPECT_NEAR(m.operations_per_s.mean, 1e4, 20);
  EXPECT_LE(m.throughput_bytes_per_s.ci95_low, m.throughput_bytes_per_s.mean);
  EXPECT_GE(m.throughput_bytes_per_s.ci95_high, m.throughput_bytes_per_s.mean);
  EXPECT_THAT(m.flags, Not(Contains("unsteady")));
  EXPECT_DOUBLE_EQ(m.duration_s, 2.0);
  EXPECT_EQ(m.counters.at("worker:bytes"),
            static_cast<double>(m.counters.at("worker:operations")) * kOperation);
}

TEST_F(Assemble, KeepsOfEachRepeatItsOwnCpuTime) {
  RepeatOutcome first = repeat(steady), second = repeat(steady);
  const auto spend = [](RepeatOutcome& one, double user_s, double prep_s) {
    one.outcome.workers[0].report.counters = {{"worker:user_s", user_s}, {"worker:system_s", 0.5}};
    one.outcome.workers[0].report.stages = {{"prep", 4, 0.5, 0, 0, prep_s, 1000, {}, "cpu:prep"}};
  };
  spend(first, 1, 0.25);
  spend(second, 2, 0.75);
  plan_.elsewhere.push_back({1, plan_.workers[0]});
  for (RepeatOutcome* one : {&first, &second})
    one->outcome.workers.push_back(one->outcome.workers.front());  // on another host
  const auto m = put_together({first, second});
  ASSERT_EQ(m.repeats.size(), 2u);
  const auto& one = m.repeats[0].counters;
  const auto& other = m.repeats[1].counters;
  EXPECT_EQ(one.at("worker:user_s"), 1);
  EXPECT_EQ(other.at("worker:user_s"), 2);
  EXPECT_EQ(one.at("worker:system_s"), 0.5);
  EXPECT_EQ(one.at("worker:bytes"), static_cast<double>(first.outcome.workers[0].bytes));
  EXPECT_EQ(one.at("stage:prep:cpu_s"), 0.5);
  EXPECT_EQ(other.at("stage:prep:bytes"), 2000) << "stages add up over all workers, wherever they are";
  EXPECT_EQ(other.at("worker:bytes"), static_cast<double>(second.outcome.workers[0].bytes));
}

TEST_F(Assemble, AddsUpThreads) {
  EXPECT_NEAR(put_together({repeat(steady, 2000, 4)}).throughput_bytes_per_s.mean, 4e6, 8e3);
}

// Two repeats on a GPU that draws 100 W, read once a second.
class AssembleOnAGpu : public Assemble {
 protected:
  AssembleOnAGpu() {
    plan_.workers[0].to = "gpu:0";
    topology::GpuFacts facts;
    facts.gpu = "gpu:0";
    machine_.host.gpus = std::vector{facts};
    for (int r = 0; r < 2; ++r) {
      RepeatOutcome& one = repeats_.emplace_back(repeat(steady));
      for (int i = -1; i < 4; ++i) {
        topology::nvml::GpuSample& sample = one.gpus.by_gpu["gpu:0"].emplace_back();
        sample.at_ns = kBegin + i * 1'000'000'000LL;
        sample.energy_j = 1000 + 100.0 * i;
        sample.temperature_c = 50 + r;
      }
    }
  }
  std::vector<topology::nvml::GpuSample>& samples(std::size_t r) { return repeats_[r].gpus.by_gpu["gpu:0"]; }
  std::vector<RepeatOutcome> repeats_;
};

TEST_F(AssembleOnAGpu, SumsTheEnergyOfAllRepeats) {
  const auto m = put_together(repeats_);
  ASSERT_TRUE(m.energy_j);
  EXPECT_NEAR(*m.energy_j, 400, 1e-6);  // 2 repeats of 2 s
  EXPECT_EQ(m.metrics.at("gpu:0:temperature_c").max, 51);
  EXPECT_EQ(m.metrics.at("gpu:0:before:temperature_c").count, 2U);
}

TEST_F(AssembleOnAGpu, DoesNotPassOffPartOfTheEnergyAsAllOfIt) {
  for (auto& sample : samples(1)) sample.energy_j.reset();
  EXPECT_EQ(put_together(repeats_).energy_j, std::nullopt);
  plan_.workers.push_back(plan_.workers[0]);
  plan_.workers[1].from = "gpu:1";  // of which nothing was read
  EXPECT_EQ(put_together({repeats_[0]}).energy_j, std::nullopt);
}

TEST_F(AssembleOnAGpu, FlagsTheThrottledRepeatAndTheMeasurement) {
  EXPECT_THAT(put_together(repeats_).flags, Not(Contains("throttled")));
  samples(1)[2].clocks_held_by = {"sw_power_cap"};
  const auto m = put_together(repeats_);
  EXPECT_THAT(m.flags, Contains("throttled"));
  EXPECT_THAT(m.repeats[0].flags, IsEmpty());
  EXPECT_THAT(m.repeats[1].flags, ElementsAre("throttled"));
  EXPECT_NEAR(m.counters.at("gpu:0:throttled:sw_power_cap_s"), 1, 1e-9);
}

// A sender here and two receivers on another host, each recording half of the bytes.
class AssembleOverHosts : public Assemble {
 protected:
  AssembleOverHosts() {
    plan_.workers[0] = {"sender", "memory:0", "nic:eth0", -1, 1, 0, 0};
    for (int i = 0; i < 2; ++i)
      plan_.elsewhere.push_back({1, {"receiver", "host1/nic:eth0", "host1/memory:0", -1, 1, 0, 0}});
    machine_.graph = {};
    for (const int host : {0, 1}) {
      const std::string at = host == 0 ? "" : "host1/";
      machine_.graph.endpoints.push_back({at + "memory:0", "memory", "memory", host, {}, "", ""});
      machine_.graph.endpoints.push_back({at + "nic:eth0", "nic", "eth0", host, {}, "", ""});
      machine_.graph.resources.push_back({at + "link", "nic", "eth0", host, {}, "", {}, ""});
      machine_.graph.links.push_back({at + "memory:0", at + "nic:eth0", at + "link"});
      machine_.graph.links.push_back({at + "nic:eth0", at + "memory:0", at + "link"});
    }
    outcome_ = repeat(steady);
    WorkerOutcome receiver = outcome_.outcome.workers[0];
    receiver.report.counters["tcp:retransmits"] = 3;
    WorkerOutcome sender;
    sender.begin_ns = receiver.begin_ns;
    sender.end_ns = receiver.end_ns;
    sender.report.counters["tcp:retransmits"] = 5;
    outcome_.outcome.workers = {sender, receiver, receiver};
    outcome_.outcome.counters["host1/psi:io:full_s"] = 0.5;
  }
  RepeatOutcome outcome_;
};

TEST_F(AssembleOverHosts, EachByteCrossesBothHosts) {
  const auto m = put_together({outcome_});
  EXPECT_EQ(m.status, "ok") << m.reason;
  EXPECT_NEAR(m.throughput_bytes_per_s.mean, 2e6, 4e3);
  EXPECT_EQ(m.from, "memory:0");
  EXPECT_EQ(m.to, "host1/memory:0");
  ASSERT_EQ(m.path.size(), 2U);
  EXPECT_EQ(m.path[0], (record::MeasuredHop{"link", 1}));
  EXPECT_EQ(m.path[1], (record::MeasuredHop{"host1/link", 1}));
}

TEST_F(AssembleOverHosts, RanksAndCountersSayTheirHost) {
  const auto m = put_together({outcome_});
  ASSERT_EQ(m.participants.size(), 3U);
  EXPECT_EQ(m.participants[0].host, 0);
  EXPECT_EQ(m.participants[2].host, 1);
  EXPECT_EQ(m.participants[2].role, "receiver");
  EXPECT_EQ(m.counters.at("tcp:retransmits"), 5);
  EXPECT_EQ(m.counters.at("host1/tcp:retransmits"), 6);
  EXPECT_EQ(m.counters.at("host1/psi:io:full_s"), 0.5);
}

TEST_F(AssembleOverHosts, CountsOnlyTheWindowThatTheClocksAgreeOn) {
  outcome_.outcome.clock_error_ns = 100 * kPeriod;
  const auto m = put_together({outcome_});
  EXPECT_GE(m.repeats.at(0).begin_ns, kBegin + 100 * kPeriod);
  EXPECT_LE(m.repeats.at(0).end_ns, kBegin + 1900 * kPeriod);
  EXPECT_NEAR(m.throughput_bytes_per_s.mean, 2e6, 4e3);
}

TEST_F(Assemble, CutsTheWarmUpFromRatesAndLatencies) {
  auto warm = repeat([](std::size_t i) { return i < 400 ? 100 : steady(i); });
  warm.outcome.workers[0].latency[0].add(5'000'000, 100'000);  // slow at first
  for (std::size_t epoch = 6; epoch < 16; ++epoch) warm.outcome.workers[0].latency[epoch].add(1000, 1000);
  const auto m = put_together({warm});
  EXPECT_NEAR(m.throughput_bytes_per_s.mean, 1e6, 1e4);
  EXPECT_GE(m.repeats.at(0).begin_ns, kBegin + 390 * kPeriod);
  EXPECT_NEAR(m.repeats.at(0).warm_up_cut_s, 0.4, 0.05);
  ASSERT_TRUE(m.latency_s);
  EXPECT_EQ(m.latency_s->count, 10'000U);
  EXPECT_NEAR(m.latency_s->p99.value(), 1e-6, 1e-8);
}

TEST_F(Assemble, KnowsNoIntervalOfARunThatIsTooShortForOne) {
  const auto m = put_together({repeat(steady, 20)});
  EXPECT_GT(m.throughput_bytes_per_s.mean, 0);
  EXPECT_FALSE(m.throughput_bytes_per_s.ci95_low);
  EXPECT_FALSE(m.operations_per_s.ci95_high);
}

TEST_F(Assemble, FlagsAStepInTheMiddleAsUnsteady) {
  const auto step = repeat([](std::size_t i) { return steady(i) * (i < 1000 ? 2 : 1); });
  EXPECT_THAT(put_together({step}).flags, Contains("unsteady"));
  EXPECT_THAT(put_together({repeat(steady), repeat(steady), step}).flags, Not(Contains("unsteady")))
      << "one of three may have met a passing disturbance";
}

TEST_F(Assemble, TakesTheIntervalOverRepeatsWhereThereAreSeveral) {
  const auto m = put_together({repeat(steady), repeat([](std::size_t i) { return 2 * steady(i); })});
  EXPECT_NEAR(m.throughput_bytes_per_s.mean, 1.5e6, 5e3);
  // Of two, Student's t with one degree of freedom: 12.7 half differences.
  EXPECT_NEAR(*m.throughput_bytes_per_s.ci95_high, 1.5e6 + 12.706 * 0.5e6, 5e4);
  EXPECT_EQ(m.throughput_bytes_per_s.ci95_low, 0) << "a rate is not negative";
  EXPECT_EQ(m.repeats.size(), 2U);
  EXPECT_DOUBLE_EQ(m.duration_s, 4.0);
}

TEST_F(Assemble, ARepeatThatFailedFailsTheMeasurementAndKeepsTheFiguresOfTheOthers) {
  RepeatOutcome failed;
  failed.outcome.status = "failed";
  failed.outcome.reason = "crashed (SIGSEGV)";
  failed.outcome.hint = "see the module";
  const auto m = put_together({repeat(steady), failed});
  EXPECT_EQ(m.status, "failed");
  EXPECT_EQ(m.reason, "repeat 2: crashed (SIGSEGV)");
  EXPECT_EQ(m.hint, "see the module");
  EXPECT_NEAR(m.throughput_bytes_per_s.mean, 1e6, 2e3);
  EXPECT_EQ(m.repeats.size(), 1U);
}

TEST_F(Assemble, WhatWasNeverStartedHasItsReasonAndNoFigures) {
  plan_.workers.clear();
  RepeatOutcome skipped;
  skipped.outcome.status = "skipped";
  skipped.outcome.reason = "there is no GPU";
  const auto m = put_together({skipped});
  EXPECT_EQ(m.status, "skipped");
  EXPECT_EQ(m.reason, "there is no GPU");
  EXPECT_EQ(m.throughput_bytes_per_s.mean, 0);
  EXPECT_TRUE(m.repeats.empty() && m.path.empty());
}

TEST_F(Assemble, StandsBesideTheLimitOfItsPath) {
  const auto m = put_together({repeat(steady)});
  ASSERT_EQ(m.path.size(), 1U);
  EXPECT_EQ(m.path[0].resource, "drive:vda");
  EXPECT_EQ(m.limit_bytes_per_s, 2e6);
  EXPECT_NEAR(m.limit_fraction.value(), 0.5, 0.01);
}

TEST_F(Assemble, AFigureAboveTheLimitDiscreditsTheLimit) {
  const auto m = put_together({repeat([](std::size_t i) { return 5 * steady(i); })});
  EXPECT_EQ(m.status, "ok");
  EXPECT_THAT(m.flags, Contains("limit-discredited"));
  EXPECT_FALSE(m.limit_bytes_per_s || m.limit_fraction);
  EXPECT_THAT(m.limit_source, HasSubstr("dropped"));
}

TEST_F(Assemble, WhatCannotBeIsAFailure) {
  auto nothing = repeat([](std::size_t) { return 0; });
  EXPECT_THAT(put_together({nothing}).reason, HasSubstr("recorded no operation"));
  auto backwards = repeat(steady);
  backwards.outcome.workers[0].slices[0][7].end_ns = kBegin - 1;
  EXPECT_THAT(put_together({backwards}).reason, HasSubstr("run backwards"));
  auto ahead = repeat(steady);
  ahead.outcome.workers[0].slices[0].back().end_ns += 3'600'000'000'000;
  EXPECT_THAT(put_together({ahead}).reason, HasSubstr("in the future"));
  auto shrinking = repeat(steady);
  shrinking.outcome.workers[0].slices[0][7].bytes = static_cast<std::uint64_t>(-4096);
  EXPECT_THAT(put_together({shrinking}).reason, HasSubstr("shrink"));
  auto corrupt = repeat(steady);
  corrupt.outcome.workers[0].report.verified = 0;
  EXPECT_THAT(put_together({corrupt}).reason, HasSubstr("not the data that were sent"));
  for (const auto& m : {put_together({nothing}), put_together({corrupt})}) EXPECT_EQ(m.status, "failed");
}

TEST_F(Assemble, AFewLongOperationsHaveAMeanAllTheSame) {
  const auto m = put_together({repeat([](std::size_t) { return 10; }, 5)});
  EXPECT_EQ(m.status, "ok");
  EXPECT_NEAR(m.throughput_bytes_per_s.mean, 1e6, 1);
}

TEST_F(Assemble, SumsCountersAndKeepsThePeakOfMemory) {
  auto one = repeat(steady), two = repeat(steady);
  for (RepeatOutcome* r : {&one, &two}) {
    r->system_counters["block:vda:read_bytes"] = 100;
    r->outcome.workers[0].report.counters = {{"worker:peak_memory_bytes", r == &one ? 7 : 5}, {"hits", 3}};
    r->outcome.workers[0].report.samples["step_s"] = {1, 3};
    r->outcome.workers[0].report.stand_in = true;
  }
  const auto m = put_together({one, two});
  EXPECT_EQ(m.counters.at("block:vda:read_bytes"), 200);
  EXPECT_EQ(m.counters.at("hits"), 6);
  EXPECT_EQ(m.counters.at("worker:peak_memory_bytes"), 7);
  EXPECT_EQ(m.metrics.at("step_s").count, 4U);
  EXPECT_DOUBLE_EQ(m.metrics.at("step_s").mean, 2);
  EXPECT_EQ(m.device, "stand-in");
}

TEST_F(Assemble, BandwidthsOfACollectiveAreOfTheRecordAndNoMetrics) {
  auto one = repeat(steady), two = repeat(steady);
  one.outcome.workers[0].report.samples = {{"algorithm_bytes_per_s", {2e9, 4e9}},
                                           {"bus_bytes_per_s", {3e9, 6e9}}};
  two.outcome.workers[0].report.samples = {{"algorithm_bytes_per_s", {5e9}}, {"bus_bytes_per_s", {7.5e9}}};
  const auto m = put_together({one, two});
  ASSERT_TRUE(m.algorithm_bytes_per_s && m.bus_bytes_per_s);
  EXPECT_DOUBLE_EQ(m.algorithm_bytes_per_s->mean, 4e9)
      << "repeats count alike, however many batches each has";
  EXPECT_DOUBLE_EQ(m.bus_bytes_per_s->mean, 6e9);
  EXPECT_DOUBLE_EQ(*m.algorithm_bytes_per_s->p50, 4e9);
  EXPECT_GT(m.bus_bytes_per_s->ci95_high, 6e9);
  EXPECT_TRUE(m.metrics.empty());
  EXPECT_FALSE(put_together({repeat(steady)}).bus_bytes_per_s);
}

TEST_F(Assemble, TheDeviceIsWhereBytesEndedAndAStandInIsNeverHidden) {
  auto gpu = repeat(steady);
  gpu.outcome.workers[0].report.on_gpu = true;
  EXPECT_EQ(put_together({gpu}).device, "gpu");
  auto played = gpu;
  played.outcome.workers[0].report.stand_in = true;
  EXPECT_EQ(put_together({played, gpu}).device, "stand-in");
  EXPECT_EQ(put_together({repeat(steady)}).device, "host");
}

}  // namespace
}  // namespace millrace::run
