// SPDX-License-Identifier: Apache-2.0
#include "run/shared_state.hpp"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <set>
#include <thread>
#include <vector>

namespace millrace::run {
namespace {

constexpr std::int64_t kLong = 30'000'000'000;

SharedMapping state_of(std::uint32_t ranks) {
  auto mapping = SharedMapping::create(ranks);
  if (!mapping) throw std::runtime_error(mapping.error().what);
  return std::move(*mapping);
}

template <typename Body>
void on_ranks(std::uint32_t ranks, Body body) {
  std::vector<std::thread> threads;
  for (std::uint32_t rank = 0; rank < ranks; ++rank) threads.emplace_back(body, rank);
  for (std::thread& thread : threads) thread.join();
}

TEST(StepBarrier, LetsNobodyOnBeforeAllHaveCome) {
  constexpr std::uint32_t kRanks = 4;
  const SharedMapping mapping = state_of(kRanks);
  std::atomic<std::uint32_t> came{0};
  std::atomic<int> wrong{0};
  on_ranks(kRanks, [&](std::uint32_t) {
    for (std::uint32_t round = 1; round <= 300; ++round) {
      ++came;
      if (wait_at_barrier(mapping.state(), kLong) != 0 || came.load() != kRanks * round) ++wrong;
      if (wait_at_barrier(mapping.state(), kLong) != 0) ++wrong;
    }
  });
  EXPECT_EQ(wrong, 0);
}

TEST(StepBarrier, HoldsBetweenProcesses) {
  const SharedMapping mapping = state_of(2);
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    auto mine = SharedMapping::attach(dup(mapping.fd()));  // a mapping of its own, as a worker has
    int wrong = mine ? 0 : 1;
    for (int round = 0; !wrong && round < 1000; ++round) wrong = wait_at_barrier(mine->state(), kLong);
    _exit(wrong);
  }
  int wrong = 0;
  for (int round = 0; round < 1000; ++round) wrong += wait_at_barrier(mapping.state(), kLong);
  int status = -1;
  waitpid(child, &status, 0);
  EXPECT_EQ(wrong, 0);
  EXPECT_EQ(status, 0);
}

TEST(StepBarrier, BreaksForAllWhenOneDoesNotComeInTime) {
  const SharedMapping mapping = state_of(3);
  std::atomic<int> broken{0};
  on_ranks(2, [&](std::uint32_t) { broken += wait_at_barrier(mapping.state(), 50'000'000) == 2 ? 1 : 0; });
  EXPECT_EQ(broken, 2);
  EXPECT_EQ(wait_at_barrier(mapping.state(), kLong), 2) << "who comes late does not wait for the others";
}

TEST(StepBarrier, LetsGoWhenTheRunIsStopped) {
  const SharedMapping mapping = state_of(2);
  SharedState& state = mapping.state();
  std::thread stopper([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    state.stop.store(1);
    state.broken.store(1);
    futex_wake_all(state.generation);
  });
  const std::int64_t began = monotonic_ns();
  EXPECT_EQ(wait_at_barrier(state, kLong), 1);
  EXPECT_LT(monotonic_ns() - began, 5'000'000'000);
  stopper.join();
}

TEST(ContinueUntil, StopsAllRanksAtOneIterationHoweverTheirSpeedsDiffer) {
  constexpr std::uint32_t kRanks = 4;
  for (int trial = 0; trial < 5; ++trial) {
    const SharedMapping mapping = state_of(kRanks);
    SharedState& state = mapping.state();
    std::vector<std::uint64_t> stopped(kRanks);
    std::thread core([&] {
      std::this_thread::sleep_for(std::chrono::milliseconds(40));
      make_grant_final(state);
    });
    on_ranks(kRanks, [&](std::uint32_t rank) {
      std::uint64_t iteration = 0;
      for (std::uint64_t until = 0; (until = ask_iterations(state, rank, iteration)) > iteration;)
        for (; iteration < until; ++iteration)
          if (rank > 0) std::this_thread::sleep_for(std::chrono::microseconds(10 * rank));
      stopped[rank] = iteration;
    });
    core.join();
    EXPECT_EQ(std::set<std::uint64_t>(stopped.begin(), stopped.end()).size(), 1U);
    EXPECT_GT(stopped[0], 10U);
    EXPECT_LT(stopped[0], 100'000U) << "the fastest rank must not run away from the slowest";
  }
}

TEST(ContinueUntil, GrantsARankAloneWithoutTheCore) {
  const SharedMapping mapping = state_of(1);
  const std::uint64_t first = ask_iterations(mapping.state(), 0, 0);
  EXPECT_GE(first, 1U) << "there is a first iteration";
  EXPECT_GT(ask_iterations(mapping.state(), 0, first), first);
}

TEST(ContinueUntil, DoesNotTakeTheFirstIterationForAll) {
  const SharedMapping mapping = state_of(1);
  const std::uint64_t first = ask_iterations(mapping.state(), 0, 0);
  EXPECT_LE(ask_iterations(mapping.state(), 0, first), 8 * first)
      << "it was over at once, the next may take a second";
}

TEST(ContinueUntil, HardlyHoldsUpIterationsHoweverShort) {
  const SharedMapping mapping = state_of(1);
  std::thread core([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
    make_grant_final(mapping.state());
  });
  std::uint64_t iteration = 0;
  std::int64_t waited = 0;
  for (;;) {
    const std::int64_t began = monotonic_ns();
    const std::uint64_t until = ask_iterations(mapping.state(), 0, iteration);
    waited += monotonic_ns() - began;
    if (until == iteration) break;
    const std::int64_t busy = monotonic_ns() + static_cast<std::int64_t>(until - iteration) * 5'000;
    while (monotonic_ns() < busy) {
    }
    iteration = until;
  }
  core.join();
  EXPECT_GT(iteration, 1'000U);
  EXPECT_LT(waited, 150'000'000) << "of 300 ms";
}

TEST(ContinueUntil, NeverTakesAGrantBack) {
  const SharedMapping mapping = state_of(2);
  const std::uint64_t granted = ask_iterations(mapping.state(), 0, 0);
  make_grant_final(mapping.state());
  EXPECT_EQ(ask_iterations(mapping.state(), 1, 0), granted)
      << "who comes later runs what the first was granted";
  EXPECT_EQ(ask_iterations(mapping.state(), 0, granted), granted);
}

TEST(ContinueUntil, StopsAtOnceWhereNothingWasGranted) {
  const SharedMapping mapping = state_of(1);
  make_grant_final(mapping.state());
  EXPECT_EQ(ask_iterations(mapping.state(), 0, 0), 0U);
}

// Of several hosts: the core grants, and opens the barrier.
TEST(AwaitGrant, AsksOnceAndGoesOnWhenGranted) {
  const SharedMapping mapping = state_of(1);
  SharedState& state = mapping.state();
  std::atomic<int> questions{0};
  std::uint64_t until = 0;
  std::thread rank([&] { until = await_grant(state, 0, 0, [&] { ++questions; }); });
  while (questions.load() == 0) std::this_thread::yield();
  std::this_thread::sleep_for(std::chrono::milliseconds(5));
  state.granted.store(17);
  rank.join();
  EXPECT_EQ(until, 17U);
  EXPECT_EQ(questions, 1);
  EXPECT_EQ(await_grant(state, 0, 5, [&] { ++questions; }), 17U);
  EXPECT_EQ(questions, 1) << "what is granted already needs no question";
  make_grant_final(state);
  EXPECT_EQ(await_grant(state, 0, 17, [&] { ++questions; }), 17U);
  EXPECT_EQ(questions, 1);
}

TEST(PaceOf, IsUnknownUntilEveryRankHasAsked) {
  const SharedMapping mapping = state_of(2);
  SharedState& state = mapping.state();
  state.granted.store(10);
  EXPECT_FALSE(pace_of(state));
  await_grant(state, 0, 0, [] {});
  EXPECT_FALSE(pace_of(state));
  await_grant(state, 1, 0, [] {});
  const auto pace = pace_of(state);
  ASSERT_TRUE(pace);
  EXPECT_EQ(pace->reached, 0U);
  EXPECT_EQ(pace->pace_ns, 0U) << "nobody has run an iteration yet";
}

TEST(PaceOf, IsThatOfTheSlowestAndGoesNoFurtherThanItWasTold) {
  const SharedMapping mapping = state_of(2);
  SharedState& state = mapping.state();
  state.granted.store(10);
  for (const std::uint32_t rank : {0U, 1U}) await_grant(state, rank, 0, [] {});
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  for (const std::uint32_t rank : {0U, 1U}) {
    state.granted.store(rank == 0 ? 100 : 15);
    await_grant(state, rank, 10, [] {});
  }
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  const auto pace = pace_of(state);
  ASSERT_TRUE(pace);
  EXPECT_GE(pace->pace_ns, 2'000'000U);  // ten iterations in 20 ms or more
  EXPECT_EQ(pace->ran, 10U);
  EXPECT_GE(pace->reached, 10U);
  EXPECT_LE(pace->reached, 15U) << "a rank that has stopped moving is not where its pace says";
}

TEST(StepBarrier, OfSeveralHostsOpensWhenItIsOpened) {
  const SharedMapping mapping = state_of(2);
  SharedState& state = mapping.state();
  std::atomic<int> here{0};
  std::atomic<int> passed{0};
  for (int round = 1; round <= 20; ++round) {
    std::thread core([&] {
      while (here.load() < round) std::this_thread::yield();
      EXPECT_EQ(passed.load(), 2 * (round - 1)) << "nobody goes on before it is opened";
      open_barrier(state);
    });
    on_ranks(2, [&](std::uint32_t) {
      if (wait_at_barrier(state, kLong, [&] { ++here; }) == 0) ++passed;
    });
    core.join();
    EXPECT_EQ(passed, 2 * round);
    EXPECT_EQ(here, round) << "the last one says so, once";
  }
}

TEST(SharedMapping, RefusesADescriptorThatIsNoState) {
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  EXPECT_FALSE(SharedMapping::attach(ends[0]));
  EXPECT_FALSE(SharedMapping::attach(-1));
  close(ends[0]);
  close(ends[1]);
}

}  // namespace
}  // namespace millrace::run
