// SPDX-License-Identifier: Apache-2.0
// What the user asked of ingest.pipeline.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "millrace/probe.hpp"

namespace millrace::ingest {

// kSynthetic: staged already, nothing is read; kDevice: on the device already, nothing but the consumer runs.
enum class Source { kCold, kCached, kSynthetic, kDevice };
// How records come into the device: through staging buffers in host memory, or past it by the memory's
// read_direct (GPUDirect Storage).
enum class Way { kStaged, kDirect };
enum class Prep { kNone, kChecksum, kDecompress, kNormalize };

struct Settings {
  std::vector<std::string> datasets;  // folders or files, read in step with each other; empty: none
  Source source = Source::kCold;
  double record_bytes = 0, record_stdev_bytes = 0;
  std::uint64_t samples_per_file = 1;
  std::uint64_t batch = 1;  // records a step, of each accelerator
  std::int64_t compute_ns = 0;
  std::size_t accelerators = 1;
  std::size_t read_threads = 4, prep_threads = 1;  // of each accelerator
  Prep prep = Prep::kNone;
  unsigned prep_passes = 1;
  std::uint64_t prefetch = 2;  // batches, prepared and staged ahead
  std::size_t block_size = std::size_t{1} << 20;
  unsigned queue_depth = 8;  // of each reader thread
  std::uint64_t steps = 0;   // 0: until cancelled
  std::string to = "host";   // memories, as given; see destinations.hpp
  Way way = Way::kStaged;
  std::uint64_t seed = 1;
  bool verify = false;

  [[nodiscard]] bool reads() const { return source == Source::kCold || source == Source::kCached; }
};

Settings settings_of(const sdk::Host& host);

}  // namespace millrace::ingest
