// SPDX-License-Identifier: Apache-2.0
// What is named as relief is tried: with it the same question is answered with "in time", with less it is
// not.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "diagnose/life.hpp"
#include "diagnose/loading_relief.hpp"

namespace millrace::diagnose {
namespace {

using testing::HasSubstr;

workload::Profile named(const std::string& name) { return workload::load(name)->front(); }

record::Diagnosis asked(const workload::Profile& profile, const record::Document& document = {},
                        int accelerators = 1) {
  return diagnose(document, {profile, accelerators, std::nullopt});
}

record::Document read_at(double mean) {
  record::Document document;
  document.hosts.emplace_back();
  record::Measurement& m = document.measurements.emplace_back();
  m.id = "m1";
  m.probe = "storage.read";
  m.throughput_bytes_per_s = {mean, mean, mean, {}, {}, {}};
  for (int i = 0; i < 3; ++i) m.repeats.push_back({mean, 1, 0, 1000000000, "time limit"});
  return document;
}

workload::BudgetPart& part(workload::Profile& profile, const std::string& name) {
  return *std::find_if(profile.serving.parts.begin(), profile.serving.parts.end(),
                       [&](const auto& one) { return one.name == name; });
}

// The part's given times divided by a factor.
workload::Profile faster(workload::Profile profile, const std::string& name, double factor) {
  part(profile, name).p50_s /= factor;
  part(profile, name).p99_s /= factor;
  return profile;
}

TEST(ALateAnswer, IsInTimeWithTheReliefThatIsNamedAndNotWithLess) {
  workload::Profile profile = named("vision-edge-l4");
  part(profile, "network round trip").p50_s = 0.03;
  part(profile, "network round trip").p99_s = 0.04;
  const auto d = asked(profile);
  ASSERT_EQ(d.relief.size(), 1U);
  const record::Relief& relief = d.relief.front();
  EXPECT_EQ(relief.resource, "network round trip");
  EXPECT_EQ(relief.next_bottleneck, "detector");
  const auto better = asked(faster(profile, relief.resource, relief.factor));
  EXPECT_EQ(better.verdict, "fed");
  EXPECT_NEAR(better.latency->p99_s, *relief.latency_s, 1e-9);
  EXPECT_EQ(asked(faster(profile, relief.resource, relief.factor / 1.05)).verdict, "starved");
  EXPECT_THAT(d.sentence, HasSubstr("vision-edge on 1 × L4 is too late"));
  EXPECT_THAT(d.sentence, HasSubstr("Mend network round trip: "));
  EXPECT_THAT(d.sentence, HasSubstr("keeps the budget; then detector takes most."));
}

TEST(ALateAnswer, NamesAllThatHaveToBeMendedWhereOneDoesNotSuffice) {
  workload::Profile profile = named("vision-edge-l4");
  for (const char* name : {"network round trip", "unpacking"}) {
    part(profile, name).p50_s = 0.03;
    part(profile, name).p99_s = 0.04;
  }
  part(profile, "unpacking").p99_s = 0.05;
  const auto d = asked(profile);
  ASSERT_EQ(d.relief.size(), 2U);
  EXPECT_EQ(d.relief[0].resource, "unpacking");
  EXPECT_EQ(d.relief[0].next_bottleneck, "network round trip");
  EXPECT_GT(*d.relief[0].latency_s, profile.serving.budget_s);
  EXPECT_EQ(d.relief[1].resource, "network round trip");
  const double factor = d.relief[0].factor;
  const auto one = faster(profile, "unpacking", factor);
  EXPECT_EQ(asked(one).verdict, "starved");
  EXPECT_EQ(asked(faster(one, "network round trip", d.relief[1].factor)).verdict, "fed");
  EXPECT_THAT(d.sentence, HasSubstr("unpacking and network round trip, each"));
}

TEST(AnOverloadedReplica, IsRelievedByAsManyReplicasAsAreNamed) {
  workload::Profile profile = named("vision-edge-l4");
  profile.serving.requests_per_s = 400;  // of 4 ms each
  const auto d = asked(profile);
  ASSERT_EQ(d.relief.size(), 1U);
  EXPECT_EQ(d.relief[0].resource, "queue");
  EXPECT_EQ(d.latency->mend, "queue");
  profile.serving.requests_per_s = 400 / d.relief[0].factor;
  EXPECT_EQ(asked(profile).verdict, "fed");
  profile.serving.requests_per_s *= 1.05;
  EXPECT_EQ(asked(profile).verdict, "starved");
}

TEST(StorageThatAllReplicasOverload, IsRelievedByWhatCarriesThem) {
  const workload::Profile profile = named("llama3-8b-serve-h100");
  const auto d = asked(profile, read_at(2e9), 8);
  ASSERT_EQ(d.verdict, "starved");
  ASSERT_EQ(d.relief.size(), 1U);
  EXPECT_EQ(d.relief[0].resource, "fetch of cached keys and values");
  EXPECT_EQ(d.latency->mend, d.relief[0].resource);
  EXPECT_GT(d.relief[0].factor, 1.6);  // 8 × 805 MB/s at least
  EXPECT_EQ(asked(profile, read_at(2e9 * d.relief[0].factor), 8).verdict, "fed");
}

TEST(AnAnswerInTime, NeedsNoRelief) {
  EXPECT_TRUE(asked(named("vision-edge-l4")).relief.empty());
  EXPECT_TRUE(asked(named("llama3-8b-cold-start-h100"), read_at(2e9)).relief.empty());
}

TEST(ASlowColdStart, IsSoonEnoughWithTheReliefThatIsNamedAndNotWithLess) {
  const workload::Profile profile = named("llama3-8b-cold-start-h100");
  const auto d = asked(profile, read_at(0.2e9));
  ASSERT_EQ(d.relief.size(), 1U);
  EXPECT_EQ(d.relief[0].resource, "storage");
  EXPECT_EQ(d.relief[0].next_bottleneck, "engine start");  // 15 s, where the copy takes 0.3
  EXPECT_NEAR(d.relief[0].factor, 16060522496 / 45 / 0.2e9, 0.01);
  const auto better = asked(profile, read_at(0.2e9 * d.relief[0].factor));
  EXPECT_EQ(better.verdict, "fed");
  EXPECT_NEAR(better.latency->p50_s, *d.relief[0].latency_s, 1e-9);
  EXPECT_EQ(asked(profile, read_at(0.2e9 * (d.relief[0].factor - 0.02))).verdict, "starved");
  EXPECT_THAT(d.sentence, HasSubstr("llama3-8b-cold-start on 1 × H100 is too slow"));
  EXPECT_EQ(d.explanation.back().part, "relief");
}

// 100 s of reading and 80 s of copying.
double after(bool streamed, double fixed_s, const std::vector<LoadingRelief>& relief) {
  LoadingTimes times{100, 80, fixed_s};
  for (const LoadingRelief& step : relief) times.*step.what /= step.factor;
  return times.whole_s(streamed);
}

TEST(ALoading, IsMendedInAllThatIsTooSlow) {
  const LoadingTask streamed{"", "", 1, true, 10, "engine start", 60, 1};
  auto relief = relieve_loading(streamed, {100, 80, 10});
  ASSERT_EQ(relief.size(), 2U);
  EXPECT_DOUBLE_EQ(relief[0].factor, 2);    // 100 ÷ (60 − 10)
  EXPECT_DOUBLE_EQ(relief[1].factor, 1.6);  // 80 ÷ (60 − 10)
  EXPECT_DOUBLE_EQ(relief[0].whole_s, 90);
  EXPECT_DOUBLE_EQ(relief[1].whole_s, 60);
  EXPECT_EQ(relief[0].next, &LoadingTimes::copy_s);
  EXPECT_EQ(relief[1].next, &LoadingTimes::read_s);  // 50 s, mended as it is

  LoadingTask staged = streamed;
  staged.streamed = false;
  staged.wanted_s = 100;
  relief = relieve_loading(staged, {100, 80, 10});
  ASSERT_EQ(relief.size(), 1U);  // 80 + 10 + 100 ÷ 10
  EXPECT_NEAR(relief[0].factor, 10, 1e-9);
  EXPECT_EQ(relief[0].next, &LoadingTimes::copy_s);
  staged.wanted_s = 55;
  relief = relieve_loading(staged, {100, 80, 10});
  ASSERT_EQ(relief.size(), 2U);
  EXPECT_DOUBLE_EQ(relief[0].factor, 4);  // 180 ÷ (55 − 10)
  EXPECT_LE(after(false, 10, relief), 55);

  LoadingTask fixed = streamed;
  fixed.wanted_s = 8;
  relief = relieve_loading(fixed, {100, 80, 10});
  ASSERT_FALSE(relief.empty());
  EXPECT_EQ(relief.front().what, &LoadingTimes::fixed_s);
  EXPECT_LE(after(true, 10, relief), 8);
}

}  // namespace
}  // namespace millrace::diagnose
