// SPDX-License-Identifier: Apache-2.0
#include "workload/serving_time.hpp"

#include <gtest/gtest.h>

#include "workload/mix.hpp"

namespace millrace::workload {
namespace {

TEST(KeysAndValues, TakeTheReferencesBytesPerToken) {
  EXPECT_EQ(load("llama3-8b-serve-h100")->front().shape.kv_bytes_per_token(2), 131072);
  EXPECT_EQ(load("llama3-70b-serve-h100")->front().shape.kv_bytes_per_token(2), 327680);
  EXPECT_EQ(load("llama3-405b-serve-h100")->front().shape.kv_bytes_per_token(2), 516096);
  EXPECT_EQ(load("moe-1t-serve-h100")->front().shape.kv_bytes_per_token(2),
            70272);  // DeepSeek-V3's attention
}

TEST(ARequest, CostsByItsNewTokensAndBeatsRecomputingAboveTheBreakEven) {
  Profile profile;
  profile.figures = {"x", 1e15, 80e9, 2e12, 50e9, ""};
  profile.shape = {.parameters = 10e9,
                   .active_parameters = 10e9,
                   .layers = 10,
                   .heads = 8,
                   .kv_heads = 8,
                   .head_dim = 128};
  profile.serving.context_tokens = 3000;
  profile.serving.cached_tokens = 2000;
  profile.serving.replica_ranks = 2;
  profile.serving.mfu = 0.5;
  profile.serving.memory_utilization = 0.5;
  const RequestCost cost = request_cost(profile);
  EXPECT_DOUBLE_EQ(cost.kv_bytes_per_token, 40960);  // 2 · 10 · 8 · 128 · 2
  EXPECT_DOUBLE_EQ(cost.prefill_s, 0.02);            // 2 · 10e9 · 1000 ÷ (2 · 1e15 · 0.5)
  EXPECT_DOUBLE_EQ(cost.recompute_s, 0.04);
  EXPECT_DOUBLE_EQ(cost.fetch_bytes, 81.92e6);
  EXPECT_DOUBLE_EQ(cost.transfer_bytes, 40.96e6);  // half of it into each GPU
  EXPECT_DOUBLE_EQ(cost.decode_s, 0.01);           // 20 GB ÷ (2 · 2e12 · 0.5)
  EXPECT_DOUBLE_EQ(cost.break_even_bytes_per_s,
                   2.048e9);  // 40,960 · 1e15 ÷ 2e10: at which fetching takes 0.04 s
  EXPECT_DOUBLE_EQ(cost.fetch_bytes / cost.break_even_bytes_per_s, cost.recompute_s);
}

TEST(Loading, StreamedTakesTheLongerAndStagedTheSum) {
  Profile profile;
  profile.loading.weights_bytes = 100e9;
  profile.loading.replica_ranks = 2;
  EXPECT_DOUBLE_EQ(loading_s(profile, 5e9, 50e9), 10);
  EXPECT_DOUBLE_EQ(loading_s(profile, 100e9, 50e9), 1);
  profile.loading.streamed = false;
  EXPECT_DOUBLE_EQ(loading_s(profile, 5e9, 50e9), 11);
}

TEST(AMix, GivesWholeReplicasOfItsShares) {
  const auto jobs = jobs_of(load("factory-corporate-h100")->front(), 100);
  ASSERT_TRUE(jobs) << jobs.error().what;
  EXPECT_EQ((*jobs)[0].ranks, 60);  // replicas of 4
  EXPECT_EQ((*jobs)[1].ranks, 40);
  const auto odd = jobs_of(load("factory-corporate-h100")->front(), 90);
  EXPECT_EQ((*odd)[0].ranks, 52);  // of 54
}

TEST(AMix, OfTooSmallASiteSaysWhichJobDoesNotFit) {
  const auto jobs = jobs_of(load("factory-corporate-h100")->front(), 8);
  ASSERT_FALSE(jobs);
  EXPECT_NE(jobs.error().what.find("llama3-70b-finetune"), std::string::npos) << jobs.error().what;
}

TEST(AMix, OfAnUnknownWorkloadSaysWhich) {
  Profile mix = load("factory-edge-l4")->front();
  mix.mix.parts[0].workload = "vision-edg";
  const auto jobs = jobs_of(mix, 16);
  ASSERT_FALSE(jobs);
  EXPECT_NE(jobs.error().what.find("'vision-edg' is no workload on l4"), std::string::npos);
  EXPECT_NE(jobs.error().hint.find("vision-edge"), std::string::npos);
}

TEST(TheFewestRanks, HoldTheModelInWholeReplicas) {
  EXPECT_EQ(least_ranks(load("llama3-405b-pretrain-h100")->front()), 128);
  EXPECT_EQ(least_ranks(load("llama3-70b-pretrain-h100")->front()), 16);
  EXPECT_EQ(least_ranks(load("llama3-70b-serve-h100")->front()), 4);
}

}  // namespace
}  // namespace millrace::workload
