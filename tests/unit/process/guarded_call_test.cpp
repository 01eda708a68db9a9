// SPDX-License-Identifier: Apache-2.0
#include "process/guarded_call.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <stdexcept>
#include <thread>

#include "../run/temporary_folder.hpp"

namespace millrace {
namespace {

using run::TemporaryFolder;
using ::testing::HasSubstr;
constexpr Duration kLong{30'000'000'000};

bool no_children_left() { return waitpid(-1, nullptr, WNOHANG) == -1 && errno == ECHILD; }

TEST(GuardedCall, BringsTheAnswerBack) {
  EXPECT_EQ(guarded_call([] { return std::string("yes"); }, kLong).value(), "yes");
  EXPECT_EQ(guarded_call([] { return std::string(); }, kLong).value(), "");
  EXPECT_TRUE(no_children_left());
}

TEST(GuardedCall, BringsBackAnswersLargerThanAPipe) {
  const std::string large(10 << 20, 'x');
  EXPECT_EQ(guarded_call([&] { return large; }, kLong).value(), large);
}

TEST(GuardedCall, LeavesTheCallersMemoryAlone) {
  int touched = 0;
  EXPECT_TRUE(guarded_call(
      [&] {
        touched = 1;
        return std::string();
      },
      kLong));
  EXPECT_EQ(touched, 0);
}

TEST(GuardedCall, NamesTheSignalOfACrash) {
  for (const auto& [signal, name] :
       {std::pair{SIGSEGV, "SIGSEGV"}, {SIGABRT, "SIGABRT"}, {SIGBUS, "SIGBUS"}}) {
    const auto answer = guarded_call(
        [signal]() -> std::string {
          std::raise(signal);
          return {};
        },
        kLong);
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().what, std::string("crashed (") + name + ")");
  }
}

TEST(GuardedCall, NamesTheStatusOfAnEarlyExit) {
  for (const int status : {0, 3}) {
    const auto answer = guarded_call([status]() -> std::string { _exit(status); }, kLong);
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().what, "ended early with status " + std::to_string(status));
  }
}

TEST(GuardedCall, QuotesAnExceptionAndUnwindsNothingOfTheCallers) {
  TemporaryFolder folder;  // its destructor, run in the child, would take the folder away
  const auto answer = guarded_call([]() -> std::string { throw std::runtime_error("no warp"); }, kLong);
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().what, "threw an exception: no warp");
  EXPECT_FALSE(guarded_call([]() -> std::string { throw 42; }, kLong));
  EXPECT_TRUE(std::filesystem::exists(folder.path()));
}

TEST(GuardedCall, EndsWhatHangsAndAllThatItStarted) {
  TemporaryFolder folder;
  const auto began = std::chrono::steady_clock::now();
  const auto answer = guarded_call(
      [&]() -> std::string {
        std::signal(SIGTERM, SIG_IGN);
        if (const pid_t child = fork(); child > 0)
          std::ofstream(folder.path() / "pid") << child << std::flush;
        for (;;) pause();
      },
      Duration{300'000'000});
  ASSERT_FALSE(answer);
  EXPECT_THAT(answer.error().what, HasSubstr("did not answer within 300 ms"));
  EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(10));
  EXPECT_TRUE(no_children_left());
  pid_t grandchild = 0;
  std::ifstream(folder.path() / "pid") >> grandchild;
  ASSERT_GT(grandchild, 0);
  // Somebody else reaps it; until then it is a zombie.
  const std::string file = "/proc/" + std::to_string(grandchild) + "/stat";
  const auto runs = [&] {
    std::string pid, name, state;
    std::ifstream stat(file);
    return stat >> pid >> name >> state && state != "Z" && state != "X";
  };
  for (int i = 0; i < 200 && runs(); ++i) std::this_thread::sleep_for(std::chrono::milliseconds(10));
  EXPECT_FALSE(runs());
}

TEST(GuardedCall, DropsWhatIsPrinted) {
  ::testing::internal::CaptureStdout();
  EXPECT_TRUE(guarded_call(
      [] {
        std::puts("a vendor's banner");
        std::fflush(stdout);
        return std::string();
      },
      kLong));
  EXPECT_EQ(::testing::internal::GetCapturedStdout(), "");
}

}  // namespace
}  // namespace millrace
