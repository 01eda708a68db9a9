// SPDX-License-Identifier: Apache-2.0
// The stand-in is strict where the driver is, and keeps time as the machine's links say.
#include <cuda.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <cstring>
#include <vector>

namespace {

constexpr std::size_t kMiB = std::size_t{1} << 20;

class Driver : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    setenv("MILLRACE_STANDIN_MACHINE", MILLRACE_SOURCE "/tests/standin/machines/two_gpus.json", 1);
    unsetenv("MILLRACE_STANDIN_STATE");
    unsetenv("CUDA_VISIBLE_DEVICES");
  }
  void SetUp() override {
    ASSERT_EQ(cuInit(0), CUDA_SUCCESS);
    for (int i = 0; i < 2; ++i) ASSERT_EQ(cuDevicePrimaryCtxRetain(&context_[i], i), CUDA_SUCCESS);
    use(0);
  }
  void TearDown() override {
    for (int i = 0; i < 2; ++i) cuDevicePrimaryCtxRelease(i);
  }
  void use(int device) const { ASSERT_EQ(cuCtxSetCurrent(context_[device]), CUDA_SUCCESS); }
  static CUdeviceptr device_memory(std::size_t size = kMiB) {
    CUdeviceptr pointer = 0;
    EXPECT_EQ(cuMemAlloc(&pointer, size), CUDA_SUCCESS);
    return pointer;
  }
  static CUstream stream() {
    CUstream made = nullptr;
    EXPECT_EQ(cuStreamCreate(&made, CU_STREAM_NON_BLOCKING), CUDA_SUCCESS);
    return made;
  }

  CUcontext context_[2] = {};
};

TEST_F(Driver, RefusesCallsWithoutAContext) {
  cuCtxSetCurrent(nullptr);
  CUdeviceptr pointer = 0;
  EXPECT_EQ(cuMemAlloc(&pointer, kMiB), CUDA_ERROR_INVALID_CONTEXT);
}

