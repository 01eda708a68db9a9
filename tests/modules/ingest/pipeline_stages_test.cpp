// SPDX-License-Identifier: Apache-2.0
// That the times are right: whichever stage is made the slow one is seen to be it.
#include "pipeline_fixture.hpp"
#include "quiet_moment.hpp"

namespace millrace::testing {
namespace {

using namespace std::chrono_literals;

using PipelineStages = PipelineTest;

TEST_F(PipelineStages, ASlowConsumerSetsThePaceAndIsFed) {
  const run::Dataset dataset = make(1, 200'000);
  in_a_quiet_moment([&] {
    const Measured m = host_.measure("ingest.pipeline",
                                     {{"dataset", dataset.directory},
                                      {"source", "cached"},
                                      {"batch", "4"},
                                      {"compute", "20ms"},
                                      {"read-threads", "1"}},
                                     1500ms);
    ASSERT_TRUE(m.ok()) << m.what;
    EXPECT_NEAR(static_cast<double>(m.operations) / m.run_s, 4 / 0.020, 0.15 * 4 / 0.020);
    EXPECT_GT(utilization(m), 0.85);
    EXPECT_LE(utilization(m), 1.0);
    EXPECT_GT(busy(m, "compute"), 0.85);
    EXPECT_GT(blocked(m, "copy"), 0.8) << "it waits for the device's buffers";
    EXPECT_GT(blocked(m, "read"), 0.8);
    EXPECT_GT(stage(m, "read").output_queue_fill, 0.8);
  });
}

TEST_F(PipelineStages, ASlowPreparationIsTheBusyStage) {
  const run::Dataset dataset = make(1, 500'000);
  in_a_quiet_moment([&] {
    const Measured m = host_.measure("ingest.pipeline",
                                     {{"dataset", dataset.directory},
                                      {"source", "cached"},
                                      {"prep", "checksum"},
                                      {"prep-passes", "200"},
                                      {"batch", "1"},
                                      {"compute", "1ms"},
                                      {"read-threads", "1"}},
                                     1500ms);
    ASSERT_TRUE(m.ok()) << m.what;
    EXPECT_GT(busy(m, "prep"), 0.95);
    EXPECT_GT(stage(m, "prep").cpu_s, 0.1 * stage(m, "prep").busy_s) << "it works rather than sleeps";
    EXPECT_GT(starved(m, "copy"), 0.75);
    EXPECT_GT(starved(m, "compute"), 0.5);
    EXPECT_GT(blocked(m, "read"), 0.7);
    EXPECT_GT(stage(m, "read").output_queue_fill, 0.7) << "full before the slow stage";
    EXPECT_LT(stage(m, "prep").output_queue_fill, 0.2) << "empty after it";
    EXPECT_LT(utilization(m), 0.5);
  });
}

TEST_F(PipelineStages, DataThatLieOnTheDeviceWaitForNoPreparation) {
  const run::Dataset dataset = make(1, 500'000);
  in_a_quiet_moment([&] {
    const Measured m = host_.measure("ingest.pipeline",
                                     {{"dataset", dataset.directory},
                                      {"source", "device"},
                                      {"prep", "checksum"},
                                      {"prep-passes", "200"},
                                      {"batch", "2"},
                                      {"compute", "5ms"}},
                                     800ms);
    ASSERT_TRUE(m.ok()) << m.what;
    ASSERT_EQ(m.stages.size(), 1u);
    EXPECT_EQ(m.stages[0].name, "compute");
    EXPECT_GT(utilization(m), 0.85);
    EXPECT_NEAR(static_cast<double>(m.bytes) / static_cast<double>(m.operations), 500'000, 50'000);
  });
}

TEST_F(PipelineStages, UtilizationIsTheComputeTimeAskedForOverTheStepsTime) {
  const run::Dataset dataset = make(1, 100'000);
  in_a_quiet_moment([&] {
    const Measured m = host_.measure(
        "ingest.pipeline",
        {{"dataset", dataset.directory}, {"batch", "2"}, {"compute", "3ms"}, {"steps", "60"}}, 20s);
    ASSERT_TRUE(m.ok()) << m.what;
    const auto& steps = m.samples.at("step_s");
    ASSERT_EQ(steps.size(), 59u);
    EXPECT_NEAR(utilization(m), 0.003 / mean(steps), 1e-6);
    EXPECT_EQ(m.samples.at("oversleep_s").size(), 59u);
    EXPECT_GE(mean(steps) - 0.003, mean(m.samples.at("oversleep_s"))) << "an overslept step is a longer step";
  });
}

TEST_F(PipelineStages, AThreadsTimeIsBusyOrBlockedAndNothingElse) {
  const run::Dataset dataset = make(1, 300'000);
  in_a_quiet_moment([&] {
    const Measured m = host_.measure("ingest.pipeline",
                                     {{"dataset", dataset.directory},
                                      {"prep", "normalize"},
                                      {"prep-threads", "2"},
                                      {"batch", "2"},
                                      {"compute", "4ms"}},
                                     800ms);
    ASSERT_TRUE(m.ok()) << m.what;
    ASSERT_EQ(m.stages.size(), 4u);
    for (const MeasuredStage& s : m.stages) {
      const double whole = s.wall_s * s.threads;
      EXPECT_NEAR(s.busy_s + s.blocked_on_input_s + s.blocked_on_output_s, whole, 0.05 * whole) << s.name;
      EXPECT_NEAR(s.wall_s, m.run_s, 0.1) << s.name;
      EXPECT_LE(s.cpu_s, s.busy_s + 0.1) << s.name;
      EXPECT_GE(s.bytes, m.bytes) << s.name;
    }
    EXPECT_EQ(stage(m, "prep").resource, "cpu:prep");
    EXPECT_EQ(stage(m, "compute").resource, "");
  });
}

TEST_F(PipelineStages, TheCostOfPreparationPerByteDoesNotDependOnWaiting) {
  in_a_quiet_moment([&] {
    const auto cost = [&](const char* compute) {
      const Measured m = host_.measure("ingest.pipeline",
                                       {{"source", "synthetic"},
                                        {"record-size", "1MB"},
                                        {"prep", "checksum"},
                                        {"prep-passes", "8"},
                                        {"batch", "4"},
                                        {"compute", compute}},
                                       700ms);
      EXPECT_TRUE(m.ok()) << m.what;
      return stage(m, "prep").cpu_s / static_cast<double>(stage(m, "prep").bytes);
    };
    const double alone = cost("0s"), mostly_waiting = cost("20ms");
    EXPECT_NEAR(mostly_waiting / alone, 1.0, 0.5);
  });
}

TEST_F(PipelineStages, TwiceThePassesCostTwiceTheTime) {
  in_a_quiet_moment([&] {
    const auto cost = [&](const char* passes) {
      const Measured m = host_.measure(
          "ingest.pipeline",
          {{"source", "synthetic"}, {"record-size", "1MB"}, {"prep", "normalize"}, {"prep-passes", passes}},
          500ms);
      EXPECT_TRUE(m.ok()) << m.what;
      return stage(m, "prep").cpu_s / static_cast<double>(stage(m, "prep").bytes);
    };
    EXPECT_NEAR(cost("16") / cost("8"), 2.0, 0.5);
  });
}

TEST_F(PipelineStages, AnnouncesTheThreadsAndTheMemoryThatItTakes) {
  const run::Dataset dataset = make(1, 400'000);
  const Measured m = host_.describe("ingest.pipeline", {{"dataset", dataset.directory},
                                                        {"accelerators", "3"},
                                                        {"batch", "4"},
                                                        {"prep", "normalize"},
                                                        {"prep-threads", "2"},
                                                        {"read-threads", "2"}});
  ASSERT_EQ(m.describe, MILLRACE_OK) << m.what;
  ASSERT_EQ(m.workers.size(), 3u);
  for (const MeasuredWorker& worker : m.workers) {
    EXPECT_EQ(worker.threads, 6u);
    EXPECT_EQ(worker.from, "storage:test");
    EXPECT_EQ(worker.to, "memory:0");
    EXPECT_GT(worker.memory_bytes, 2u * 4 * 400'000 * 4) << "at least two batches of floats on the device";
    EXPECT_LT(worker.memory_bytes, 150u << 20);
    EXPECT_EQ(worker.locked_bytes, 0u);
  }
}

}  // namespace
}  // namespace millrace::testing
