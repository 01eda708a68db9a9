// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "workload/embedded_profiles.hpp"
#include "workload/profile.hpp"

namespace millrace::workload {
namespace {

using testing::HasSubstr;

const std::string kGood = R"({"schema": "millrace.workload/1", "model": "m", "input": {"record_bytes": 4096,
  "record_stdev_bytes": 0, "batch_samples": 2, "prep": "checksum"}, "accelerators": {"h100": {"compute_s": 0.5}}})";

std::string with(std::string_view from, std::string_view to) {
  std::string text = kGood;
  const auto at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

std::string error_of(const std::string& json) {
  const auto parsed = parse(json, "w.json");
  if (parsed) return "parsed";
  EXPECT_THAT(parsed.error().what, testing::StartsWith("w.json: "));
  EXPECT_EQ(parsed.error().exit, Exit::kUsage);
  return parsed.error().what + " | " + parsed.error().hint;
}

TEST(ParsingAWorkload, TheLeastFileTakesTheDocumentedDefaults) {
  const auto parsed = parse(kGood, "w.json");
  ASSERT_TRUE(parsed) << parsed.error().what;
  const Profile& profile = parsed->front();
  EXPECT_EQ(profile.name, "m-h100");
  EXPECT_EQ(profile.kind, Kind::kTrainingInput);
  EXPECT_EQ(profile.input.prefetch_batches, 2);
  EXPECT_EQ(profile.input.read_threads, 4);
  EXPECT_EQ(profile.utilization_wanted, 0.9);
}

TEST(ParsingAWorkload, EveryBadFigureIsNamedWithItsPlaceAndTheReason) {
  EXPECT_THAT(error_of(with("4096", "-5")), HasSubstr("/input/record_bytes"));
  EXPECT_THAT(error_of(with("4096", "-5")), HasSubstr("is -5"));
  EXPECT_THAT(error_of(with("4096", "\"big\"")), HasSubstr("must be a number"));
  EXPECT_THAT(error_of(with("0.5", "0")), HasSubstr("/accelerators/h100/compute_s"));
  EXPECT_THAT(error_of(with("0.5", "1e400")), HasSubstr("w.json"));
  EXPECT_THAT(error_of(with("\"batch_samples\": 2", "\"batch_samples\": 0")), HasSubstr("must be 1 to"));
  EXPECT_THAT(error_of(with("\"batch_samples\": 2", "\"batch_samples\": 1.5")), HasSubstr("whole number"));
  EXPECT_THAT(error_of(with("\"record_stdev_bytes\": 0", "\"record_stdev_bytes\": -1")),
              HasSubstr("record_stdev_bytes"));
  EXPECT_THAT(error_of(with("\"record_stdev_bytes\": 0", "\"record_stdev_bytes\": 9999")),
              HasSubstr("larger than"));
  EXPECT_THAT(error_of(with("\"m\"", "\"Big Model\"")), HasSubstr("/model"));
  EXPECT_THAT(error_of(with("{\"compute_s\": 0.5}", "3")), HasSubstr("must be an object"));
  EXPECT_THAT(error_of(with("\"h100\": {\"compute_s\": 0.5}", "")), HasSubstr("names none"));
}

TEST(ParsingAWorkload, UnknownNamesCarryTheNearestRightOne) {
  EXPECT_THAT(error_of(with("checksum", "checksun")), HasSubstr("did you mean 'checksum'?"));
  EXPECT_THAT(error_of(with("batch_samples", "batch_sample")), HasSubstr("did you mean 'batch_samples'?"));
  EXPECT_THAT(error_of(with("\"model\": \"m\"", "\"model\": \"m\", \"colour\": 1")), HasSubstr("/colour"));
}

TEST(ParsingAWorkload, AMissingOrDoubledKeyIsNamed) {
  EXPECT_THAT(error_of(with("\"model\": \"m\", ", "")), HasSubstr("model is missing"));
  EXPECT_THAT(error_of(with("\"compute_s\": 0.5", "")), HasSubstr("compute_s is missing"));
  EXPECT_THAT(error_of(with("\"model\": \"m\"", "\"model\": \"m\", \"model\": \"m\"")),
              HasSubstr("given twice"));
}

TEST(ParsingAWorkload, AnotherVersionOfTheSchemaIsRefused) {
  EXPECT_THAT(error_of(with("workload/1", "workload/7")), HasSubstr("this version reads"));
}

TEST(ParsingAWorkload, BrokenSyntaxIsToldWithLineAndColumn) {
  EXPECT_THAT(error_of("{\"schema\": \n oops}"), HasSubstr("line 2, column 2"));
  EXPECT_THAT(error_of(""), HasSubstr("line 1"));
  EXPECT_THAT(error_of("[]"), HasSubstr("JSON object"));
  EXPECT_THAT(error_of(std::string("\0\0", 2)), HasSubstr("w.json"));
}

TEST(ParsingAWorkload, DeepNestingAndHugeFilesAreRefusedCleanly) {
  EXPECT_THAT(error_of(std::string(100000, '[')), HasSubstr("w.json"));
  const std::string deep = std::string(100, '[') + std::string(100, ']');
  EXPECT_THAT(error_of(deep), HasSubstr("nested deeper than 16 levels at line 1, column 17"));
  EXPECT_THAT(error_of("{\n\"[[[[\\\"{\": " + deep + "}"), HasSubstr("levels at line 2, column 27"));
  EXPECT_THAT(error_of(std::string(16, '[') + std::string(16, ']')), HasSubstr("is a JSON object"));
  EXPECT_THAT(error_of(std::string((1 << 20) + 1, ' ')), HasSubstr("at most 1 MiB"));
}

TEST(ParsingAWorkload, EveryTruncationOfABuiltInFileIsAnErrorNotACrash) {
  const auto whole = embedded_profiles().front().json;
  const auto end = whole.find_last_of('}');
  for (std::size_t length = 0; length < end; ++length) EXPECT_FALSE(parse(whole.substr(0, length), "w.json"));
}

TEST(ParsingAWorkload, BytesChangedAtRandomNeverCrashAndNeverGiveImpossibleFigures) {
  std::mt19937_64 random(7);
  for (int round = 0; round < 3000; ++round) {
    std::string text(embedded_profiles()[round % embedded_profiles().size()].json);
    for (int change = 0; change < 3; ++change)
      text[random() % text.size()] = static_cast<char>(random() % 256);
    const auto parsed = parse(text, "w.json");
    if (!parsed) continue;
    for (const Profile& profile : *parsed) {
      EXPECT_GT(profile.demand_bytes_per_s(), 0);
      EXPECT_GE(profile.input.batch_samples, 1u);
    }
  }
}

}  // namespace
}  // namespace millrace::workload
