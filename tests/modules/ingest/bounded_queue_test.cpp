// SPDX-License-Identifier: Apache-2.0
#include "modules/ingest/bounded_queue.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

namespace millrace::ingest {
namespace {

using namespace std::chrono_literals;

TEST(BoundedQueue, HandsEverythingOnInOrder) {
  BoundedQueue<int> queue(3);
  std::int64_t in = 0, out = 0;
  std::jthread producer([&] {
    for (int i = 0; i < 10'000; ++i) queue.push(i, out);
  });
  for (int i = 0, value = -1; i < 10'000; ++i) {
    ASSERT_TRUE(queue.pop(value, in));
    ASSERT_EQ(value, i);
  }
}

TEST(BoundedQueue, LosesNothingAmongManyThreads) {
  BoundedQueue<int> queue(4);
  std::atomic<long> sum{0};
  {
    std::vector<std::jthread> consumers, producers;
    for (int t = 0; t < 2; ++t)
      consumers.emplace_back([&] {
        std::int64_t waited = 0;
        for (int i = 0, value = 0; i < 3'000; ++i)
          if (queue.pop(value, waited)) sum += value;
      });
    for (int t = 0; t < 3; ++t)
      producers.emplace_back([&] {
        std::int64_t waited = 0;
        for (int i = 0; i < 2'000; ++i) queue.push(i, waited);
      });
  }
  EXPECT_EQ(sum, 3L * 1999 * 1000);
}

TEST(BoundedQueue, SaysHowLongItMadeSomebodyWaitAndNothingElse) {
  BoundedQueue<int> queue(1);
  std::int64_t no_wait = 0, wait = 0;
  ASSERT_TRUE(queue.push(1, no_wait));
  std::this_thread::sleep_for(20ms);
  EXPECT_EQ(no_wait, 0);
  std::jthread later([&] {
    std::this_thread::sleep_for(50ms);
    int value = 0;
    std::int64_t ignored = 0;
    queue.pop(value, ignored);
  });
  ASSERT_TRUE(queue.push(2, wait));
  EXPECT_GE(wait, 45'000'000);
  EXPECT_LT(wait, 150'000'000);
}

TEST(BoundedQueue, ItsFillIsTheMeanOverTime) {
  BoundedQueue<int> queue(2);
  std::int64_t ignored = 0;
  int value = 0;
  queue.restart();
  queue.push(1, ignored);
  queue.push(2, ignored);
  std::this_thread::sleep_for(60ms);  // full
  queue.pop(value, ignored);
  queue.pop(value, ignored);
  std::this_thread::sleep_for(60ms);  // empty
  queue.close();
  EXPECT_NEAR(queue.mean_fill(), 0.5, 0.1);
  const double at_the_end = queue.mean_fill();
  std::this_thread::sleep_for(20ms);
  EXPECT_EQ(queue.mean_fill(), at_the_end) << "what comes after it was closed does not count";
}

TEST(BoundedQueue, ClosingReleasesWhoWaits) {
  BoundedQueue<int> full(1), empty(1);
  std::int64_t ignored = 0, in = 0, out = 0;
  full.push(1, ignored);
  std::atomic<int> released{0};
  {
    std::jthread pusher([&] { released += full.push(2, out) ? 0 : 1; });
    std::jthread popper([&] {
      int value = 0;
      released += empty.pop(value, in) ? 0 : 1;
    });
    std::this_thread::sleep_for(20ms);
    full.close();
    empty.close();
  }
  EXPECT_EQ(released, 2);
  int value = 0;
  EXPECT_FALSE(full.pop(value, ignored)) << "what is left in it is dropped";
  EXPECT_FALSE(full.try_pop(value));
}

TEST(BoundedQueue, WaitsNoLongerThanTheLimit) {
  BoundedQueue<int> queue(1);
  int value = 0;
  std::int64_t waited = 0;
  EXPECT_FALSE(queue.pop_for(value, 20ms, waited));
  EXPECT_GE(waited, 19'000'000);
  queue.push(7, waited);
  EXPECT_TRUE(queue.pop_for(value, 20ms, waited));
  EXPECT_EQ(value, 7);
}

}  // namespace
}  // namespace millrace::ingest
