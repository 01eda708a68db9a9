// SPDX-License-Identifier: Apache-2.0
#include "run/peer/messages.hpp"

#include <gtest/gtest.h>

#include <functional>
#include <random>

#include "run/shared_state.hpp"

namespace millrace::run::peer {
namespace {

InstanceOutcome some_outcome() {
  InstanceOutcome outcome;
  outcome.status = "failed";
  outcome.reason = "the flux capacitor is cold";
  outcome.stop_reason = "time limit";
  outcome.begin_ns = -5;
  outcome.end_ns = 1'000'000'000;
  outcome.counters = {{"psi:io:full_s", 0.25}};
  WorkerOutcome worker;
  worker.report.counters["worker:user_s"] = 1.5;
  worker.report.samples["step_s"] = {1, 2, 3};
  worker.report.flags = {"throttled"};
  worker.report.verified = 1;
  worker.begin_ns = 100;
  worker.end_ns = 300;
  worker.bytes = 4096;
  worker.operations = 2;
  // Slices with a gap, and one that overlaps.
  worker.slices = {{{100, 200, 4096, 1}, {250, 300, 0, 1}, {290, 310, 5, 6}}, {}};
  worker.latency.resize(kEpochs);
  worker.latency[3].add(1'000, 7);
  worker.latency[3].add(90'000);
  outcome.workers = {worker, WorkerOutcome{}};
  return outcome;
}

TEST(PeerMessages, AnOutcomeArrivesAsItWas) {
  const InstanceOutcome there = some_outcome();
  const auto here = decode_outcome(encode(there));
  ASSERT_TRUE(here);
  EXPECT_EQ(here->status, there.status);
  EXPECT_EQ(here->reason, there.reason);
  EXPECT_EQ(here->stop_reason, there.stop_reason);
  EXPECT_EQ(here->begin_ns, there.begin_ns);
  EXPECT_EQ(here->end_ns, there.end_ns);
  EXPECT_EQ(here->counters, there.counters);
  ASSERT_EQ(here->workers.size(), 2U);
  const WorkerOutcome& worker = here->workers[0];
  EXPECT_EQ(worker.report.counters, there.workers[0].report.counters);
  EXPECT_EQ(worker.report.samples, there.workers[0].report.samples);
  EXPECT_EQ(worker.report.verified, 1);
  EXPECT_EQ(worker.begin_ns, 100);
  EXPECT_EQ(worker.bytes, 4096U);
  ASSERT_EQ(worker.slices.size(), 2U);
  ASSERT_EQ(worker.slices[0].size(), 3U);
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(worker.slices[0][i].begin_ns, there.workers[0].slices[0][i].begin_ns);
    EXPECT_EQ(worker.slices[0][i].end_ns, there.workers[0].slices[0][i].end_ns);
    EXPECT_EQ(worker.slices[0][i].bytes, there.workers[0].slices[0][i].bytes);
    EXPECT_EQ(worker.slices[0][i].operations, there.workers[0].slices[0][i].operations);
  }
  ASSERT_EQ(worker.latency.size(), kEpochs);
  EXPECT_EQ(worker.latency[3].sparse(), there.workers[0].latency[3].sparse());
}

TEST(PeerMessages, APlanArrivesAsItWasAsked) {
  PlanRequest there{
      "tcp.stream", {{"streams", "4"}, {"streams", ""}}, {1, {"10.0.0.1", "10.0.0.2"}}, {5'000'000'000}};
  const auto here = decode_plan_request(encode(there));
  ASSERT_TRUE(here);
  EXPECT_EQ(here->probe, there.probe);
  EXPECT_EQ(here->given, there.given);
  EXPECT_EQ(here->hosts.self, 1);
  EXPECT_EQ(here->hosts.addresses, there.hosts.addresses);
  EXPECT_EQ(here->answer_time, there.answer_time);
}

TEST(PeerMessages, APlanForAHostThatIsNotOneOfThemIsNone) {
  for (const int self : {0, 2}) {
    const PlanRequest wrong{"x", {}, {self, {"10.0.0.1", "10.0.0.2"}}, {1}};
    EXPECT_FALSE(decode_plan_request(encode(wrong))) << self;
  }
}

TEST(PeerMessages, WorkersAndTheirPlacesArrive) {
  const PlanAnswer there{"ok", "", "", false, {{"sender", "memory:0", "nic:eth0", -1, 4, 1ULL << 40, 7}}};
  const auto here = decode_plan_answer(encode(there));
  ASSERT_TRUE(here);
  ASSERT_EQ(here->workers.size(), 1U);
  EXPECT_EQ(here->workers[0].role, "sender");
  EXPECT_EQ(here->workers[0].numa_node, -1);
  EXPECT_EQ(here->workers[0].threads, 4U);
  EXPECT_EQ(here->workers[0].memory_bytes, 1ULL << 40);
}

TEST(PeerMessages, WhatAModuleSaysAtLengthIsCutAndNotRefused) {
  const auto here = decode_failure(encode(Failure{"failed", std::string(1 << 20, 'x'), ""}));
  ASSERT_TRUE(here);
  EXPECT_EQ(here->reason.size(), kMostOfText);
}

TEST(PeerMessages, AMachineArrivesWithItsGraph) {
  MachineMessage there;
  there.machine.host.name = "node2";
  there.machine.host.cpu = {"CPU", 1, 2, 4};
  there.machine.host.numa = {{0, 1 << 30, {0, 1}}};
  there.machine.graph.endpoints = {{"memory:0", "memory", "NUMA node 0", 0, 0, "", ""}};
  there.machine.graph.resources = {{"memory:0", "memory_controller", "NUMA node 0", 0, {}, "", 0, ""}};
  there.own_address = "10.0.0.2";
  there.askers_address = "10.0.0.1";
  const auto here = decode_machine(encode(there));
  ASSERT_TRUE(here);
  EXPECT_EQ(here->machine, there.machine);
  EXPECT_EQ(here->own_address, "10.0.0.2");
}

TEST(PeerMessages, AllRanksBytesComeBackInOrder) {
  const std::vector<std::string> there{"", std::string(65'536, '\0'), "three"};
  EXPECT_EQ(decode_gathered(encode(there), 3), there);
  EXPECT_FALSE(decode_gathered(encode(there), 2)) << "of two ranks";
  EXPECT_FALSE(decode_gathered(encode(there), 4)) << "of four ranks";
  EXPECT_FALSE(decode_gathered(encode(std::vector<std::string>{std::string(65'537, 'x')}), 1)) << "too long";
}

// Bodies of every kind, each with the decoder that it is for.
struct Case {
  std::string body;
  std::function<bool(const std::string&)> accepts;
};

std::vector<Case> all_kinds() {
  return {
      {encode(some_outcome()), [](const auto& b) { return decode_outcome(b).has_value(); }},
      {encode(PlanRequest{"p", {{"a", "b"}}, {1, {"x", "y"}}, {7}}),
       [](const auto& b) { return decode_plan_request(b).has_value(); }},
      {encode(PlanAnswer{"ok", "r", "h", true, {{"s", "f", "t", 0, 1, 2, 3}}}),
       [](const auto& b) { return decode_plan_answer(b).has_value(); }},
      {encode(LaunchRequest{1, 2, {}}), [](const auto& b) { return decode_launch(b).has_value(); }},
      {encode(Failure{"failed", "why", "how"}), [](const auto& b) { return decode_failure(b).has_value(); }},
      {encode(StopRequest{"time limit", "", 300}), [](const auto& b) { return decode_stop(b).has_value(); }},
      {encode(Pace{300, 400, 500}), [](const auto& b) { return decode_pace(b).has_value(); }},
      {encode(HostRates{5, {1, 300}, {1, 2}}), [](const auto& b) { return decode_rates(b).has_value(); }},
      {encode(std::vector<std::string>{"one", "two"}),
       [](const auto& b) { return decode_gathered(b, 2).has_value(); }},
      {encode(std::int64_t{1} << 40), [](const auto& b) { return decode_number(b).has_value(); }},
      {encode_pong(1LL << 40, 5), [](const auto& b) { return decode_pong(b).has_value(); }},
  };
}

TEST(PeerMessages, NothingCutShortOrTooLongIsTaken) {
  for (const Case& one : all_kinds()) {
    EXPECT_TRUE(one.accepts(one.body));
    EXPECT_FALSE(one.accepts(one.body + "x"));
    for (std::size_t size = 0; size < one.body.size(); ++size)
      EXPECT_FALSE(one.accepts(one.body.substr(0, size)));
  }
}

TEST(PeerMessages, NoBytesWhateverDoHarm) {
  // Under the sanitizers this is a fuzzer: bits flipped in good bodies, and bodies of nothing but noise.
  std::mt19937 random(7);
  for (const Case& one : all_kinds())
    for (int round = 0; round < 2'000; ++round) {
      std::string body = one.body;
      for (int flips = 1 + static_cast<int>(random() % 4); flips > 0; --flips)
        body[random() % body.size()] ^= static_cast<char>(1U << random() % 8);
      one.accepts(body);
      std::string noise(random() % 64, '\0');
      for (char& c : noise) c = static_cast<char>(random());
      one.accepts(noise);
      decode_machine(noise);
    }
}

}  // namespace
}  // namespace millrace::run::peer
