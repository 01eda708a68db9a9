// SPDX-License-Identifier: Apache-2.0
#include <dlfcn.h>
#include <gtest/gtest.h>
#include <time.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <string>
#include <vector>

#include "in_process_host.hpp"
#include "millrace/memory.hpp"
#include "modules/host/pages.hpp"
#include "modules/host/timed_wait.hpp"

namespace millrace::testing {
namespace {

double thread_cpu_s() {
  timespec t{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) * 1e-9;
}

std::uint64_t resident_bytes() {
  std::ifstream statm("/proc/self/statm");
  std::uint64_t total = 0, resident = 0;
  statm >> total >> resident;
  return resident * 4096;
}

struct Said {
  std::string what;
};

// The memory opened through its entry point, with a host that only takes failures.
class HostMemory : public ::testing::Test {
 protected:
  void SetUp() override {
    void* handle = dlopen(module_file("host").c_str(), RTLD_NOW | RTLD_LOCAL);
    ASSERT_NE(handle, nullptr) << dlerror();
    using Entry = const millrace_memory_module* (*)();
    auto* entry = reinterpret_cast<Entry>(dlsym(handle, MILLRACE_MEMORY_MODULE_SYMBOL));
    ASSERT_NE(entry, nullptr);
    module_ = entry();
    host_.struct_size = sizeof host_;
    host_.context = &said_;
    host_.fail = [](void* context, const char* what, const char*) {
      static_cast<Said*>(context)->what = what;
    };
    memory_.struct_size = sizeof memory_;
    ASSERT_EQ(module_->open(&host_, 0, &memory_), MILLRACE_OK);
  }
  void TearDown() override { module_->close(&host_, &memory_); }

  Said said_;
  millrace_host host_{};
  const millrace_memory_module* module_ = nullptr;
  millrace_memory memory_{};
};

TEST_F(HostMemory, SaysThatItStandsInForADevice) {
  EXPECT_STREQ(module_->name, "host");
  EXPECT_EQ(module_->device_count(&host_), 1u);
  EXPECT_NE(memory_.stand_in, 0);
  millrace_memory_device device{};
  ASSERT_EQ(module_->device(&host_, 0, &device), MILLRACE_OK);
  EXPECT_GT(device.bytes, std::uint64_t{64} << 20);
  EXPECT_NE(module_->device(&host_, 1, &device), MILLRACE_OK);
}

TEST_F(HostMemory, AllocatesPagesThatAreThereBeforeTheyAreTouched) {
  constexpr std::size_t kSize = 32 << 20;
  const std::uint64_t before = resident_bytes();
  const sdk::Buffer buffer(sdk::Memory(&memory_), MILLRACE_MEMORY_DEVICE, kSize);
  ASSERT_NE(buffer.data(), nullptr);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(buffer.data()) % 4096, 0u);
  EXPECT_GE(resident_bytes() - before, kSize * 9 / 10);
}

TEST_F(HostMemory, GivesMemoryBackWhenItIsReleased) {
  void* pointer = nullptr;
  ASSERT_EQ(memory_.allocate(memory_.self, MILLRACE_MEMORY_STAGING, 32 << 20, &pointer), MILLRACE_OK);
  const std::uint64_t held = resident_bytes();
  ASSERT_EQ(memory_.release(memory_.self, pointer), MILLRACE_OK);
  EXPECT_LT(resident_bytes() + (30 << 20), held);
  EXPECT_NE(memory_.release(memory_.self, pointer), MILLRACE_OK);
  EXPECT_NE(said_.what, "");
}

TEST_F(HostMemory, RefusesMoreThanTheMachineHas) {
  void* pointer = nullptr;
  EXPECT_NE(memory_.allocate(memory_.self, MILLRACE_MEMORY_DEVICE, std::size_t{1} << 50, &pointer),
            MILLRACE_OK);
  EXPECT_NE(said_.what.find("cannot allocate"), std::string::npos) << said_.what;
}

TEST_F(HostMemory, CopiesBytesExactly) {
  const sdk::Memory memory(&memory_);
  std::vector<std::byte> from(300'001);
  for (std::size_t i = 0; i < from.size(); ++i) from[i] = static_cast<std::byte>(i * 31 >> 3);
  const sdk::Buffer to(memory, MILLRACE_MEMORY_DEVICE, from.size());
  for (const std::size_t size : {std::size_t{100}, from.size()}) {
    std::uint64_t ticket = 1;
    ASSERT_TRUE(memory.copy(to.data(), from.data(), size, ticket));
    ASSERT_TRUE(memory.wait(ticket, 0));
    EXPECT_EQ(std::memcmp(to.data(), from.data(), size), 0);
  }
}

TEST_F(HostMemory, IsBusyForTheTimeAskedAndReportsWhatItTook) {
  const sdk::Memory memory(&memory_);
  std::vector<std::int64_t> over;
  for (int i = 0; i < 40; ++i) {
    std::int64_t took = 0;
    ASSERT_TRUE(memory.busy_for(2'000'000, took));
    ASSERT_GE(took, 2'000'000);
    over.push_back(took - 2'000'000);
  }
  std::nth_element(over.begin(), over.begin() + 20, over.end());
  EXPECT_LT(over[20], 300'000) << "median oversleep, ns";
  std::int64_t took = 1;
  ASSERT_TRUE(memory.busy_for(0, took));
  EXPECT_EQ(took, 0);
}

TEST(TimedWait, LeavesTheCoreToOthers) {
  const double before = thread_cpu_s();
  for (int i = 0; i < 20; ++i) host::wait_for(5'000'000);
  EXPECT_LT(thread_cpu_s() - before, 0.02) << "100 ms of waiting, CPU seconds";
}

TEST(Pages, RefuseANodeThatDoesNotExist) {
  const auto pages = host::Pages::allocate(1 << 20, 900);
  ASSERT_FALSE(pages);
  EXPECT_NE(pages.error().what.find("900"), std::string::npos) << pages.error().what;
}

}  // namespace
}  // namespace millrace::testing
