// SPDX-License-Identifier: Apache-2.0
#include "run/job.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <set>

namespace millrace::run {
namespace {

using ::testing::HasSubstr;

Job full() {
  Job job;
  job.paths = {"/mnt/a folder", "/mnt/another"};
  job.datasets = {"/data/mine"};
  job.workloads = {"resnet50-h100", "./my profile.json"};
  job.accelerators = 8;
  job.budget = {90'000'000'123};
  job.repeats = 5;
  job.prep = "normalize";
  job.utilization_wanted = 0.1 + 0.2;  // a figure that few digits do not hold
  job.compressible = 1.0 / 3;
  job.size_cap = 1ULL << 45;
  job.peer = "[fd77::2]:7411";
  job.peer_is = kPeerIsStorage;
  return job;
}

TEST(Job, ComesBackFromItsSettingsAsItWas) {
  const auto back = from_settings(to_settings(full()));
  ASSERT_TRUE(back) << back.error().what;
  EXPECT_EQ(to_settings(*back), to_settings(full()));
  EXPECT_EQ(back->paths, full().paths);
  EXPECT_EQ(back->datasets, full().datasets);
  EXPECT_EQ(back->workloads, full().workloads);
  EXPECT_EQ(back->budget, full().budget);
  EXPECT_EQ(back->utilization_wanted, full().utilization_wanted);
  EXPECT_EQ(back->compressible, full().compressible);
  EXPECT_EQ(back->size_cap, full().size_cap);
  EXPECT_EQ(back->peer, full().peer);
  EXPECT_EQ(back->peer_is, full().peer_is);
}

TEST(Job, ComesBackWithWhatWasNotAsked) {
  Job job;
  job.paths = {"/mnt"};
  const auto back = from_settings(to_settings(job));
  ASSERT_TRUE(back);
  EXPECT_FALSE(!back->datasets.empty() || back->prep || back->utilization_wanted || !back->peer.empty());
  EXPECT_TRUE(back->workloads.empty());
}

TEST(Job, NamesTheSettingThatIsMissingOrWrong) {
  for (const char* key : {"path", "accelerators", "budget_ns", "repeats", "size_cap_bytes", "compressible"}) {
    auto settings = to_settings(full());
    settings.erase(key);
    const auto back = from_settings(settings);
    ASSERT_FALSE(back) << key;
    EXPECT_THAT(back.error().what, HasSubstr(key));
  }
  for (const char* wrong : {"", "many", "12 apples", "99999999999999999999999"}) {
    auto settings = to_settings(full());
    settings["budget_ns"] = wrong;
    EXPECT_FALSE(from_settings(settings)) << wrong;
  }
}

TEST(Job, HasAFingerprintOfAllThatShapesItsMeasurements) {
  Job job = full();
  job.workloads = {"resnet50-h100"};
  const auto profiles = profiles_of(job);
  ASSERT_TRUE(profiles);
  std::set<std::string> prints{fingerprint(job, *profiles)};
  EXPECT_EQ(fingerprint(job, *profiles), *prints.begin()) << "the same job has the same one";
  const std::vector<std::function<void(Job&)>> changes{
      [](Job& j) { j.paths = {"/other"}; }, [](Job& j) { j.accelerators = 2; },
      [](Job& j) { j.budget.ns += 1; },     [](Job& j) { j.repeats += 1; },
      [](Job& j) { j.datasets.clear(); },   [](Job& j) { j.prep = "none"; },
      [](Job& j) { j.compressible = 0.5; }, [](Job& j) { j.size_cap += 1; },
  };
  for (const auto& change : changes) {
    Job other = job;
    change(other);
    EXPECT_TRUE(prints.insert(fingerprint(other, *profiles)).second);
  }
  auto edited = *profiles;  // the user's file changed since
  edited[0].compute_s *= 1.01;
  EXPECT_TRUE(prints.insert(fingerprint(job, edited)).second);
  edited = *profiles;
  edited[0].input.record_bytes += 1;
  EXPECT_TRUE(prints.insert(fingerprint(job, edited)).second);
}

TEST(Job, TakesAModelAndItsWorkloadsOnce) {
  Job job;
  job.workloads = {"unet3d", "unet3d-h100"};
  const auto profiles = profiles_of(job);
  ASSERT_TRUE(profiles);
  std::set<std::string> names;
  for (const auto& profile : *profiles) EXPECT_TRUE(names.insert(profile.name).second) << profile.name;
  EXPECT_TRUE(names.contains("unet3d-h100"));
  EXPECT_GT(names.size(), 1U);
}

TEST(Job, PutsItsPreparationInPlaceOfTheProfiles) {
  Job job;
  job.prep.emplace("decompress");
  const auto profiles = profiles_of(job);
  ASSERT_TRUE(profiles);
  for (const auto& profile : *profiles) EXPECT_EQ(profile.input.prep, "decompress");
}

}  // namespace
}  // namespace millrace::run
