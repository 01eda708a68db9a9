// SPDX-License-Identifier: Apache-2.0
// The services that a probe's threads use at the same time.
#include "run/worker_host.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <memory>
#include <thread>
#include <vector>

#include "millrace/recorder.hpp"

namespace millrace::run {
namespace {

class WorkerHostTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto mapping = SharedMapping::create(1);
    ASSERT_TRUE(mapping);
    mapping_.emplace(std::move(*mapping));
    int ends[2];
    ASSERT_TRUE(make_channel(ends));
    core_ = Channel(ends[0]);
    worker_ = Channel(ends[1]);
    state().slice_period_ns = 1'000'000;
    state().epoch_ns = 50'000'000;
    state().begin_ns = monotonic_ns();
    host_ = std::make_unique<WorkerHost>(spec_, state(), worker_);
    host_->start_run(state().begin_ns);
  }
  SharedState& state() { return mapping_->state(); }
  const millrace_host* raw() { return host_->raw(); }
  template <typename Body>
  void on_threads(int count, Body body) {
    std::vector<std::thread> threads;
    for (int i = 0; i < count; ++i) threads.emplace_back(body, i);
    for (std::thread& thread : threads) thread.join();
  }

  WorkerSpec spec_;
  std::optional<SharedMapping> mapping_;
  Channel core_, worker_;
  std::unique_ptr<WorkerHost> host_;
};

TEST_F(WorkerHostTest, CountsEveryOperationOfEveryThread) {
  constexpr int kThreads = 4, kOperations = 50'000;
  // The core looks on meanwhile, as it does in a run: totals only grow, and so does time.
  std::atomic<bool> done{false};
  std::atomic<int> wrong{0};
  std::thread core([&] {
    std::vector<std::uint64_t> taken(kMaxRecorders);
    std::vector<SlicePoint> last(kMaxRecorders);
    const WorkerBlock& block = state().workers[0];
    while (!done.load()) {
      const std::uint32_t count = block.recorders.load(std::memory_order_acquire);
      for (std::uint32_t i = 0; i < count; ++i) {
        const std::uint64_t written = block.slots[i].written.load(std::memory_order_acquire);
        for (; taken[i] < written; ++taken[i]) {
          const SlicePoint& point = block.slots[i].ring[taken[i] % kRingSlots];
          if (point.bytes < last[i].bytes || point.time_ns < last[i].time_ns) ++wrong;
          last[i] = point;
        }
      }
      std::this_thread::yield();
    }
  });
  on_threads(kThreads, [&](int thread) {
    sdk::Recorder recorder(raw()->recorder(raw()->context));
    for (int i = 0; i < kOperations; ++i) {
      recorder.done(raw()->now_ns(raw()->context), static_cast<std::uint64_t>(thread));
      recorder.latency(1000);
    }
  });
  done = true;
  core.join();
  host_->finish_run(monotonic_ns());
  EXPECT_EQ(wrong, 0);
  const WorkerBlock& block = state().workers[0];
  ASSERT_EQ(block.recorders.load(), kThreads);
  std::uint64_t bytes = 0, operations = 0, latencies = 0;
  for (int i = 0; i < kThreads; ++i) {
    EXPECT_GT(block.slots[i].written.load(), 0U);
    bytes += block.slots[i].last.bytes;
    operations += block.slots[i].last.operations;
    for (const auto& epoch : block.slots[i].latency) latencies += epoch[millrace_latency_bucket(1000)];
  }
  EXPECT_EQ(operations, 4U * kOperations);
  EXPECT_EQ(bytes, (0U + 1U + 2U + 3U) * kOperations);
  EXPECT_EQ(latencies, 4U * kOperations);
}

TEST_F(WorkerHostTest, TakesWhatThreadsSayAtTheSameTime) {
  on_threads(4, [&](int) {
    for (int i = 0; i < 1000; ++i) {
      raw()->sample(raw()->context, "step_s", i);
      raw()->counter(raw()->context, "hits", 1);
      raw()->flag(raw()->context, "throttled");
      (void)raw()->cancelled(raw()->context);
    }
    raw()->verified(raw()->context, 1);
  });
  const WorkerReport report = host_->take_report();
  EXPECT_EQ(report.samples.at("step_s").size(), 4000U);
  EXPECT_EQ(report.counters.at("hits"), 4000);
  EXPECT_EQ(report.flags, std::vector<std::string>{"throttled"});
  EXPECT_EQ(report.verified, 1);
}

