// SPDX-License-Identifier: Apache-2.0
#include "workload/explain.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace millrace::workload {
namespace {

using testing::HasSubstr;

std::string explained(std::string_view name, std::int64_t ranks = 0) {
  // As one line: where it is wrapped does not matter here.
  const std::string text = explain_on(load(name)->front(), ranks);
  std::string line;
  for (const char c : text)
    if (c != '\n' && (c != ' ' || line.empty() || line.back() != ' ')) line += c;
  return line;
}

TEST(ExplainingTraining, GivesTheSumsOfLlama3AsPublished) {
  const std::string text = explained("llama3-405b-pretrain-h100", 16384);
  EXPECT_THAT(text, HasSubstr("128 replicas of 128 GPUs (tensor 8 × pipeline 16)"));  // table 4 of the paper
  // 6 · 405.853e9 · 16,777,216 ÷ (16,384 · 989.5e12 · 0.5)
  EXPECT_THAT(text, HasSubstr("= 5.04 s"));
  // 126/16 · 4 · 2 · 131,072 · 16,384 · 2 · 7/8 = 236.8e9
  EXPECT_THAT(text, HasSubstr("= 237 GB; the step waits for it"));
  // 405.853e9 ÷ 128 · 6 · 127/128
  EXPECT_THAT(text, HasSubstr("= 18.9 GB; beside the computing"));
  EXPECT_THAT(text, HasSubstr("(3.09 h)"));  // between failures
  EXPECT_THAT(text, HasSubstr("Young: √(2 × "));
}

TEST(ExplainingTraining, OfRanksThatCannotBeSplitSaysSo) {
  EXPECT_THAT(explained("llama3-70b-pretrain-h100", 100), HasSubstr("give a multiple of 32: 96 or 128"));
}

TEST(ExplainingServing, GivesEachPartsSumAndWhenFetchingIsFaster) {
  const std::string text = explained("llama3-8b-serve-h100");
  EXPECT_THAT(text, HasSubstr("6,144 tokens × 131 kB = 805 MB ÷ 1 GB/s = 805 ms"));
  EXPECT_THAT(text, HasSubstr("× 2,048 tokens ÷ (1 GPU × 989.5e12 FLOP/s × 0.5) = 66.5 ms"));
  EXPECT_THAT(text, HasSubstr("= 4.04 GB/s"));  // 131,072 · 494.75e12 ÷ (2 · 8.03e9)
}

TEST(ExplainingAColdStart, GivesItStreamedAndStaged) {
  const std::string text = explained("llama3-8b-cold-start-h100");
  EXPECT_THAT(text,
              HasSubstr("16.1 GB ÷ 1 GB/s = 16.06 s from storage, 16.1 GB ÷ 55 GB/s = 292 ms into the GPU"));
  EXPECT_THAT(text, HasSubstr("staged, their sum: 16.35 s"));
  EXPECT_THAT(text, HasSubstr("16.06 s + 15 s of engine start = 31.06 s"));
}

TEST(ExplainingAMix, GivesEachJobItsWholeReplicas) {
  const std::string text = explained("factory-corporate-h100");
  EXPECT_THAT(text, HasSubstr("llama3-70b-serve-h100: 60 % = 96 GPUs"));
  EXPECT_THAT(text, HasSubstr("llama3-70b-finetune-h100: 40 % = 64 GPUs"));
}

TEST(ExplainingEveryBuiltIn, SaysWhatItAsksAndFromWhereTheFiguresAreAndDividesNothingByZero) {
  for (const Profile& profile : built_in()) {
    const std::string text = explain(profile);
    EXPECT_THAT(text, HasSubstr("source")) << profile.name;
    EXPECT_THAT(text, testing::AnyOf(HasSubstr("asks"), HasSubstr("demand"))) << profile.name;
    EXPECT_THAT(text, testing::Not(testing::AnyOf(HasSubstr(" nan"), HasSubstr(" inf"), HasSubstr("not so"))))
        << text;
  }
}

TEST(Figures, AreWrittenAsACalculatorTakesThem) {
  EXPECT_EQ(figure(70553706496), "70.55e9");
  EXPECT_EQ(figure(989.5e12), "989.5e12");
  EXPECT_EQ(figure(7.875), "7.875");
  EXPECT_EQ(grouped(16777216), "16,777,216");
  EXPECT_EQ(grouped(999), "999");
  EXPECT_EQ(time_text(112.13), "112.1 s");
  EXPECT_EQ(time_text(5034), "5,034 s (83.9 min)");
}

}  // namespace
}  // namespace millrace::workload
