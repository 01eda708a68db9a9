// SPDX-License-Identifier: Apache-2.0
#include "selftest/score.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace millrace::selftest {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

record::Diagnosis starved_by(const std::vector<std::string>& kinds,
                             const std::vector<std::string>& relief = {}) {
  record::Diagnosis diagnosis;
  diagnosis.verdict = "starved";
  for (const std::string& kind : kinds) {
    record::Bottleneck bottleneck;
    bottleneck.kind = kind;
    diagnosis.bottlenecks.push_back(bottleneck);
  }
  for (const std::string& kind : relief) {
    record::RankedHop hop;
    hop.resource = "the " + kind;
    hop.kind = kind;
    diagnosis.ranking.push_back(hop);
    diagnosis.relief.push_back({"the " + kind, 2, "", 0.5});
  }
  diagnosis.measured = record::MeasuredUtilization{0.40, -0.02, "m4"};
  return diagnosis;
}

TEST(SelftestScore, ThePlantedCauseNamedIsRight) {
  Row row;
  score(starved_by({"storage"}), {"starved", {"storage"}}, row);
  EXPECT_TRUE(row.right) << row.why;
  EXPECT_EQ(row.found, "storage");
  EXPECT_NEAR(row.predicted.value(), 0.38, 1e-12);
  EXPECT_NEAR(row.measured.value(), 0.40, 1e-12);
  EXPECT_NEAR(row.residual(), -0.02, 1e-12);
}

TEST(SelftestScore, AnotherCauseOrAnotherVerdictIsNot) {
  Row row;
  score(starved_by({"cpu"}), {"starved", {"storage"}}, row);
  EXPECT_FALSE(row.right);
  EXPECT_THAT(row.why, HasSubstr("storage binds"));
  Row fed;
  score(starved_by({"storage"}), {"fed", {}}, fed);
  EXPECT_FALSE(fed.right);
  EXPECT_THAT(fed.why, HasSubstr("the verdict is starved"));
}

TEST(SelftestScore, BlamingMoreThanWasPlantedIsNot) {
  Row row;
  score(starved_by({"storage", "memory"}), {"starved", {"storage"}}, row);
  EXPECT_FALSE(row.right);
  EXPECT_THAT(row.why, HasSubstr("memory is blamed as well"));
}

TEST(SelftestScore, WhatGoesByTwoNamesIsRightByEither) {
  const Expected either{"starved", {"copy"}, {"memory"}};
  for (const std::vector<std::string>& kinds :
       std::vector<std::vector<std::string>>{{"copy"}, {"memory"}, {"memory", "copy"}}) {
    Row row;
    score(starved_by(kinds), either, row);
    EXPECT_TRUE(row.right) << row.why;
  }
  for (const std::vector<std::string>& kinds :
       std::vector<std::vector<std::string>>{{"cpu"}, {"memory", "cpu"}}) {
    Row row;
    score(starved_by(kinds), either, row);
    EXPECT_FALSE(row.right);
  }
}

TEST(SelftestScore, OfTwoCausesTheSecondBindsNext) {
  Row row;
  score(starved_by({"storage"}, {"storage", "cpu"}), {"starved", {"storage", "cpu"}}, row);
  EXPECT_TRUE(row.right) << row.why;
  EXPECT_EQ(row.found, "storage, next cpu");
  Row missed;
  score(starved_by({"storage"}, {"storage"}), {"starved", {"storage", "cpu"}}, missed);
  EXPECT_FALSE(missed.right);
  EXPECT_THAT(missed.why, HasSubstr("cpu binds next"));
}

TEST(SelftestScore, TheAcceleratorsThemselvesAreNoFalseAlarm) {
  record::Diagnosis diagnosis = starved_by({"compute"});
  diagnosis.verdict = "fed";
  Row row;
  score(diagnosis, {"fed", {}}, row);
  EXPECT_TRUE(row.right) << row.why;
  EXPECT_EQ(row.found, "nothing");
}

Row with_residual(double residual) {
  Row row;
  row.measured = 0.5;
  row.predicted = 0.5 + residual;
  row.right = true;
  return row;
}

TEST(SelftestScore, ResidualsHaveAMedianAndANinetiethPercentile) {
  std::vector<Row> rows;
  for (int i = 1; i <= 10; ++i) rows.push_back(with_residual((i % 2 ? 0.01 : -0.01) * i));
  rows.emplace_back();  // without a run of its own
  const Residuals residuals = residuals_of(rows);
  EXPECT_EQ(residuals.count, 10U);
  EXPECT_NEAR(residuals.median, 0.05, 1e-12);
  EXPECT_NEAR(residuals.p90, 0.09, 1e-12);
}

TEST(SelftestScore, AWrongRowOrAFarPredictionFails) {
  EXPECT_EQ(exit_of({with_residual(0.04)}), Exit::kOk);
  EXPECT_EQ(exit_of({with_residual(0.06)}), Exit::kCheckFailed);
  Row wrong = with_residual(0);
  wrong.right = false;
  EXPECT_EQ(exit_of({with_residual(0), wrong}), Exit::kCheckFailed);
  Row skipped;
  skipped.skipped = "needs root";
  EXPECT_EQ(exit_of({skipped}), Exit::kInconclusive);
  EXPECT_EQ(exit_of({skipped, with_residual(0)}), Exit::kOk);
}

TEST(SelftestScore, TextAndJsonSayWhatWasLeftOut) {
  Row skipped;
  skipped.name = "throttled drive";
  skipped.skipped = "capping a drive needs root";
  Row wrong = with_residual(0);
  wrong.name = "slow CPU stage";
  wrong.right = false;
  wrong.why = "cpu binds, and is not named";
  const std::string text = to_text({skipped, wrong});
  EXPECT_THAT(text, HasSubstr("throttled drive  cannot be planted here: capping a drive needs root"));
  EXPECT_THAT(text, HasSubstr("WRONG: cpu binds, and is not named"));
  EXPECT_THAT(text, HasSubstr("0 of 1 right, 1 could not be planted here."));
  const auto json = nlohmann::json::parse(to_json({skipped, wrong}));
  EXPECT_EQ(json["cases"][0]["skipped"], "capping a drive needs root");
  EXPECT_FALSE(json["cases"][0].contains("right"));
  EXPECT_EQ(json["cases"][1]["right"], false);
}

}  // namespace
}  // namespace millrace::selftest
