// SPDX-License-Identifier: Apache-2.0
#include "diagnose/demand.hpp"

namespace millrace::diagnose {

MemoryCrossings memory_crossings(std::string_view prep, bool stand_in) {
  MemoryCrossings crossings;
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
