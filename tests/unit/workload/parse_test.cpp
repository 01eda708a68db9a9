// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "workload/embedded_profiles.hpp"
#include "workload/profile.hpp"
#include "workload/step.hpp"

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

const std::string kServed = R"({"schema": "millrace.workload/1", "model": "m", "shape": {"parameters": 8e9,
  "layers": 32, "hidden": 4096, "heads": 32, "head_dim": 128}, "uses": {"pretrain": {"training": {"sequence_tokens": 4096,
  "batch_tokens": 8192, "layouts": [{"tensor": 2}, {"ranks_from": 64, "tensor": 8}]}}, "chat": {"kind": "serve",
  "serving": {"budget_s": 2, "requests_per_s": 3, "context_tokens": 1000, "parts": [{"name": "net", "kind": "network",
  "p50_s": 0.01}, {"name": "queue", "kind": "queue"}]}}}, "accelerators": {"h100": {"mfu": 0.4}, "l4": {"uses":
  ["chat"]}}})";

std::string served_with(std::string_view from, std::string_view to) {
  std::string text = kServed;
  const auto at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

TEST(ParsingAWorkload, OneFileGivesEveryUseOnTheAcceleratorsThatAreForIt) {
  const auto parsed = parse(kServed, "w.json");
  ASSERT_TRUE(parsed) << parsed.error().what;
  ASSERT_EQ(parsed->size(), 3u);
  EXPECT_EQ((*parsed)[0].name, "m-pretrain-h100");
  EXPECT_EQ((*parsed)[0].kind, Kind::kPretrain);
  EXPECT_EQ((*parsed)[0].training.mfu, 0.4);
  EXPECT_EQ((*parsed)[0].figures.peak_flops_per_s, 989.5e12);
  EXPECT_EQ((*parsed)[0].shape.kv_heads, 32);
  EXPECT_EQ((*parsed)[1].name, "m-chat-h100");
  EXPECT_EQ((*parsed)[1].kind, Kind::kServe);
  EXPECT_EQ((*parsed)[2].name, "m-chat-l4");
  EXPECT_EQ((*parsed)[2].serving.parts.front().p99_s, 0.01);  // as the median, where it is not given
}

TEST(ParsingAWorkload, EveryBadFigureOfAUseIsNamedWithItsPlaceAndTheReason) {
  const auto error = [](std::string_view from, std::string_view to) {
    return error_of(served_with(from, to));
  };
  EXPECT_THAT(error("8e9", "0"), HasSubstr("at /shape/parameters"));
  EXPECT_THAT(error("8192", "8191"), HasSubstr("/uses/pretrain/training/batch_tokens: batch_tokens is 8191"));
  EXPECT_THAT(error("\"tensor\": 2", "\"tensor\": 3"),
              HasSubstr("/training/layouts/0/tensor: tensor is 3, which does"));
  EXPECT_THAT(error("\"ranks_from\": 64", "\"ranks_from\": 1"), HasSubstr("ascending order"));
  EXPECT_THAT(error("\"kind\": \"serve\",", ""), HasSubstr("/uses/chat/kind: kind is missing"));
  EXPECT_THAT(error("\"kind\": \"serve\"", "\"kind\": \"server\""), HasSubstr("did you mean 'serve'?"));
  EXPECT_THAT(error("\"kind\": \"serve\"", "\"kind\": \"mix\""), HasSubstr("no use among others"));
  EXPECT_THAT(error("\"kind\": \"network\"", "\"kind\": \"netwerk\""), HasSubstr("did you mean 'network'?"));
  EXPECT_THAT(error("0.01", "-1"), HasSubstr("/serving/parts/0/p50_s"));
  EXPECT_THAT(error("\"budget_s\": 2,", ""), HasSubstr("budget_s is missing"));
  EXPECT_THAT(error("requests_per_s", "request_per_s"),
              HasSubstr("there is 'request_per_s': did you mean 'requests_per_s'?"));
  EXPECT_THAT(error("\"h100\": {", "\"x9\": {"), HasSubstr("/accelerators/x9/peak_flops_per_s"));
  EXPECT_THAT(error("[\"chat\"]", "[7]"), HasSubstr("/accelerators/l4/uses"));
  EXPECT_THAT(
      error("\"context_tokens\"", "\"cached_tokens\": 2000, \"read_bytes_per_s\": 1e9, \"context_tokens\""),
      HasSubstr("more than context_tokens"));
}

TEST(ParsingAWorkload, AUseTakesTheFilesCheckpointUnlessItHasItsOwn) {
  const std::string own =
      R"("checkpoint": {"every_steps": 50, "write_bytes_per_s": 2e9}, "training": {"sequence)";
  std::string text =
      served_with("\"uses\": {", R"("checkpoint": {"interval_s": 600, "write_bytes_per_s": 1e9}, "uses": {)");
  const auto shared = parse(text, "w.json");
  ASSERT_TRUE(shared) << shared.error().what;
  EXPECT_EQ(shared->front().checkpoint.interval_s, 600);
  const std::string_view training = R"("training": {"sequence)";
  const auto separate = parse(text.replace(text.find(training), training.size(), own), "w.json");
  ASSERT_TRUE(separate) << separate.error().what;
  EXPECT_EQ(separate->front().checkpoint.interval_s, 0);
  EXPECT_EQ(separate->front().checkpoint.every_steps, 50);
}

TEST(ParsingAWorkload, AMixsSharesAddUpToOne) {
  const std::string mix =
      R"({"schema": "millrace.workload/1", "model": "m", "kind": "mix", "site": {"hosts": 4,
    "gpus_per_host": 8}, "jobs": [{"workload": "a", "share": 0.6}, {"workload": "b", "share": 0.4}], "accelerators":
    {"h100": {}}})";
  const auto parsed = parse(mix, "w.json");
  ASSERT_TRUE(parsed) << parsed.error().what;
  EXPECT_EQ(parsed->front().mix.parts[1].share, 0.4);
  std::string wrong = mix;
  EXPECT_THAT(error_of(wrong.replace(wrong.find("0.6"), 3, "0.7")), HasSubstr("add up to 1.1, not to 1"));
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
      if (profile.kind == Kind::kTrainingInput) {
        EXPECT_GT(profile.demand_bytes_per_s(), 0);
      }
      if (const auto step = step_of(profile, 1 << (random() % 18))) {
        EXPECT_TRUE(std::isfinite(step->compute_s) && step->compute_s >= 0) << profile.name;
        for (const Traffic& traffic : step->traffic)
          EXPECT_TRUE(std::isfinite(traffic.bytes_per_rank) && traffic.bytes_per_rank >= 0) << traffic.name;
      }
      EXPECT_GE(profile.input.batch_samples, 1u);
    }
  }
}

}  // namespace
}  // namespace millrace::workload
