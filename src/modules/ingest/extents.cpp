// SPDX-License-Identifier: Apache-2.0
#include "modules/ingest/extents.hpp"

#include <algorithm>
#include <numeric>
#include <random>

namespace millrace::ingest {
namespace {

// Extents of one file each.
std::vector<std::span<const Extent>> by_file(std::span<const Extent> extents) {
  std::vector<std::span<const Extent>> files;
  for (std::size_t first = 0, i = 1; i <= extents.size(); ++i)
    if (i == extents.size() || extents[i].file != extents[first].file) {
      files.push_back(extents.subspan(first, i - first));
      first = i;
    }
  return files;
}

}  // namespace

std::vector<Extent> cut_extents(const Index& index, std::size_t block_size) {
  std::vector<Extent> extents;
  for (const IndexedFile& file : index) {
    std::uint64_t offset = 0;
    for (std::size_t first = 0; first < file.records.size();) {
      Extent extent{&file, offset, 0, 0, {}};
      std::size_t end = first;
      // A block's worth, counted from the aligned offset at which its read begins.
      while (end < file.records.size() &&
             (end == first || offset % 4096 + extent.bytes + file.records[end].bytes <= block_size)) {
        extent.bytes += file.records[end].bytes;
        extent.content_bytes += file.records[end].content_bytes;
        ++end;
      }
      extent.records = std::span(file.records).subspan(first, end - first);
      extents.emplace_back(extent);
      offset += extent.bytes;
      first = end;
    }
  }
  return extents;
}

std::vector<Extent> shard(std::vector<Extent> extents, std::size_t files, std::size_t rank, std::size_t ranks,
                          std::uint64_t seed) {
  std::vector<std::span<const Extent>> mine;
  const bool whole_files = files >= ranks;
  if (whole_files) {
    const auto all = by_file(extents);
    for (std::size_t f = rank; f < all.size(); f += ranks) mine.push_back(all[f]);
  } else {
    for (std::size_t e = rank; e < extents.size(); e += ranks)
      mine.emplace_back(std::span(extents).subspan(e, 1));
  }
  if (whole_files) {
    std::mt19937_64 engine(seed);
    std::shuffle(mine.begin(), mine.end(), engine);
  }
  std::vector<Extent> result;
  for (const auto& part : mine) result.insert(result.end(), part.begin(), part.end());
  return result;
}

}  // namespace millrace::ingest
