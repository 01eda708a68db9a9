// SPDX-License-Identifier: Apache-2.0
#include "modules/collective/pattern.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <cstring>

namespace millrace::collective {
namespace {

constexpr int kExact = 127;  // whole numbers up to it are exact in int8, bf16 and all others

TEST(Pattern, EveryPartialResultInAnyOrderIsAWholeNumberThatEveryTypeHolds) {
  for (const int ranks : {2, 3, 8, 33, 256, 4096})
    for (std::uint64_t index = 0; index < 300; ++index) {
      int magnitude = 0;  // bounds the sum over any subset of ranks
      int product = 1;
      for (int rank = 0; rank < ranks; ++rank) {
        magnitude += std::abs(input_value(Operation::kSum, rank, ranks, index));
        product *= std::abs(input_value(Operation::kProduct, rank, ranks, index));
        ASSERT_LE(std::abs(input_value(Operation::kMaximum, rank, ranks, index)), kExact);
      }
      ASSERT_LE(magnitude, kExact) << ranks;
      ASSERT_LE(product, kExact) << ranks;
    }
}

TEST(Pattern, AnAverageIsAWholeNumber) {
  for (const int ranks : {2, 3, 4, 7, 8, 60})
    for (std::uint64_t index = 0; index < 300; ++index) {
      int sum = 0;
      int magnitude = 0;
      for (int rank = 0; rank < ranks; ++rank) {
        sum += input_value(Operation::kAverage, rank, ranks, index);
        magnitude += std::abs(input_value(Operation::kAverage, rank, ranks, index));
      }
      ASSERT_EQ(sum, ranks * result_value(Operation::kAverage, ranks, index));
      ASSERT_LE(magnitude, kExact);
    }
}

TEST(Pattern, AResultLacksTheContributionOfARankThatIsLeftOut) {
  for (int absent = 0; absent < 5; ++absent) {
    int noticed = 0;
    for (std::uint64_t index = 0; index < 1000; ++index) {
      int sum = 0;
      for (int rank = 0; rank < 5; ++rank)
        if (rank != absent) sum += input_value(Operation::kSum, rank, 5, index);
      noticed += sum != result_value(Operation::kSum, 5, index) ? 1 : 0;
    }
    EXPECT_GT(noticed, 500);
  }
}

double read_back(ElementType type, const std::byte* at) {
  const auto as = [at]<typename T>(T value) {
    std::memcpy(&value, at, sizeof(value));
    return value;
  };
  switch (type) {
    case ElementType::kInt8:
      return as(std::int8_t{});
    case ElementType::kInt32:
      return as(std::int32_t{});
    case ElementType::kFloat:
      return as(float{});
    case ElementType::kDouble:
      return as(double{});
    case ElementType::kBfloat16: {
      const std::uint32_t bits = static_cast<std::uint32_t>(as(std::uint16_t{})) << 16;
      float value;
      std::memcpy(&value, &bits, sizeof(value));
      return value;
    }
    case ElementType::kHalf: {  // IEEE 754 binary16, of normal numbers and zero
      const std::uint16_t bits = as(std::uint16_t{});
      if ((bits & 0x7fff) == 0) return 0;
      const double significand = 1 + (bits & 0x3ff) / 1024.0;
      const double magnitude = std::ldexp(significand, ((bits >> 10) & 0x1f) - 15);
      return (bits & 0x8000) != 0 ? -magnitude : magnitude;
    }
  }
  return NAN;
}

TEST(WriteElement, IsExactInEveryTypeAndNeverThePoison) {
  for (const ElementType type : {ElementType::kInt8, ElementType::kInt32, ElementType::kHalf,
                                 ElementType::kBfloat16, ElementType::kFloat, ElementType::kDouble})
    for (int value = -100; value <= 100; ++value) {
      std::byte element[8] = {};
      write_element(type, value, element);
      EXPECT_EQ(read_back(type, element), value) << static_cast<int>(type);
      std::size_t poisoned = 0;
      for (std::size_t i = 0; i < size_of(type); ++i) poisoned += element[i] == kPoison ? 1 : 0;
      EXPECT_LT(poisoned, size_of(type));
    }
}

TEST(FirstWrong, FindsWhatIsChangedShiftedOrOfAnotherRank) {
  const Period mine = input_period(ElementType::kInt32, std::nullopt, 1, 4);
  std::vector<std::byte> array(4 * 50'000);
  fill(array, mine, 4, 12'345);
  EXPECT_FALSE(first_wrong(array, mine, 4, 12'345));
  EXPECT_TRUE(first_wrong(array, mine, 4, 12'346));
  EXPECT_TRUE(first_wrong(array, mine, 4, 12'345 + 16'384));
  EXPECT_TRUE(first_wrong(array, input_period(ElementType::kInt32, std::nullopt, 2, 4), 4, 12'345));
  array[4 * 40'000 + 1] ^= std::byte{1};
  EXPECT_EQ(first_wrong(array, mine, 4, 12'345), 40'000u);
}

TEST(Names, OfTypesAndOperationsAreRead) {
  EXPECT_EQ(type_named("bf16"), ElementType::kBfloat16);
  EXPECT_EQ(operation_named("prod"), Operation::kProduct);
  EXPECT_FALSE(type_named("fp8"));
  EXPECT_FALSE(operation_named("xor"));
}

}  // namespace
}  // namespace millrace::collective
