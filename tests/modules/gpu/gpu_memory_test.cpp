// SPDX-License-Identifier: Apache-2.0
// The memory module through its door, over the stand-in driver: a library that is loaded already serves
// whoever asks for its name.
#include <dlfcn.h>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <string>
#include <vector>

#include "millrace/memory.hpp"

namespace millrace::gpu {
namespace {

using testing::HasSubstr;

constexpr std::size_t kMiB = std::size_t{1} << 20;
constexpr std::int64_t kSecond_ns = 1'000'000'000;

class GpuMemory : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    setenv("MILLRACE_STANDIN_MACHINE", MILLRACE_SOURCE "/tests/standin/machines/two_gpus.json", 1);
    unsetenv("MILLRACE_STANDIN_STATE");
    unsetenv("CUDA_VISIBLE_DEVICES");
  }

  void SetUp() override {
    const char* driver = MILLRACE_BUILD "/tests/standin/lib/libcuda.so.1";
    if (!std::filesystem::exists(driver)) GTEST_SKIP() << "the stand-in libcuda.so.1 is not built";
    ASSERT_NE(dlopen(driver, RTLD_NOW | RTLD_LOCAL), nullptr) << dlerror();
    void* handle = dlopen(MILLRACE_BUILD "/lib/millrace/modules/gpu.so", RTLD_NOW | RTLD_LOCAL);
    ASSERT_NE(handle, nullptr) << dlerror();
    using Entry = const millrace_memory_module* (*)();
    module_ = reinterpret_cast<Entry>(dlsym(handle, MILLRACE_MEMORY_MODULE_SYMBOL))();
    host_.struct_size = sizeof host_;
    host_.context = &said_;
    host_.fail = [](void* context, const char* what, const char*) {
      *static_cast<std::string*>(context) = what;
    };
    host_.log = [](void*, std::int32_t, const char*) {};
    memory_.struct_size = sizeof memory_;
    ASSERT_EQ(module_->open(&host_, 1, &memory_), MILLRACE_OK) << said_;
  }
  void TearDown() override {
    if (module_ != nullptr) module_->close(&host_, &memory_);
  }

  void* allocate(int place, std::size_t size) {
    void* pointer = nullptr;
    EXPECT_EQ(memory_.allocate(memory_.self, place, size, &pointer), MILLRACE_OK) << said_;
    return pointer;
  }
  void copy(void* to, const void* from, std::size_t size) {
    std::uint64_t ticket = 0;
    ASSERT_EQ(memory_.copy_async(memory_.self, to, from, size, &ticket), MILLRACE_OK) << said_;
    ASSERT_EQ(memory_.wait(memory_.self, ticket, 10 * kSecond_ns), MILLRACE_OK) << said_;
  }

  std::string said_;
  millrace_host host_{};
  const millrace_memory_module* module_ = nullptr;
  millrace_memory memory_{};
};

TEST_F(GpuMemory, SaysWhatItIsAndThatAStandInPlaysIt) {
  millrace_memory_device device{};
  EXPECT_EQ(module_->device_count(&host_), 2U);
  ASSERT_EQ(module_->device(&host_, 1, &device), MILLRACE_OK);
  EXPECT_STREQ(device.pci, "0000:97:00.0");
  EXPECT_EQ(device.bytes, std::uint64_t{1} << 30);
  EXPECT_STREQ(device.name, "Millrace stand-in GPU");
  EXPECT_EQ(memory_.stand_in, 1);
}

TEST_F(GpuMemory, BringsBackWhatItWasGiven) {
  auto* there = allocate(MILLRACE_MEMORY_STAGING, kMiB);
  auto* back = allocate(MILLRACE_MEMORY_STAGING, kMiB);
  void* device = allocate(MILLRACE_MEMORY_DEVICE, kMiB);
  for (std::size_t i = 0; i < kMiB; ++i)
    static_cast<unsigned char*>(there)[i] = static_cast<unsigned char>(i * 7 + i / 256);
  copy(device, there, kMiB);
  copy(back, device, kMiB);
  EXPECT_EQ(std::memcmp(there, back, kMiB), 0);
  for (void* pointer : {there, back, device})
    EXPECT_EQ(memory_.release(memory_.self, pointer), MILLRACE_OK) << said_;
}

