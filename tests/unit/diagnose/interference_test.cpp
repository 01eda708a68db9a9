// SPDX-License-Identifier: Apache-2.0
#include "diagnose/interference.hpp"

#include <gtest/gtest.h>

#include <cmath>

namespace millrace::diagnose {
namespace {

constexpr std::int64_t kSecond_ns = 1'000'000'000;

// Two readers a and b, alone and together.
class InterferencePair : public ::testing::Test {
 protected:
  record::Document document;

  record::Measurement& read(const std::string& from, double bytes_per_s, double p99_s,
                            std::int64_t begin_s = 0) {
    record::Measurement& m = document.measurements.emplace_back();
    m.id = std::string("m").append(std::to_string(document.measurements.size()));
    m.probe = std::string("storage.read");
    m.from = from;
    m.throughput_bytes_per_s.mean = bytes_per_s;
    m.latency_s = record::Latency{};
    m.latency_s->p99 = p99_s;
    m.repeats = {{bytes_per_s, 0, begin_s * kSecond_ns, (begin_s + 10) * kSecond_ns, "converged"}};
    return m;
  }
  void together() {
    document.measurements[2].concurrent_with = {"m4"};
    document.measurements[3].concurrent_with = {"m3"};
  }
};

TEST_F(InterferencePair, EachVictimKeepsAShareAndItsTailGrows) {
  read("a", 1e9, 0.001);
  read("b", 2e9, 0.002);
  read("a", 0.9e9, 0.0015, 100);
  read("b", 0.5e9, 0.008, 100);
  together();
  const auto pairs = interference_of(document);
  ASSERT_EQ(pairs.size(), 2u);
  EXPECT_EQ(pairs[0].victim, "m3");
  EXPECT_EQ(pairs[0].aggressor, "m4");
  EXPECT_NEAR(pairs[0].throughput_kept, 0.9, 1e-9);
  EXPECT_NEAR(pairs[0].p99_added_s.value(), 0.0005, 1e-9);
  EXPECT_NEAR(pairs[1].throughput_kept, 0.25, 1e-9);
  EXPECT_NEAR(pairs[1].p99_ratio, 4, 1e-9);
  EXPECT_NEAR(pairs[1].p99_added_s.value(), 0.006, 1e-9);
}

TEST_F(InterferencePair, WhatAVictimMovesAfterItsAggressorEndedDoesNotCount) {
  read("a", 1e9, 0.001);
  read("b", 2e9, 0.002);
  record::Measurement& victim = read("a", 0.8e9, 0.0015, 100);
  victim.slices = record::Slices{1, {}, {}};
  for (int i = 0; i < 10; ++i) victim.slices->bytes.push_back(i < 5 ? 600000000 : 1000000000);
  read("b", 0.5e9, 0.008, 100).repeats[0].end_ns = 105 * kSecond_ns;
  together();
  const auto pairs = interference_of(document);
  ASSERT_EQ(pairs.size(), 2u);
  EXPECT_NEAR(pairs[0].throughput_kept, 0.6, 1e-9) << "not the 0.8 of its whole time";
  EXPECT_FALSE(pairs[0].p99_added_s) << "the percentile is of its whole time";
  EXPECT_TRUE(std::isnan(pairs[0].p99_ratio));
}

TEST_F(InterferencePair, APercentileThatIsNotResolvedIsUnknown) {
  read("a", 1e9, 0.001).latency_s->p99.reset();
  read("b", 2e9, 0.002);
  read("a", 0.9e9, 0.0015, 100);
  read("b", 0.5e9, 0.008, 100);
  together();
  const auto pairs = interference_of(document);
  EXPECT_TRUE(std::isnan(pairs[0].p99_ratio)) << "unknown is no ratio of 1";
  EXPECT_FALSE(pairs[0].p99_added_s);
}

TEST_F(InterferencePair, WithoutARunAloneNothingIsSaid) {
  read("c", 1e9, 0.001);
  read("b", 2e9, 0.002);
  read("a", 0.9e9, 0.0015, 100);
  read("b", 0.5e9, 0.008, 100);
  together();
  ASSERT_EQ(interference_of(document).size(), 1u);
  EXPECT_EQ(interference_of(document)[0].victim, "m4");
}

}  // namespace
}  // namespace millrace::diagnose
