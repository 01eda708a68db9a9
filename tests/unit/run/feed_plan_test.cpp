// SPDX-License-Identifier: Apache-2.0
#include "run/feed_plan.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "temporary_folder.hpp"

namespace millrace::run {
namespace {

using ::testing::HasSubstr;

class FeedPlan : public ::testing::Test {
 protected:
  FeedPlan() { job_.paths = {folder_.path()}; }
  TemporaryFolder folder_;
  Job job_;
  std::vector<workload::Profile> all_ = workload::built_in_training_input();
};

// Steps of a workload, as it is scaled, that the surveyed rate lets through in the time of a proof. The
// reported step count leaves out the first.
double steps(const workload::Profile& scaled, double rate, int accelerators, double proof_s) {
  const double bytes =
      static_cast<double>(scaled.input.batch_samples) * scaled.input.record_bytes * accelerators;
  return proof_s / std::max(scaled.compute_s, bytes / rate);
}

TEST_F(FeedPlan, ScalesEveryWorkloadSoThatThirtyStepsFit) {
  for (const double rate : {40e6, 1e9, 50e9})
    for (const int accelerators : {1, 8}) {
      job_.accelerators = accelerators;
      const TimePlan time = share_time(job_, all_);
      const auto models = plan_models(job_, all_, rate, time);
      ASSERT_TRUE(models) << models.error().what;
      std::size_t workloads = 0;
      for (const ModelPlan& model : *models)
        for (const workload::Profile& scaled : model.scaled) {
          ++workloads;
          EXPECT_GE(steps(scaled, rate, accelerators, 1.2 * time.unit_s), 30)
              << scaled.name << " at " << rate << " bytes/s for " << accelerators;
        }
      EXPECT_EQ(workloads, all_.size());
    }
}

TEST_F(FeedPlan, ScalesBytesAndComputingAlike) {
  const auto models = plan_models(job_, all_, 1e9, share_time(job_, all_));
  ASSERT_TRUE(models);
  for (const ModelPlan& model : *models)
    for (std::size_t i = 0; i < model.workloads.size(); ++i) {
      EXPECT_GE(model.factor, 1);
      EXPECT_NEAR(model.scaled[i].demand_bytes_per_s() / model.workloads[i].demand_bytes_per_s(), 1, 0.01)
          << model.workloads[i].name;
    }
}

TEST_F(FeedPlan, GivesOneModelOneDataSet) {
  const auto models = plan_models(job_, all_, 1e9, share_time(job_, all_));
  ASSERT_TRUE(models);
  std::set<std::string> names;
  for (const ModelPlan& model : *models) {
    EXPECT_TRUE(names.insert(model.model).second);
    EXPECT_GE(model.data_bytes, 32U << 20);
    EXPECT_LE(model.data_bytes, 3ULL << 30);
    for (const workload::Profile& profile : model.workloads) EXPECT_EQ(profile.model, model.model);
  }
}

TEST_F(FeedPlan, GivesEachAcceleratorAFile) {
  job_.accelerators = 16;
  const auto models = plan_models(job_, all_, 1e9, share_time(job_, all_));
  ASSERT_TRUE(models);
  for (const ModelPlan& model : *models) EXPECT_GE(model.files, 16U);
}

TEST_F(FeedPlan, SpendsTheBudgetAndNoMore) {
  for (const double seconds : {20.0, 60.0, 300.0})
    for (const std::size_t count : {std::size_t{1}, std::size_t{3}, all_.size()}) {
      job_.budget = Duration::from_seconds(seconds);
      const std::vector<workload::Profile> some(all_.begin(),
                                                all_.begin() + static_cast<std::ptrdiff_t>(count));
      const TimePlan time = share_time(job_, some);
      std::set<std::string> models;
      for (const auto& profile : some) models.insert(profile.model);
      // Hops alone (storage and the stages, of each model; the copy), the proofs, and the runs beside them.
      const double units =
          static_cast<double>(models.size()) * job_.repeats * (1 + 0.6) + job_.repeats * 0.4 +
          static_cast<double>(count) * (time.proof_repeats * 1.2 + (time.analyzer_runs ? 1.2 : 0)) +
          job_.repeats * 0.4 * (time.pairs > 0 ? time.pairs + 1 : 0);
      EXPECT_NEAR(units * time.unit_s, seconds, 1e-6 * seconds);
      EXPECT_GE(time.proof_repeats, 1);
    }
}

TEST_F(FeedPlan, RefusesASizeCapAboveWhatIsFree) {
  job_.size_cap = 1ULL << 60;
  for (const auto& error :
       {free_for(job_).error(), plan_models(job_, all_, 1e9, share_time(job_, all_)).error()}) {
    EXPECT_THAT(error.what, HasSubstr("--size-cap 1 EiB is more than"));
    EXPECT_EQ(error.exit, Exit::kUsage);
  }
}

TEST_F(FeedPlan, RefusesDataSetsAboveTheSizeCap) {
  job_.size_cap = 16 << 20;
  const auto models = plan_models(job_, all_, 1e9, share_time(job_, all_));
  ASSERT_FALSE(models);
  EXPECT_THAT(models.error().what, HasSubstr("--size-cap allows 16 MiB"));
  EXPECT_THAT(models.error().hint, HasSubstr("--dataset"));
}

TEST_F(FeedPlan, SurveysWithAFileThatTheSizeCapAllows) {
  EXPECT_EQ(survey_file_bytes(job_).value(), 128U << 20);
  for (const std::uint64_t cap : {100U << 20, (64U << 20) + 1, 9U << 20}) {
    job_.size_cap = cap;
    EXPECT_LE(survey_file_bytes(job_).value(), cap);
  }
  job_.size_cap = 100 << 20;
  job_.paths = {folder_.path(), folder_.path(), folder_.path()};
  EXPECT_LE(3 * survey_file_bytes(job_).value(), job_.size_cap) << "all of them at once";
  job_.size_cap = 11 << 20;
  EXPECT_THAT(survey_file_bytes(job_).error().what,
              HasSubstr("--size-cap allows 11 MiB, and the first look at the storage alone needs a file of "
                        "4 MiB in each folder"));
}

TEST_F(FeedPlan, MakesSmallerDataSetsWhereTheSizeCapLeavesLittleRoom) {
  const TimePlan time = share_time(job_, all_);
  job_.size_cap = 300 << 20;
  const auto models = plan_models(job_, all_, 5e9, time);
  ASSERT_TRUE(models) << models.error().what;
  std::uint64_t bytes = 0;
  for (const ModelPlan& model : *models) bytes += model.data_bytes;
  EXPECT_LE(bytes, job_.size_cap);
  EXPECT_GT(bytes, job_.size_cap / 2);
}

TEST_F(FeedPlan, NeedsNoRoomForTheUsersOwnData) {
  job_.size_cap = 1;
  job_.datasets = {folder_.path()};
  EXPECT_TRUE(plan_models(job_, all_, 1e9, share_time(job_, all_)));
}

TEST_F(FeedPlan, SaysSoWhereThereIsNoSuchPlace) {
  job_.paths = {folder_.path() / "missing"};
  const auto free = free_for(job_);
  ASSERT_FALSE(free);
  EXPECT_THAT(free.error().what, HasSubstr("missing"));
}

TEST_F(FeedPlan, SpreadsTheDataOverAllFoldersEvenly) {
  job_.paths = {folder_.path(), folder_.path(), folder_.path()};
  job_.accelerators = 2;
  const auto models = plan_models(job_, all_, 1e9, share_time(job_, all_));
  ASSERT_TRUE(models);
  for (const ModelPlan& model : *models) {
    EXPECT_EQ(model.files % 3, 0U);
    EXPECT_GE(model.files, 6U) << "each accelerator has a file in each folder";
  }
}

TEST_F(FeedPlan, KeepsTheBudgetWithManyFolders) {
  const TimePlan one = share_time(job_, all_);
  job_.paths.assign(16, folder_.path());
  const TimePlan many = share_time(job_, all_);
  EXPECT_EQ(one.alone_weight, 0);
  EXPECT_LE(16 * many.alone_weight, 2.0) << "the drives alone may not eat up the time of the rest";
  EXPECT_GT(many.unit_s, 0.4 * one.unit_s);
}

}  // namespace
}  // namespace millrace::run
