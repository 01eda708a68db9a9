// SPDX-License-Identifier: Apache-2.0
#include "modules/cufile/counters.hpp"

#include <cstddef>
#include <cstring>
#include <vector>

#include "modules/cufile/api.hpp"

namespace millrace::cufile {

#ifdef CUFILE_GPU_UUID_LEN  // cufile.h of 1.15 and later: the ones that count

namespace {

// Room for a level 3 that has grown since: its sixteen GPUs take about 4 KiB.
constexpr std::size_t kRoom = std::size_t{256} << 10;

// Failed operations may be in the total alone.
bool plausible(const PathCounts& counts) {
  return counts.peer_to_peer + counts.nvidia_fs + counts.posix <= counts.total + counts.failed;
}

}  // namespace

std::optional<GpuCounts> find_gpu(std::span<const std::byte> level3, const Uuid& gpu) {
  CUfilePerGpuStats_t entry{};
  for (std::size_t at = 0; at + sizeof entry <= level3.size(); at += alignof(CUfilePerGpuStats_t)) {
    if (std::memcmp(level3.data() + at, gpu.data(), gpu.size()) != 0) continue;
    std::memcpy(&entry, level3.data() + at, sizeof entry);
    GpuCounts counts{{entry.n_total_reads, entry.n_p2p_reads, entry.n_nvfs_reads, entry.n_posix_reads,
                      entry.n_unaligned_reads, entry.n_reads_err},
                     {entry.n_total_writes, entry.n_p2p_writes, entry.n_nvfs_writes, entry.n_posix_writes,
                      entry.n_unaligned_writes, entry.n_writes_err}};
    if (plausible(counts.reads) && plausible(counts.writes)) return counts;
  }
  return std::nullopt;
}

Counters count_now(const Uuid& gpu) {
  Counters counters;
  counters.nvidia_fs = read_nvidia_fs();
  const Result<Api>& calls = api();
  if (!calls || !calls->counts()) return counters;
  std::vector<std::byte> level3(sizeof(CUfileStatsLevel3_t) + kRoom);
  if (calls->get_stats_l3(reinterpret_cast<CUfileStatsLevel3_t*>(level3.data())).err != CU_FILE_SUCCESS)
    return counters;
  if (const auto found = find_gpu(level3, gpu)) {
    counters.reads = found->reads;
    counters.writes = found->writes;
  } else {
    // A GPU that nothing was done on yet may have no entry.
    counters.reads = counters.writes = PathCounts{};
  }
  return counters;
}

#else

std::optional<GpuCounts> find_gpu(std::span<const std::byte>, const Uuid&) { return std::nullopt; }

Counters count_now(const Uuid&) {
  Counters counters;
  counters.nvidia_fs = read_nvidia_fs();
  return counters;
}

#endif

}  // namespace millrace::cufile
