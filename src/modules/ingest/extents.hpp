// SPDX-License-Identifier: Apache-2.0
// What is read, staged and prepared at once: one record, or as many neighbours as fit a block when records
// are small, so that a thousand small records do not cost a thousand reads and hand-overs.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "modules/ingest/record_index.hpp"

namespace millrace::ingest {

struct Extent {
  const IndexedFile* file = nullptr;
  std::uint64_t offset = 0;  // in the file
  std::uint64_t bytes = 0;   // as stored
  std::uint64_t content_bytes = 0;
  std::span<const Record> records;
};

// All extents of `index`, which must outlive them, in order of file and offset.
std::vector<Extent> cut_extents(const Index& index, std::size_t block_size);

// Rank r's share of N: every N-th file, or where there are fewer files than ranks every N-th extent. Files in
// an order shuffled by `seed`, as a sampler would; extents within a file in sequence. Where the data lie in
// several folders, this holds of each, and their extents take turns.
std::vector<Extent> shard(std::vector<Extent> extents, std::size_t files, std::size_t rank, std::size_t ranks,
                          std::uint64_t seed);

}  // namespace millrace::ingest
