// SPDX-License-Identifier: Apache-2.0
#include "diagnose/memory_backed.hpp"

#include "diagnose/spread.hpp"
#include "topology/graph.hpp"

namespace millrace::diagnose {

double share_of_data_in_memory(const record::Document& document, const StorageEvidence& storage) {
  const auto in_memory = [&](const record::Measurement& reading) {
    return topology::share_in_memory(document.topology, reading.from);
  };
  double share = 0;
  if (const auto spread = spread_of(document, storage)) {
    for (const SpreadPart& part : spread->parts) share += part.share * in_memory(*part.beside);
    return share;
  }
  double moved = 0;
  for (const record::Measurement* reading : storage.set) {
    moved += reading->throughput_bytes_per_s.mean;
    share += reading->throughput_bytes_per_s.mean * in_memory(*reading);
  }
  return moved > 0 ? share / moved : 0;
}

}  // namespace millrace::diagnose
