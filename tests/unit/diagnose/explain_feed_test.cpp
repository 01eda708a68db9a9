// SPDX-License-Identifier: Apache-2.0
#include "diagnose/explain_feed.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "diagnose/explanation.hpp"
#include "explanation_sums.hpp"
#include "machine.hpp"

namespace millrace::diagnose {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::Machine;

std::vector<std::string> arithmetic_of(const record::Diagnosis& d, const std::string& of_part) {
  std::vector<std::string> lines;
  for (const record::ExplanationStep& step : d.explanation)
    if (step.part == of_part && !step.arithmetic.empty()) lines.push_back(step.arithmetic);
  return lines;
}

TEST(ExplainFeed, EveryLineGivesItsResultWhateverBinds) {
  for (const int accelerators : {1, 3, 100})
    for (const double storage : {0.4e9, 1.1e9, 7e9})
      for (const double stage : {0.7e9, 2.1e9, 40e9}) {
        Machine machine;
        machine.limit("pcie:1:read", 3.94e9)
            .storage(storage, 0.01e9)
            .memory(9e9)
            .stages(stage, 5e9, 0.02e9, 1e-9);
        machine.proof(0.4321);
        const record::Diagnosis d = machine.ask(accelerators);
        EXPECT_GT(expect_sums(d), 15) << "with " << accelerators;
      }
}

TEST(ExplainFeed, TheDemandIsTheOneThatAnybodyWouldCompute) {
  const record::Diagnosis d = Machine().storage(1e9).ask(2);
  EXPECT_THAT(arithmetic_of(d, part::kDemand),
              ElementsAre("10 records × 0.1 GB = 1 GB", "1 GB ÷ 0.5 s = 2 GB/s", "2 × 2 GB/s = 4 GB/s"));
}

TEST(ExplainFeed, ACapacityIsTheMeanOfItsRepeatsOverWhatItIsScaledBy) {
  Machine machine;
  machine.storage(1e9, 0.05e9).memory(9e9).stages(2e9, 5e9);
  const auto lines = arithmetic_of(machine.ask(), part::kCapacity);
  EXPECT_THAT(lines, Contains("(0.95 + 1 + 1.05) GB/s ÷ 3 = 1 GB/s"));
  EXPECT_THAT(lines, Contains("9 GB/s × 2 ÷ 5 = 3.6 GB/s"))
      << "a copy crosses memory twice, a record five times";
  EXPECT_THAT(lines, Contains("2 GB/s ÷ 0.4 = 5 GB/s")) << "the copy worked two fifths of the time";
}

TEST(ExplainFeed, WhatBindsAndWhatFollowsStandInTheFiguresOfTheDiagnosis) {
  Machine machine;
  machine.storage(1e9, 0.01e9).memory(9e9).stages(3e9, 50e9);
  const record::Diagnosis d = machine.ask();
  EXPECT_THAT(arithmetic_of(d, part::kUtilization), Contains("2 GB/s ÷ 1 GB/s = 200 %"));
  EXPECT_THAT(arithmetic_of(d, part::kBinding), ElementsAre("200 % > 66.67 %"));
  EXPECT_THAT(arithmetic_of(d, part::kPrediction), Contains("1 GB ÷ 1 GB/s = 1 s"));
  ASSERT_FALSE(d.relief.empty());
  EXPECT_THAT(arithmetic_of(d, part::kRelief).front(), HasSubstr("1 GB/s × "));
  const auto named = [](const record::ExplanationStep& step) {
    return step.evidence == std::vector<std::string>{"m1"};
  };
  EXPECT_TRUE(std::any_of(d.explanation.begin(), d.explanation.end(), named));
}

TEST(ExplainFeed, WhatWasNotMeasuredSaysSo) {
  const record::Diagnosis d = Machine().limit("pcie:1:read", 4e9).ask();
  std::vector<std::string> claims;
  for (const auto& step : d.explanation) claims.push_back(step.claim);
  EXPECT_THAT(claims, Contains(HasSubstr("not measured; limit 4 GB/s (PCIe 8 GT/s x4)")));
  EXPECT_THAT(claims, Contains(HasSubstr("the pipeline itself was not run")));
  expect_sums(d);
}

}  // namespace
}  // namespace millrace::diagnose
