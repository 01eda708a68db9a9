// SPDX-License-Identifier: Apache-2.0
#include <atomic>
#include <cstring>

#include "counts.hpp"
#include "driver.hpp"
#include "machine/machine.hpp"
#include "vendor.hpp"

namespace millrace::standin {
namespace {

std::atomic<int> level{0};
std::atomic<bool> started{false};

unsigned nibble(char digit) {
  return static_cast<unsigned>(digit <= '9' ? digit - '0' : (digit | 0x20) - 'a' + 10);
}

void put_uuid(const std::string& text, char (&uuid)[CUFILE_GPU_UUID_LEN]) {
  std::size_t at = 0;
  std::string digits;
  for (const char c : text.substr(4))  // behind "GPU-"
    if (c != '-') digits += c;
  for (std::size_t i = 0; i + 1 < digits.size() && at < sizeof uuid; i += 2)
    uuid[at++] = static_cast<char>(nibble(digits[i]) << 4 | nibble(digits[i + 1]));
}

}  // namespace
}  // namespace millrace::standin

using namespace millrace::standin;

CUfileError_t cuFileSetStatsLevel(int wanted) {
  if (!counts() || wanted < 0 || wanted > 3) return {CU_FILE_INVALID_VALUE, CUDA_SUCCESS};
  level = wanted;
  return {CU_FILE_SUCCESS, CUDA_SUCCESS};
}

CUfileError_t cuFileStatsStart() {
  if (!is_open()) return {CU_FILE_DRIVER_NOT_INITIALIZED, CUDA_SUCCESS};
  started = level > 0;
  return {started ? CU_FILE_SUCCESS : CU_FILE_INVALID_VALUE, CUDA_SUCCESS};
}

CUfileError_t cuFileGetStatsL3(CUfileStatsLevel3_t* statistics) {
  if (!is_open()) return {CU_FILE_DRIVER_NOT_INITIALIZED, CUDA_SUCCESS};
  if (statistics == nullptr || level < 3 || !started) return {CU_FILE_INVALID_VALUE, CUDA_SUCCESS};
  *statistics = {};
  for (const GpuDescription& gpu : Machine::instance().description().gpus) {
    CUfilePerGpuStats_t& entry = statistics->per_gpu_stats[statistics->num_gpus++];
    const GpuCounts& now = counts_of(gpu.index);
    put_uuid(gpu.uuid, entry.uuid);
    entry.read_bytes = now.reads.bytes;
    entry.n_total_reads = now.reads.all;
    entry.n_p2p_reads = now.reads.p2p;
    entry.n_nvfs_reads = now.reads.nvidia_fs;
    entry.n_posix_reads = now.reads.posix;
    entry.n_reads_err = now.reads.failed;
    entry.writes_bytes = now.writes.bytes;
    entry.n_total_writes = now.writes.all;
    entry.n_p2p_writes = now.writes.p2p;
    entry.n_nvfs_writes = now.writes.nvidia_fs;
    entry.n_posix_writes = now.writes.posix;
    entry.n_writes_err = now.writes.failed;
  }
  return {CU_FILE_SUCCESS, CUDA_SUCCESS};
}
