// SPDX-License-Identifier: Apache-2.0
#include "modules/storage/page_cache.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <vector>

namespace millrace::storage {
namespace {

constexpr std::uint64_t kWindow = 1 << 20;
constexpr std::uint64_t kMostWindows = 64;

}  // namespace

double cached_share(int fd, std::uint64_t bytes) {
  const auto page = static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
  const std::uint64_t windows = (bytes + kWindow - 1) / kWindow;
  const std::uint64_t looked_at = std::min(windows, kMostWindows);
  std::uint64_t pages = 0, cached = 0;
  for (std::uint64_t i = 0; i < looked_at; ++i) {
    const std::uint64_t at = i * windows / looked_at * kWindow;
    const std::uint64_t size = std::min(kWindow, bytes - at);
    void* mapped = mmap(nullptr, size, PROT_READ, MAP_SHARED, fd, static_cast<off_t>(at));
    if (mapped == MAP_FAILED) return 0;
    std::vector<unsigned char> in_cache((size + page - 1) / page);
    const bool told = mincore(mapped, size, in_cache.data()) == 0;
    munmap(mapped, size);
    if (!told) return 0;
    pages += in_cache.size();
    cached += static_cast<std::uint64_t>(
        std::count_if(in_cache.begin(), in_cache.end(), [](unsigned char one) { return (one & 1U) != 0; }));
  }
  return pages == 0 ? 0 : static_cast<double>(cached) / static_cast<double>(pages);
}

}  // namespace millrace::storage
