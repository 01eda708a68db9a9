// SPDX-License-Identifier: Apache-2.0
#include "process/guarded_child.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <string>
#include <thread>

namespace millrace {
namespace {

using ::testing::HasSubstr;
constexpr Duration kLongest{30'000'000'000};

bool no_child_left() { return waitpid(-1, nullptr, WNOHANG) == -1 && errno == ECHILD; }

std::string count_until_asked(const GuardedChild::AskedToEnd& asked_to_end) {
  int turns = 0;
  while (!asked_to_end(Duration{1'000'000})) ++turns;
  return std::to_string(turns);
}

TEST(GuardedChild, WorksUntilItIsAskedToEnd) {
  auto child = GuardedChild::start(count_until_asked);
  ASSERT_TRUE(child);
  std::this_thread::sleep_for(std::chrono::milliseconds(100));
  const auto answer = child->finish(kLongest);
  ASSERT_TRUE(answer) << answer.error().what;
  EXPECT_GT(std::stoi(*answer), 1);
  EXPECT_TRUE(no_child_left());
}

TEST(GuardedChild, EndsWithTheOneWhoStartedIt) {
  {
    auto child = GuardedChild::start(count_until_asked);
    ASSERT_TRUE(child);
  }
  EXPECT_TRUE(no_child_left());
}

TEST(GuardedChild, TellsThatItHangs) {
  auto child = GuardedChild::start([](const GuardedChild::AskedToEnd&) -> std::string {
    for (;;) pause();
  });
  ASSERT_TRUE(child);
  const auto answer = child->finish(Duration{200'000'000});
  ASSERT_FALSE(answer);
  EXPECT_THAT(answer.error().what, HasSubstr("did not answer within 200 ms"));
  EXPECT_TRUE(no_child_left());
}

TEST(GuardedChild, TellsThatItCrashedLongBeforeItWasAsked) {
  auto child = GuardedChild::start([](const GuardedChild::AskedToEnd&) -> std::string {
    std::raise(SIGSEGV);
    return {};
  });
  ASSERT_TRUE(child);
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  const auto answer = child->finish(kLongest);
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().what, "crashed (SIGSEGV)");
}

}  // namespace
}  // namespace millrace