TEST_F(GpuMemory, EndsCopiesInTheirOrder) {
  void* device = allocate(MILLRACE_MEMORY_DEVICE, 4 * kMiB);
  void* staging = allocate(MILLRACE_MEMORY_STAGING, 4 * kMiB);
  std::vector<std::uint64_t> tickets(8);
  for (auto& ticket : tickets)
    ASSERT_EQ(memory_.copy_async(memory_.self, device, staging, 64 << 10, &ticket), MILLRACE_OK) << said_;
  ASSERT_EQ(memory_.wait(memory_.self, tickets.back(), 10 * kSecond_ns), MILLRACE_OK);
  for (const auto ticket : tickets) EXPECT_EQ(memory_.wait(memory_.self, ticket, 0), MILLRACE_OK) << ticket;
}

TEST_F(GpuMemory, GivesUpACopyThatTakesLongerThanItMay) {
  void* device = allocate(MILLRACE_MEMORY_DEVICE, 64 * kMiB);
  void* staging = allocate(MILLRACE_MEMORY_STAGING, 64 * kMiB);  // 0.45 s at 150 MB/s
  std::uint64_t ticket = 0;
  ASSERT_EQ(memory_.copy_async(memory_.self, device, staging, 64 * kMiB, &ticket), MILLRACE_OK) << said_;
  EXPECT_EQ(memory_.wait(memory_.self, ticket, kSecond_ns / 20), MILLRACE_FAILED);
  EXPECT_THAT(said_, HasSubstr("a copy on gpu:1 did not end within 50 ms"));
}

TEST_F(GpuMemory, IsBusyForAsLongAsItIsTold) {
  std::int64_t took_ns = 0;
  ASSERT_EQ(memory_.busy_for(memory_.self, kSecond_ns / 10, &took_ns), MILLRACE_OK) << said_;
  EXPECT_GE(took_ns, kSecond_ns / 10);
  EXPECT_LT(took_ns, kSecond_ns / 4);
}

TEST_F(GpuMemory, CopiesFromMemoryOfTheCallerThatItPinned) {
  std::vector<char> mine(kMiB, 'x');
  void* device = allocate(MILLRACE_MEMORY_DEVICE, kMiB);
  ASSERT_EQ(memory_.register_host(memory_.self, mine.data(), mine.size()), MILLRACE_OK) << said_;
  copy(device, mine.data(), mine.size());
  EXPECT_EQ(memory_.unregister_host(memory_.self, mine.data()), MILLRACE_OK) << said_;
  EXPECT_EQ(memory_.unregister_host(memory_.self, mine.data()), MILLRACE_FAILED);
  EXPECT_THAT(said_, HasSubstr("CUDA_ERROR_HOST_MEMORY_NOT_REGISTERED (713)"));
}

TEST_F(GpuMemory, ExportsWholePagesAsADmaBuf) {
  auto* device = static_cast<char*>(allocate(MILLRACE_MEMORY_DEVICE, kMiB));
  std::int32_t fd = -1;
  ASSERT_EQ(memory_.export_dmabuf(memory_.self, device, kMiB, &fd), MILLRACE_OK) << said_;
  EXPECT_NE(fcntl(fd, F_GETFD), -1);
  close(fd);
  EXPECT_EQ(memory_.export_dmabuf(memory_.self, device + 100, 4096, &fd), MILLRACE_FAILED);
  EXPECT_THAT(said_, HasSubstr("whole pages"));
}

TEST_F(GpuMemory, RefusesMoreThanIsFreeAndSaysHowMuchIs) {
  void* pointer = nullptr;
  EXPECT_EQ(memory_.allocate(memory_.self, MILLRACE_MEMORY_DEVICE, 2048 * kMiB, &pointer), MILLRACE_FAILED);
  EXPECT_THAT(said_, HasSubstr("allocating 2 GiB on gpu:1: CUDA_ERROR_OUT_OF_MEMORY (2): out of memory; "));
  EXPECT_THAT(said_, HasSubstr("of 1 GiB are free"));
}

TEST_F(GpuMemory, RefusesToReleaseTwice) {
  void* device = allocate(MILLRACE_MEMORY_DEVICE, kMiB);
  EXPECT_EQ(memory_.release(memory_.self, device), MILLRACE_OK);
  EXPECT_EQ(memory_.release(memory_.self, device), MILLRACE_FAILED);
}

TEST_F(GpuMemory, RefusesADeviceThatIsNotThere) {
  millrace_memory other{};
  EXPECT_NE(module_->open(&host_, 7, &other), MILLRACE_OK);
  EXPECT_THAT(said_, HasSubstr("there is no GPU '7' here"));
}

}  // namespace
}  // namespace millrace::gpu
