// SPDX-License-Identifier: Apache-2.0
#include "cuda/host_ranges.hpp"

#include <map>

#include "cuda/driver.hpp"

namespace millrace::standin::cuda {
namespace {

std::map<std::uint64_t, HostRange>& ranges() {  // by where they begin
  static auto* const all = new std::map<std::uint64_t, HostRange>;
  return *all;
}

}  // namespace

CUresult add_host_range(const HostRange& range) {
  const std::lock_guard guard(lock());
  const auto after = ranges().lower_bound(range.begin + range.size);
  if (after != ranges().begin() &&
      std::prev(after)->second.begin + std::prev(after)->second.size > range.begin)
    return misuse(CUDA_ERROR_HOST_MEMORY_ALREADY_REGISTERED, "host memory was registered twice");
  ranges().emplace(range.begin, range);
  return CUDA_SUCCESS;
}

bool remove_host_range(std::uint64_t begin, bool allocated, HostRange& removed) {
  const std::lock_guard guard(lock());
  const auto found = ranges().find(begin);
  if (found == ranges().end() || found->second.allocated != allocated) return false;
  removed = found->second;
  ranges().erase(found);
  return true;
}

std::optional<HostRange> find_host_range(std::uint64_t address) {
  const std::lock_guard guard(lock());
  const auto after = ranges().upper_bound(address);
  if (after == ranges().begin()) return std::nullopt;
  const HostRange& range = std::prev(after)->second;
  return address < range.begin + range.size ? std::optional(range) : std::nullopt;
}

}  // namespace millrace::standin::cuda