TEST_F(WorkerHostTest, GivesNoMoreRecordersThanThereIsRoomFor) {
  for (std::uint32_t i = 0; i < kMaxRecorders; ++i) EXPECT_NE(raw()->recorder(raw()->context), nullptr);
  EXPECT_EQ(raw()->recorder(raw()->context), nullptr);
}

TEST_F(WorkerHostTest, LeavesOutFiguresThatAreNone) {
  for (const double value :
       {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity()}) {
    raw()->sample(raw()->context, "step_s", value);
    raw()->counter(raw()->context, "hits", value);
  }
  const WorkerReport report = host_->take_report();
  EXPECT_TRUE(report.samples.empty());
  EXPECT_TRUE(report.counters.empty());
}

TEST_F(WorkerHostTest, OneWrongByteMakesAllOfItWrong) {
  for (const int ok : {1, 0, 1}) raw()->verified(raw()->context, ok);
  EXPECT_EQ(host_->take_report().verified, 0);
}

TEST_F(WorkerHostTest, KeepsTheFirstFailure) {
  raw()->fail(raw()->context, "the cause", "the way out");
  raw()->fail(raw()->context, "what followed from it", nullptr);
  EXPECT_EQ(host_->take_report().what, "the cause");
  EXPECT_EQ(host_->take_report().hint, "the way out");
}

TEST_F(WorkerHostTest, AReportCrossesTheChannelAsItIs) {
  raw()->sample(raw()->context, "step_s", 0.25);
  raw()->counter(raw()->context, "hits", 3);
  raw()->flag(raw()->context, "throttled");
  raw()->resolved(raw()->context, "depth", "128");
  const millrace_stage stage{
      sizeof(millrace_stage), 2, "read", "cpu:read", 1.0, 1.0, 0.5, 0.25, 0.75, 4096, 0.5};
  raw()->stage(raw()->context, &stage);
  const WorkerReport there = host_->take_report();
  const WorkerReport back = worker_report_from_json(to_json(there));
  EXPECT_EQ(back.samples, there.samples);
  EXPECT_EQ(back.counters, there.counters);
  EXPECT_EQ(back.flags, there.flags);
  EXPECT_EQ(back.resolved, (std::map<std::string, std::string>{{"depth", "128"}}));
  ASSERT_EQ(back.stages.size(), 1U);
  EXPECT_DOUBLE_EQ(back.stages[0].busy_share, 0.5) << "of two threads' time";
  EXPECT_DOUBLE_EQ(back.stages[0].output_queue_fill.value(), 0.5);
  EXPECT_EQ(worker_report_from_json("{]").outcome, MILLRACE_FAILED);
}

TEST_F(WorkerHostTest, AnExchangeOfOneIsItsOwnAnswer) {
  std::thread core([&] {
    const auto message = core_.receive(20'000);
    if (message) core_.send(MessageKind::kExchange, message->body);
  });
  char all[16];
  std::size_t size = 0;
  EXPECT_EQ(raw()->exchange(raw()->context, "hello", 5, all, sizeof(all), &size, 20'000'000'000),
            MILLRACE_OK);
  EXPECT_EQ(std::string(all, size), "hello");
  core.join();
}

TEST_F(WorkerHostTest, AnExchangeEndsWhenTheRunIsStopped) {
  std::thread core([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(30));
    state().stop.store(1);
  });
  char all[16];
  std::size_t size = 0;
  const std::int64_t began = monotonic_ns();
  EXPECT_EQ(raw()->exchange(raw()->context, "hello", 5, all, sizeof(all), &size, 60'000'000'000),
            MILLRACE_CANCELLED);
  EXPECT_LT(monotonic_ns() - began, 10'000'000'000);
  core.join();
}

}  // namespace
}  // namespace millrace::run
