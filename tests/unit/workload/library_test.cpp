// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "workload/profile.hpp"

namespace millrace::workload {
namespace {

using testing::HasSubstr;

TEST(BuiltInWorkloads, DemandIsTheReferencesForEveryModelAndAccelerator) {
  // batch × record ÷ compute: MLPerf Storage's figures, the derived rates worked out by hand.
  const std::map<std::string, double> demands{
      {"unet3d-a100", 1.6135e9},    {"unet3d-h100", 3.1771e9},    {"unet3d-b200", 6.3346e9},
      {"resnet50-a100", 105.43e6},  {"resnet50-h100", 204.75e6},  {"cosmoflow-a100", 513.34e6},
      {"cosmoflow-h100", 808.14e6}, {"retinanet-b200", 163.00e6}, {"flux-b200", 76.972e6}};
  ASSERT_EQ(built_in_training_input().size(), demands.size());
  for (const Profile& profile : built_in_training_input()) {
    ASSERT_TRUE(demands.contains(profile.name)) << profile.name;
    EXPECT_NEAR(profile.demand_bytes_per_s() / demands.at(profile.name), 1, 1e-3) << profile.name;
    EXPECT_THAT(profile.source, HasSubstr("MLPerf Storage"));
  }
}

TEST(BuiltInWorkloads, AreInOrderOfName) {
  for (std::size_t i = 1; i < built_in().size(); ++i) EXPECT_LT(built_in()[i - 1].name, built_in()[i].name);
}

TEST(LoadingAWorkload, AWholeNameGivesOneAndAModelGivesAllItsAccelerators) {
  const auto one = load("unet3d-h100");
  ASSERT_TRUE(one);
  ASSERT_EQ(one->size(), 1u);
  EXPECT_EQ(one->front().accelerator, "h100");
  EXPECT_EQ(one->front().utilization_wanted, 0.9);
  const auto all = load("unet3d");
  ASSERT_TRUE(all);
  EXPECT_EQ(all->size(), 3u);
}

TEST(LoadingAWorkload, AUseGivesAllItsAcceleratorsAndItsModelAllItsUses) {
  EXPECT_EQ(load("llama3-70b-pretrain-h100")->front().kind, Kind::kPretrain);
  EXPECT_EQ(load("llama3-70b-pretrain")->size(), 3u);
  EXPECT_EQ(load("llama3-70b")->size(), 18u);
  EXPECT_EQ(load("vision-edge-l4")->front().kind, Kind::kServe);
  EXPECT_THAT(load("llama3-70b-pretain").error().hint, HasSubstr("'llama3-70b-pretrain'"));
}

TEST(LoadingAWorkload, AMistypedNameNamesTheNearest) {
  const auto wrong = load("unet3d-h10");
  ASSERT_FALSE(wrong);
  EXPECT_THAT(wrong.error().what, HasSubstr("unet3d-h10"));
  EXPECT_THAT(wrong.error().hint, HasSubstr("did you mean 'unet3d-h100'?"));
  EXPECT_EQ(wrong.error().exit, Exit::kUsage);
  EXPECT_THAT(load("resnet5").error().hint, HasSubstr("'resnet50'"));
}

TEST(LoadingAWorkload, AFileOfTheUsersOwnGivesItsAccelerators) {
  const auto path = std::filesystem::path(testing::TempDir()) / "mine.json";
  std::ofstream(path)
      << R"({"schema": "millrace.workload/1", "model": "mine", "input": {"record_bytes": 1000000},
    "accelerators": {"x1": {"compute_s": 0.1}, "x2": {"compute_s": 0.05, "utilization_wanted": 0.5}}})";
  const auto mine = load(path.string());
  ASSERT_TRUE(mine) << mine.error().what;
  ASSERT_EQ(mine->size(), 2u);
  EXPECT_EQ((*mine)[0].name, "mine-x1");
  EXPECT_DOUBLE_EQ((*mine)[0].demand_bytes_per_s(), 1e7);
  EXPECT_DOUBLE_EQ((*mine)[1].utilization_wanted, 0.5);
  std::filesystem::remove(path);
}

TEST(LoadingAWorkload, AMissingFileOrAFolderIsSaidPlainly) {
  EXPECT_THAT(load("./nowhere.json").error().what, HasSubstr("no such file"));
  EXPECT_THAT(load(testing::TempDir()).error().what, HasSubstr("is a folder"));
}

TEST(LoadingAWorkload, APipeOrADeviceIsRefusedUnreadAndNotWaitedFor) {
  const auto pipe = std::filesystem::path(testing::TempDir()) / "a-workload-that-is-a-pipe";
  std::filesystem::remove(pipe);
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  EXPECT_EQ(load(pipe.string()).error().what, "workload file " + pipe.string() + ": is not a regular file");
  std::filesystem::remove(pipe);
  EXPECT_EQ(load("/dev/zero").error().what, "workload file /dev/zero: is not a regular file");
}

TEST(ExplainingAWorkload, SaysWhatItNeedsAndWhereTheFiguresAreFrom) {
  const std::string text = explain(load("unet3d-h100")->front());
  for (const char* part :
       {"unet3d-h100", "147 MB", "7 records", "1.03 GB", "323 ms", "3.18 GB/s", "90 %",
        "none: records go on as they are read", "4 threads", "2 batches", "MLPerf Storage"})
    EXPECT_THAT(text, HasSubstr(part));
}

TEST(WritingAWorkload, GivesADocumentThatReadsBackTheSame) {
  for (const char* model : {"unet3d", "llama3-8b", "llama3-405b", "moe-1t", "vision", "factory-corporate"}) {
    const auto before = load(model).value();
    const auto after = parse(to_json(before), "again.json");
    ASSERT_TRUE(after) << after.error().what;
    ASSERT_EQ(after->size(), before.size());
    EXPECT_EQ(to_json(*after), to_json(before));
    for (const Profile& profile : before) {
      const auto same = std::find_if(after->begin(), after->end(),
                                     [&](const Profile& p) { return p.name == profile.name; });
      ASSERT_NE(same, after->end()) << profile.name;
      EXPECT_EQ(same->compute_s, profile.compute_s);
      EXPECT_EQ(explain(*same), explain(profile));
    }
  }
}

}  // namespace
}  // namespace millrace::workload
