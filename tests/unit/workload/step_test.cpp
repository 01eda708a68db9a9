// SPDX-License-Identifier: Apache-2.0
#include "workload/step.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

namespace millrace::workload {
namespace {

using testing::HasSubstr;

Profile llama_70b() {
  Profile profile;
  profile.name = "llama-70b";
  profile.kind = Kind::kPretrain;
  profile.figures = {"x", 1e15, 80e9, 0, 0, ""};
  profile.shape = {.parameters = 70e9,
                   .active_parameters = 70e9,
                   .layers = 80,
                   .hidden = 8192,
                   .heads = 64,
                   .kv_heads = 8,
                   .head_dim = 128};
  profile.training.sequence_tokens = 8192;
  profile.training.batch_tokens = std::int64_t{64} * 8192;
  profile.training.layouts = {{.ranks_from = 1, .tensor = 8, .pipeline = 4}};
  return profile;
}

const Traffic& traffic(const Step& step, std::string_view begin) {
  const auto found = std::find_if(step.traffic.begin(), step.traffic.end(),
                                  [&](const Traffic& t) { return t.name.starts_with(begin); });
  if (found == step.traffic.end()) throw std::runtime_error("no such traffic: " + std::string(begin));
  return *found;
}

TEST(AStepOfTraining, ComputesSixFlopsPerParameterAndToken) {
  Profile profile = llama_70b();
  // 6 · 70e9 · 524,288 tokens ÷ (256 · 1e15 · 0.5)
  EXPECT_NEAR(step_of(profile, 256)->compute_s, 1.72032, 1e-9);
  profile.training.recompute = true;
  EXPECT_NEAR(step_of(profile, 256)->compute_s, 1.72032 * 8 / 6, 1e-9);
}

TEST(AStepOfTraining, MovesWhatTheFormulasSayInGroupsOfRanksFromTheNearestOutwards) {
  const Step step = step_of(llama_70b(), 256).value();
  // 256 ranks ÷ (8 · 4) = 8 replicas of 65,536 tokens.
  const Traffic& tensor = traffic(step, "tensor");
  EXPECT_DOUBLE_EQ(tensor.bytes_per_rank, 20 * 4 * 2 * 65536.0 * 8192 * 2 * 7 / 8);
  EXPECT_EQ(tensor.group, 8);
  EXPECT_EQ(tensor.stride, 1);
  EXPECT_FALSE(tensor.overlaps);
  const Traffic& pipeline = traffic(step, "pipeline");
  EXPECT_DOUBLE_EQ(pipeline.bytes_per_rank, 65536.0 * 8192 * 2 / 8);
  EXPECT_EQ(pipeline.group, 4);
  EXPECT_EQ(pipeline.stride, 8);
  EXPECT_EQ(pipeline.pattern, Pattern::kChain);
  const Traffic& data = traffic(step, "data");
  EXPECT_DOUBLE_EQ(data.bytes_per_rank, 70e9 / 32 * 4 * 7 / 8);  // bf16 gradients down and weights up
  EXPECT_EQ(data.group, 8);
  EXPECT_EQ(data.stride, 32);
  EXPECT_TRUE(data.overlaps);
  const Traffic& input = traffic(step, "tokens");
  EXPECT_DOUBLE_EQ(input.bytes_per_rank, 524288.0 * 4 / 256);
  EXPECT_EQ(step.traffic.size(), 4u);
}

TEST(AStepOfTraining, ReducesGradientsOverContextRanksAsOverOneRingOfAll) {
  Profile profile = llama_70b();
  profile.training.layouts = {{.ranks_from = 1, .tensor = 8, .pipeline = 1, .context = 4}};
  const Step step = step_of(profile, 256).value();
  double gradients = 0;
  for (const Traffic& t : step.traffic)
    if (t.name.starts_with("data")) gradients += t.bytes_per_rank;
  EXPECT_NEAR(gradients, 70e9 / 8 * 4 * 31 / 32, 1);  // 4 context · 8 data ranks hold the same
  // 65,536 tokens ÷ 4; keys and values of 8 heads ÷ 8 ranks: 80 · 2 · 128 · 2 B a token.
  EXPECT_DOUBLE_EQ(traffic(step, "context").bytes_per_rank, 3 * 3 * 16384.0 * 80 * 2 * 128 * 2);
  EXPECT_EQ(traffic(step, "context").stride, 8);
}

TEST(AStepOfTraining, OfAMixtureOfExpertsReducesExpertsOverFewerRanks) {
  Profile profile = llama_70b();
  profile.shape.active_parameters = 10e9;
  profile.shape.expert_parameters = 64e9;
  profile.shape.expert_layers = 80;
  profile.shape.experts = 64;
  profile.shape.experts_per_token = 4;
  profile.training.layouts = {{.ranks_from = 1, .tensor = 1, .pipeline = 4, .context = 1, .expert = 8}};
  const Step step = step_of(profile, 256).value();  // 64 replicas of one sequence
  EXPECT_NEAR(step.compute_s, 6 * 10e9 * 524288 / (256 * 1e15 * 0.5), 1e-12);
  const Traffic& experts = traffic(step, "expert-parallel");
  EXPECT_EQ(experts.pattern, Pattern::kAllToAll);
  EXPECT_EQ(experts.group, 8);
  EXPECT_EQ(experts.stride, 1);
  EXPECT_DOUBLE_EQ(experts.bytes_per_rank, 4 * 20 * 8192.0 * 4 * 8192 * 2 * 7 / 8);
  const Traffic& of_experts = traffic(step, "data-parallel gradients of the experts");
  EXPECT_EQ(of_experts.group, 8);    // 64 replicas ÷ 8 that share the experts
  EXPECT_EQ(of_experts.stride, 32);  // expert 8 · pipeline 4
  EXPECT_DOUBLE_EQ(of_experts.bytes_per_rank, 64e9 / 4 / 8 * 4 * 7 / 8);
  double dense = 0;
  for (const Traffic& t : step.traffic)
    if (t.name.starts_with("data-parallel gradients outside")) dense += t.bytes_per_rank;
  EXPECT_NEAR(dense, 6e9 / 4 * 4 * 63 / 64, 1);
}

TEST(AStepOfTraining, GrowsItsBatchToAWholeSequenceForEveryReplica) {
  const Split split = split_of(llama_70b(), std::int64_t{32} * 100).value();
  EXPECT_EQ(split.data, 100);
  EXPECT_DOUBLE_EQ(split.replica_tokens, 8192);
  EXPECT_DOUBLE_EQ(split.batch_tokens, 100 * 8192);
}

TEST(AStepOfTraining, TakesTheLastLayoutThatTheRanksReach) {
  Profile profile = llama_70b();
  profile.training.layouts.push_back({.ranks_from = 1024, .tensor = 8, .pipeline = 16});
  EXPECT_EQ(split_of(profile, 512)->layout.pipeline, 4);
  EXPECT_EQ(split_of(profile, 1024)->layout.pipeline, 16);
}

TEST(AStepOfTraining, RefusesRanksThatCannotHoldItOrThatAReplicaDoesNotDivide) {
  const auto small = step_of(llama_70b(), 8);
  ASSERT_FALSE(small);
  EXPECT_THAT(small.error().what, HasSubstr("8 accelerators cannot hold its training state: 1.26 TB"));
  EXPECT_THAT(small.error().hint, HasSubstr("16 at least"));
  const auto odd = step_of(llama_70b(), 40);
  ASSERT_FALSE(odd);
  EXPECT_THAT(odd.error().what, HasSubstr("a replica takes 32 (tensor 8"));
  EXPECT_THAT(odd.error().hint, HasSubstr("a multiple of 32: 32 or 64"));
}

TEST(AStepOfTraining, OfEveryBuiltInModelSplitsTheLargestFabrics) {
  for (const Profile& profile : built_in()) {
    if (profile.kind != Kind::kPretrain) continue;
    for (const std::int64_t ranks : {1024, 16384, 131072, 1048576}) {
      const auto step = step_of(profile, ranks);
      ASSERT_TRUE(step) << profile.name << " on " << ranks << ": " << step.error().what;
      for (const Traffic& t : step->traffic) {
        // Groups fill the job, and lie within it.
        EXPECT_EQ(ranks % (t.group * t.stride), 0) << profile.name << " " << t.name;
        EXPECT_GT(t.bytes_per_rank, 0) << t.name;
      }
    }
  }
}

TEST(AStepOfTraining, WritesItsCheckpointsShareOnAverage) {
  Profile profile = llama_70b();
  profile.checkpoint.write_bytes_per_s = 50e6;
  profile.checkpoint.interval_s = 1720.32;  // a thousand steps
  profile.figures.host_copy_bytes_per_s = 10e9;
  const Step step = step_of(profile, 256).value();
  EXPECT_NEAR(traffic(step, "checkpoint").bytes_per_rank, 70e9 * 14 / 256 / 1000, 1e-3);
  EXPECT_EQ(traffic(step, "checkpoint").purpose, Purpose::kCheckpoint);
  EXPECT_TRUE(traffic(step, "checkpoint").overlaps);
}

}  // namespace
}  // namespace millrace::workload
