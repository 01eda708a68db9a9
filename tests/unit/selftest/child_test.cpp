// SPDX-License-Identifier: Apache-2.0
#include "selftest/child.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <filesystem>

namespace millrace::selftest {
namespace {

using ::testing::HasSubstr;
namespace fs = std::filesystem;

Result<Child> shell(const std::string& script, const ChildOptions& options = {}) {
  return Child::start({"/bin/sh", "-c", script}, fs::temp_directory_path(), options);
}

TEST(SelftestChild, GivesItsExitCodeAndWhatItPrinted) {
  auto child = shell("echo out; echo err >&2; exit 3");
  ASSERT_TRUE(child) << child.error().what;
  while (!child->has_ended()) usleep(1000);
  EXPECT_EQ(child->wait(Duration{20'000'000'000}).value(), 3);
  EXPECT_TRUE(child->has_ended());
  EXPECT_EQ(child->output(), "out\nerr\n");
}

TEST(SelftestChild, SaysWhatKilledIt) {
  auto child = shell("echo last words; kill -SEGV $$");
  const auto code = child->wait(Duration{20'000'000'000});
  ASSERT_FALSE(code);
  EXPECT_THAT(code.error().what, HasSubstr("SIGSEGV"));
  EXPECT_THAT(code.error().what, HasSubstr("last words"));
}

TEST(SelftestChild, IsGoneAfterItsTime) {
  auto child = shell("echo $$; exec sleep 600");
  const auto code = child->wait(Duration{300'000'000});
  ASSERT_FALSE(code);
  EXPECT_THAT(code.error().what, HasSubstr("did not end within"));
  EXPECT_EQ(kill(std::stoi(child->output()), 0), -1);
  EXPECT_EQ(errno, ESRCH);
}

TEST(SelftestChild, IsInterruptedWithUs) {
  auto child = shell("trap 'exit 5' INT; while :; do sleep 0.05; done", {{}, [] { return true; }});
  const auto code = child->wait(Duration{20'000'000'000});
  ASSERT_FALSE(code);
  EXPECT_EQ(code.error().exit, Exit::kInterrupted);
}

TEST(SelftestChild, RunsOnTheCpusThatItIsGiven) {
  cpu_set_t allowed;
  CPU_ZERO(&allowed);
  ASSERT_EQ(sched_getaffinity(0, sizeof(allowed), &allowed), 0);
  int last = CPU_SETSIZE - 1;
  while (!CPU_ISSET(static_cast<std::size_t>(last), &allowed)) --last;
  auto child = shell("grep Cpus_allowed_list /proc/self/status", {{}, {}, {last}});
  ASSERT_EQ(child->wait(Duration{20'000'000'000}).value(), 0);
  EXPECT_EQ(child->output(), "Cpus_allowed_list:\t" + std::to_string(last) + "\n");
}

TEST(SelftestChild, SaysThatTheGroupCannotBeEntered) {
  const auto child = shell("true", {fs::temp_directory_path() / "no-such-group", {}});
  ASSERT_FALSE(child);
  EXPECT_THAT(child.error().what, HasSubstr("no-such-group"));
}

}  // namespace
}  // namespace millrace::selftest
