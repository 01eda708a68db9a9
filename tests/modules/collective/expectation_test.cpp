// SPDX-License-Identifier: Apache-2.0
#include "modules/collective/expectation.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>

namespace millrace::collective {
namespace {

constexpr int kRanks = 3;
constexpr std::size_t kCount = 3000;

Request sum_of_floats(Collective collective) {
  Request request;
  request.collective = collective;
  request.type = ElementType::kFloat;
  if (reduces(collective)) request.operation = Operation::kSum;
  request.size = kCount * sizeof(float);
  request.ranks = kRanks;
  return request;
}

std::vector<std::byte> input(const Request& request, int rank, std::size_t count) {
  std::vector<std::byte> bytes(count * request.element());
  fill(bytes, input_of(request, rank), request.element(), 0);
  return bytes;
}

// By hand, as a library that works would.
std::vector<std::byte> sum(const Request& request) {
  std::vector<float> total(kCount);
  for (int rank = 0; rank < kRanks; ++rank) {
    const auto bytes = input(request, rank, kCount);
    for (std::size_t i = 0; i < kCount; ++i) {
      float value = 0;
      std::memcpy(&value, bytes.data() + i * sizeof value, sizeof value);
      total[i] += value;
    }
  }
  std::vector<std::byte> bytes(kCount * sizeof(float));
  std::memcpy(bytes.data(), total.data(), bytes.size());
  return bytes;
}

TEST(CheckOutput, LetsTheRightResultPassAndNoOther) {
  const Request request = sum_of_floats(Collective::kAllReduce);
  std::vector<std::byte> output = sum(request);
  EXPECT_TRUE(check_output(request, 1, output, "memory"));
  output[4 * 1234] ^= std::byte{1};
  const auto wrong = check_output(request, 1, output, "memory");
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().what,
            "rank 1: element 1234 of the result is not that of the reduction of all ranks");
  EXPECT_EQ(wrong.error().hint, "memory");
}

TEST(CheckOutput, SaysWhoseInputIsMissing) {
  const Request request = sum_of_floats(Collective::kAllGather);
  std::vector<std::byte> output;
  for (const int rank : {0, 2, 2}) {  // rank 2's where rank 1's belongs
    const auto share = input(request, rank, kCount / kRanks);
    output.insert(output.end(), share.begin(), share.end());
  }
  const auto wrong = check_output(request, 0, output, "");
  ASSERT_FALSE(wrong);
  EXPECT_THAT(wrong.error().what, testing::EndsWith("is not that of rank 1's input"));
}

TEST(CheckOutput, PoisonIsNeverRight) {
  for (const Collective collective :
       {Collective::kAllReduce, Collective::kBroadcast, Collective::kAllToAll}) {
    const Request request = sum_of_floats(collective);
    const std::vector<std::byte> poison(request.layout(0).output * request.element(), kPoison);
    EXPECT_FALSE(check_output(request, 0, poison, "")) << name_of(collective);
  }
}

TEST(RestingInput, DoesNotGrowWhereTheSumTakesItsInputsPlace) {
  Request request = sum_of_floats(Collective::kAllReduce);
  EXPECT_EQ(resting_input_of(request, 1), input_of(request, 1));
  request.in_place = true;
  const Period zeros = resting_input_of(request, 1);
  EXPECT_TRUE(std::all_of(zeros.begin(), zeros.end(), [](std::byte b) { return b == std::byte{0}; }));
}

}  // namespace
}  // namespace millrace::collective
