// SPDX-License-Identifier: Apache-2.0
#include "workload/collective_bytes.hpp"

#include <gtest/gtest.h>

namespace millrace::workload {
namespace {

// Each figure is worked by hand from reference section 8.
TEST(CollectiveBytes, AnAllReduceSendsTwiceTheArrayLessOnesOwnPart) {
  EXPECT_DOUBLE_EQ(ring_pass_bytes(800, 8), 700);         // 800 · 7/8
  EXPECT_DOUBLE_EQ(ring_all_reduce_bytes(800, 8), 1400);  // 2 · 800 · 7/8
  EXPECT_DOUBLE_EQ(ring_all_reduce_bytes(800, 1), 0);
}

TEST(CollectiveBytes, ZeroShardsTheReductionAndAtStageThreeMakesThreePasses) {
  // 1e9 parameters, 4 ranks, bf16: Ψ = 2 GB; one pass 1.5 GB.
  EXPECT_DOUBLE_EQ(data_parallel_bytes(1e9, 4, 0, 2, 2), 3e9);
  EXPECT_DOUBLE_EQ(data_parallel_bytes(1e9, 4, 1, 2, 2), 3e9);
  EXPECT_DOUBLE_EQ(data_parallel_bytes(1e9, 4, 3, 2, 2), 4.5e9);
  // fp32 gradients: 3 GB down, 1.5 GB of weights up, and once more at stage 3.
  EXPECT_DOUBLE_EQ(data_parallel_bytes(1e9, 4, 1, 4, 2), 4.5e9);
  EXPECT_DOUBLE_EQ(data_parallel_bytes(1e9, 4, 3, 4, 2), 6e9);
  EXPECT_DOUBLE_EQ(data_parallel_bytes(1e9, 1, 3, 4, 2), 0);
}

TEST(CollectiveBytes, TensorParallelReducesTwicePerLayerAndDirection) {
  // Llama-3 70B, 80 layers of 8192, 8 ranks, 8192 tokens: 4 all-reduces · 2 · 8192 · 8192 · 2 B · 7/8 =
  // 939,524,096 B a layer, 75.16 GB in all.
  EXPECT_DOUBLE_EQ(tensor_parallel_bytes(8192, 8192, 1, 8, 2, false), 939524096);
  EXPECT_DOUBLE_EQ(tensor_parallel_bytes(8192, 8192, 80, 8, 2, false), 80 * 939524096.0);
  EXPECT_DOUBLE_EQ(tensor_parallel_bytes(8192, 8192, 1, 8, 2, true), 939524096 * 1.5);
}

TEST(CollectiveBytes, APipelineSendsEveryTokensActivationOverABoundaryInTensorParts) {
  EXPECT_DOUBLE_EQ(pipeline_bytes(8192, 8192, 1, 2), 134217728);  // b·s·h · 2 B
  EXPECT_DOUBLE_EQ(pipeline_bytes(8192, 8192, 8, 2), 16777216);
}

TEST(CollectiveBytes, AContextRingPassesKeysAndValuesToAllOthersOnceForwardAndTwiceBackward) {
  EXPECT_DOUBLE_EQ(context_parallel_bytes(100, 4), 900);
  EXPECT_DOUBLE_EQ(context_parallel_bytes(100, 1), 0);
}

TEST(CollectiveBytes, ExpertsTakeFourAllToAllsOfWhatDoesNotStayAtHome) {
  // 1000 tokens · 8 experts · 7168 · 2 B = 114,688,000 B; 63/64 of it leaves; four times over 2 layers.
  EXPECT_DOUBLE_EQ(expert_parallel_bytes(1000, 7168, 8, 2, 64, 2), 4 * 2 * 114688000.0 * 63 / 64);
  EXPECT_DOUBLE_EQ(expert_parallel_bytes(1000, 7168, 8, 2, 1, 2), 0);
}

}  // namespace
}  // namespace millrace::workload
