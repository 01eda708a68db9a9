// SPDX-License-Identifier: Apache-2.0
#include "diagnose/demand.hpp"

namespace millrace::diagnose {

namespace {

constexpr double kByDma = 1, kByCopyFromMemory = 3;

}  // namespace

MemoryCrossings memory_crossings(std::string_view prep, bool stand_in, double in_memory) {
  MemoryCrossings crossings;
  crossings.reading = kByDma + in_memory * (kByCopyFromMemory - kByDma);
  crossings.prep = prep == "none" ? 0 : (prep == "checksum" ? 1 : 2);
  crossings.copy = stand_in ? 2 : 1;
  return crossings;
}

std::string doing(std::string_view prep) {
  if (prep == "checksum") return "checksumming";
  if (prep == "decompress") return "decompressing";
  if (prep == "normalize") return "normalizing";
  return "preparing";
}

}  // namespace millrace::diagnose
