// SPDX-License-Identifier: Apache-2.0
#include "machine/machine.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>

namespace millrace::standin {
namespace {

const std::string kMachines = MILLRACE_SOURCE "/tests/standin/machines/";

Machine play(const std::string& name, const std::string& state = "") {
  return {read_description(kMachines + name), state};
}

TEST(Machine, HasNvLinksBetweenAllGpusOfTheEight) {
  const Machine machine = play("eight_gpus.json");
  for (int a = 0; a < 8; ++a)
    for (int b = 0; b < 8; ++b)
      if (a != b) {
        EXPECT_DOUBLE_EQ(machine.rate(machine.gpu_to_gpu(a, b)), 500e6) << a << " " << b;
      }
}

TEST(Machine, IsHeldUpByTheSlowerOfTwoLinks) {
  const Machine machine = play("half_link.json");
  EXPECT_DOUBLE_EQ(machine.rate(machine.gpu_to_gpu(5, 1)), 250e6);
  EXPECT_DOUBLE_EQ(machine.rate(machine.gpu_to_gpu(1, 5)), 250e6);
  EXPECT_DOUBLE_EQ(machine.rate(machine.gpu_to_gpu(1, 2)), 500e6);
}

TEST(Machine, TakesPcieAndUplinksWhereThereIsNoNvLink) {
  const Machine machine = play("pcie_only.json");
  EXPECT_EQ(machine.gpu_to_gpu(0, 1).size(), 2U);  // up to the switch and down
  EXPECT_EQ(machine.gpu_to_gpu(0, 2).size(), 5U);  // and over both uplinks and the sockets
  EXPECT_DOUBLE_EQ(machine.rate(machine.gpu_to_gpu(0, 2)), 100e6);
  EXPECT_DOUBLE_EQ(machine.rate(machine.host_to_gpu(0, 0)), 150e6);
  EXPECT_DOUBLE_EQ(machine.rate(machine.host_to_gpu(0, 1)), 100e6);
}

TEST(Machine, LetsTransfersOnOneLinkWaitForEachOther) {
  Machine machine = play("two_gpus.json");
  const Path path = machine.host_to_gpu(0);
  const std::int64_t begin = now_ns();
  const std::int64_t first = machine.transfer(path, 15'000'000, begin);
  const std::int64_t second = machine.transfer(path, 15'000'000, begin);
  EXPECT_EQ(first - begin, 100'000'000);
  EXPECT_EQ(second - begin, 200'000'000);
  EXPECT_EQ(machine.transfer(machine.gpu_to_host(0), 15'000'000, begin) - begin,
            100'000'000);  // the other way is free
}

TEST(Machine, SharesAnUplinkAmongTheGpusBelowIt) {
  Machine machine = play("eight_gpus.json");
  const std::int64_t begin = now_ns();
  std::int64_t last = 0;
  for (int gpu = 0; gpu < 4; ++gpu)
    last = std::max(last, machine.transfer(machine.gpu_to_host(gpu), 10'000'000, begin));
  EXPECT_EQ(last - begin, 200'000'000);  // 40 MB over 200 MB/s
}

TEST(Machine, IsOneForAllItsProcesses) {
  const auto file = std::filesystem::temp_directory_path() / ("standin-state-" + std::to_string(getpid()));
  const std::int64_t begin = now_ns();
  if (const pid_t child = fork(); child == 0) {
    Machine machine = play("two_gpus.json", file.string());
    machine.transfer(machine.host_to_gpu(0), 15'000'000, begin);
    _exit(0);
  } else {
    waitpid(child, nullptr, 0);
  }
  Machine machine = play("two_gpus.json", file.string());
  EXPECT_EQ(machine.transfer(machine.host_to_gpu(0), 15'000'000, begin) - begin, 200'000'000);
  std::filesystem::remove(file);
}

TEST(Machine, CountsCallsOfOneGpuAndFaultsFromTheOneSaid) {
  Description description = read_description(kMachines + "two_gpus.json");
  description.faults.push_back({"cuda", "cuMemcpyAsync", 3, 1, FaultKind::kLost, "", 1});
  Machine machine(description, "");
  for (int call = 1; call <= 4; ++call) {
    EXPECT_FALSE(machine.fault("cuda", "cuMemcpyAsync", 0)) << call;
    EXPECT_FALSE(machine.fault("nccl", "cuMemcpyAsync", 1)) << call;
    EXPECT_EQ(machine.fault("cuda", "cuMemcpyAsync", 1).has_value(), call >= 3) << call;
    EXPECT_EQ(machine.is_lost(1), call >= 3) << call;
  }
  EXPECT_FALSE(machine.is_lost(0));
}

TEST(Machine, NamesTheFileThatItCannotRead) {
  try {
    read_description("/nowhere/machine.json");
    FAIL();
  } catch (const std::runtime_error& error) {
    EXPECT_THAT(error.what(), testing::HasSubstr("/nowhere/machine.json: it cannot be read"));
  }
}

}  // namespace
}  // namespace millrace::standin