TEST_F(Driver, RefusesMemoryThatWasFreed) {
  const CUdeviceptr from = device_memory(), to = device_memory();
  ASSERT_EQ(cuMemFree(from), CUDA_SUCCESS);
  EXPECT_EQ(cuMemFree(from), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(cuMemcpyAsync(to, from, kMiB, nullptr), CUDA_ERROR_INVALID_VALUE);
  cuMemFree(to);
}

TEST_F(Driver, RefusesACopyBeyondAnAllocation) {
  const CUdeviceptr from = device_memory(), to = device_memory();
  EXPECT_EQ(cuMemcpyAsync(to, from, kMiB + 1, nullptr), CUDA_ERROR_INVALID_VALUE);
  cuMemFree(from);
  cuMemFree(to);
}

TEST_F(Driver, RefusesAStreamOfAnotherContext) {
  const CUdeviceptr from = device_memory(), to = device_memory();
  const CUstream mine = stream();
  use(1);
  EXPECT_EQ(cuMemcpyAsync(to, from, kMiB, mine), CUDA_ERROR_INVALID_HANDLE);
  use(0);
  EXPECT_EQ(cuMemcpyAsync(to, from, kMiB, mine), CUDA_SUCCESS);
  EXPECT_EQ(cuStreamSynchronize(mine), CUDA_SUCCESS);
  EXPECT_EQ(cuStreamDestroy(mine), CUDA_SUCCESS);
  EXPECT_EQ(cuMemcpyAsync(to, from, kMiB, mine), CUDA_ERROR_INVALID_HANDLE);
}

TEST_F(Driver, RefusesAnImageThatIsNone) {
  CUmodule module = nullptr;
  EXPECT_EQ(cuModuleLoadData(&module, "what is this"), CUDA_ERROR_INVALID_IMAGE);
  ASSERT_EQ(cuModuleLoadData(&module,
                             "\x7f"
                             "ELF"),
            CUDA_SUCCESS);
  CUfunction function = nullptr;
  EXPECT_EQ(cuModuleGetFunction(&function, module, "nobody_knows"), CUDA_ERROR_NOT_FOUND);
}

TEST_F(Driver, RefusesToPinMemoryTwice) {
  std::vector<char> memory(kMiB);
  EXPECT_EQ(cuMemHostRegister(memory.data(), memory.size(), 0), CUDA_SUCCESS);
  EXPECT_EQ(cuMemHostRegister(memory.data() + 100, 1, 0), CUDA_ERROR_HOST_MEMORY_ALREADY_REGISTERED);
  EXPECT_EQ(cuMemHostUnregister(memory.data()), CUDA_SUCCESS);
}

TEST_F(Driver, KeepsTimeAsTheLinksSay) {
  void* host = nullptr;
  ASSERT_EQ(cuMemHostAlloc(&host, 3 * kMiB, CU_MEMHOSTALLOC_PORTABLE), CUDA_SUCCESS);
  const CUdeviceptr device = device_memory(3 * kMiB);
  const CUstream copies = stream();
  CUevent begin = nullptr, end = nullptr;
  ASSERT_EQ(cuEventCreate(&begin, 0), CUDA_SUCCESS);
  ASSERT_EQ(cuEventCreate(&end, 0), CUDA_SUCCESS);
  float milliseconds = 0;
  EXPECT_EQ(cuEventElapsedTime(&milliseconds, begin, end), CUDA_ERROR_INVALID_HANDLE);  // never recorded
  cuEventRecord(begin, copies);
  for (int i = 0; i < 4; ++i)
    ASSERT_EQ(cuMemcpyAsync(device, reinterpret_cast<CUdeviceptr>(host), 3 * kMiB, copies), CUDA_SUCCESS);
  cuEventRecord(end, copies);
  EXPECT_EQ(cuEventQuery(end), CUDA_ERROR_NOT_READY);
  ASSERT_EQ(cuEventSynchronize(end), CUDA_SUCCESS);
  ASSERT_EQ(cuEventElapsedTime(&milliseconds, begin, end), CUDA_SUCCESS);
  EXPECT_NEAR(milliseconds, 12.0 * static_cast<double>(kMiB) / 150e6 * 1e3, 0.1);  // 150 MB/s
  EXPECT_EQ(cuMemFreeHost(host), CUDA_SUCCESS);
}

TEST_F(Driver, ReplaysWhatAStreamCaptured) {
  static int calls = 0;
  calls = 0;
  const CUstream captured = stream();
  ASSERT_EQ(cuStreamBeginCapture(captured, CU_STREAM_CAPTURE_MODE_THREAD_LOCAL), CUDA_SUCCESS);
  ASSERT_EQ(cuLaunchHostFunc(
                captured, [](void*) { ++calls; }, nullptr),
            CUDA_SUCCESS);
  CUgraph graph = nullptr;
  ASSERT_EQ(cuStreamEndCapture(captured, &graph), CUDA_SUCCESS);
  EXPECT_EQ(cuStreamSynchronize(captured), CUDA_SUCCESS);
  EXPECT_EQ(calls, 0);
  CUgraphExec ready = nullptr;
  ASSERT_EQ(cuGraphInstantiate(&ready, graph, 0), CUDA_SUCCESS);
  for (int i = 0; i < 3; ++i) ASSERT_EQ(cuGraphLaunch(ready, captured), CUDA_SUCCESS);
  EXPECT_EQ(cuStreamSynchronize(captured), CUDA_SUCCESS);
  EXPECT_EQ(calls, 3);
}

// Last: it leaves the context spoilt, as on hardware.
TEST_F(Driver, SpoilsTheContextOfAKernelThatTouchesAPeerWithoutAccess) {
  const CUdeviceptr mine = device_memory();
  use(1);
  const CUdeviceptr theirs = device_memory();
  use(0);
  CUmodule module = nullptr;
  CUfunction copy = nullptr;
  ASSERT_EQ(cuModuleLoadData(&module,
                             "\x7f"
                             "ELF"),
            CUDA_SUCCESS);
  ASSERT_EQ(cuModuleGetFunction(&copy, module, "millrace_copy"), CUDA_SUCCESS);
  unsigned long long count = kMiB / 16;
  void* arguments[] = {const_cast<CUdeviceptr*>(&mine), const_cast<CUdeviceptr*>(&theirs), &count};
  const CUstream copies = stream();
  EXPECT_EQ(cuLaunchKernel(copy, 1, 1, 1, 2048, 1, 1, 0, copies, arguments, nullptr),
            CUDA_ERROR_INVALID_VALUE);
  ASSERT_EQ(cuLaunchKernel(copy, 1, 1, 1, 512, 1, 1, 0, copies, arguments, nullptr), CUDA_SUCCESS);
  EXPECT_EQ(cuStreamSynchronize(copies), CUDA_ERROR_ILLEGAL_ADDRESS);
  std::size_t free = 0, total = 0;
  EXPECT_EQ(cuMemGetInfo(&free, &total), CUDA_ERROR_ILLEGAL_ADDRESS);
}

}  // namespace
