// SPDX-License-Identifier: Apache-2.0
#include "modules/gloo/cache.hpp"

#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <string>

namespace millrace::gloo {
namespace {

// "32768K", as Linux writes it (Documentation/ABI/testing/sysfs-devices-system-cpu).
std::uint64_t of_index(int index) {
  std::ifstream file("/sys/devices/system/cpu/cpu0/cache/index" + std::to_string(index) + "/size");
  std::uint64_t size = 0;
  char unit = 0;
  if (!(file >> size)) return 0;
  file >> unit;
  return unit == 'K' ? size << 10 : unit == 'M' ? size << 20 : size;
}

}  // namespace

std::uint64_t last_level_cache_bytes() {
  std::uint64_t largest = 0;
  for (int index = 0; index < 5; ++index) largest = std::max(largest, of_index(index));
  if (largest > 0) return largest;
  const long said = sysconf(_SC_LEVEL3_CACHE_SIZE);
  return said > 0 ? static_cast<std::uint64_t>(said) : 32ULL << 20;
}

}  // namespace millrace::gloo
