// SPDX-License-Identifier: Apache-2.0
#include "modules/rdma/defaults.hpp"

#include <gtest/gtest.h>

namespace millrace::rdma {
namespace {

constexpr Shape kWrites{Operation::kWrite, Mode::kBandwidth, false, false};
constexpr Shape kPolled{Operation::kWrite, Mode::kLatency, false, true};

TEST(Defaults, large_messages_are_posted_and_completed_one_by_one_128_deep) {
  const Tuning tuning = tuning_for(kWrites, 65536, {});
  EXPECT_EQ(tuning, (Tuning{128, 1, 1, 0, true}));
}

TEST(Defaults, small_messages_go_in_lists_and_share_completions) {
  const Tuning tuning = tuning_for(kWrites, 64, {});
  EXPECT_EQ(tuning.depth, 128U);
  EXPECT_EQ(tuning.list, 16U);
  EXPECT_EQ(tuning.signal_every, 64U);
  EXPECT_EQ(tuning.inline_bytes, 0U);
}

TEST(Defaults, eight_kibibytes_is_the_last_small_size) {
  EXPECT_GT(tuning_for(kWrites, 8192, {}).signal_every, 1U);
  EXPECT_EQ(tuning_for(kWrites, 8193, {}).signal_every, 1U);
}

TEST(Defaults, latency_has_one_message_in_flight_inline_up_to_220_bytes) {
  EXPECT_EQ(tuning_for(kPolled, 8, {}).depth, 1U);
  EXPECT_EQ(tuning_for(kPolled, 8, {}).inline_bytes, 220U);
  EXPECT_EQ(tuning_for(kPolled, 221, {}).inline_bytes, 0U);
}

TEST(Defaults, memory_whose_last_byte_is_polled_is_never_written_out_of_order) {
  Wishes wishes;
  wishes.relaxed_ordering = true;
  EXPECT_FALSE(tuning_for(kPolled, 8, wishes).relaxed_ordering);
}

TEST(Defaults, nothing_is_inline_that_the_cpu_cannot_copy) {
  Wishes wishes;
  wishes.inline_bytes = 128;
  EXPECT_EQ(tuning_for({Operation::kWrite, Mode::kLatency, true, false}, 8, wishes).inline_bytes, 0U);
  EXPECT_EQ(tuning_for({Operation::kRead, Mode::kLatency, false, false}, 8, wishes).inline_bytes, 0U);
}

// Else messages would be in flight that no completion stands for.
TEST(Defaults, whatever_is_wished_completions_come_at_the_end_of_lists_and_lists_fit_the_depth) {
  for (const std::uint32_t depth : {1U, 2U, 7U, 128U})
    for (const std::uint32_t list : {1U, 3U, 16U, 500U})
      for (const std::uint32_t every : {1U, 5U, 100U, 1000U}) {
        const Tuning tuning = tuning_for(kWrites, 64, {depth, list, every, {}, {}});
        EXPECT_LE(tuning.list, tuning.depth);
        EXPECT_LE(tuning.signal_every, tuning.depth);
        EXPECT_GE(tuning.signal_every, 1U);
        EXPECT_EQ(tuning.signal_every % tuning.list, 0U) << depth << ' ' << list << ' ' << every;
      }
}

}  // namespace
}  // namespace millrace::rdma
