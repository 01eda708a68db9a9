// SPDX-License-Identifier: Apache-2.0
#include "modules/ingest/extents.hpp"

#include <algorithm>
#include <map>
#include <random>
#include <vector>

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

std::map<std::size_t, std::vector<std::span<const Extent>>> by_folder(std::span<const Extent> extents) {
  std::map<std::size_t, std::vector<std::span<const Extent>>> folders;
  for (const auto& file : by_file(extents)) folders[file.front().file->folder].push_back(file);
  return folders;
}

std::vector<std::span<const Extent>> one_by_one(const std::vector<std::span<const Extent>>& files) {
  std::vector<std::span<const Extent>> single;
  for (const auto& file : files)
    for (std::size_t e = 0; e < file.size(); ++e) single.push_back(file.subspan(e, 1));
  return single;
}

// Takes from each list in proportion to its length, so that drives that hold parts of the data are all read
// at any time.
std::vector<Extent> in_step(const std::vector<std::vector<Extent>>& lists) {
  std::vector<Extent> merged;
  std::vector<std::size_t> taken(lists.size(), 0);
  std::size_t total = 0;
  for (const auto& list : lists) total += list.size();
  while (merged.size() < total) {
    std::size_t next = 0;
    double least = 2;
    for (std::size_t i = 0; i < lists.size(); ++i) {
      const double share = (static_cast<double>(taken[i]) + 0.5) / static_cast<double>(lists[i].size());
      if (taken[i] < lists[i].size() && share < least) least = share, next = i;
    }
    merged.push_back(lists[next][taken[next]++]);
  }
  return merged;
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
  std::mt19937_64 engine(seed);
  std::vector<std::vector<Extent>> mine;  // of each folder
  for (const auto& [folder, all] : by_folder(extents)) {
    std::vector<std::span<const Extent>> parts;
    // The ranks begin one after the other in each folder: else one rank would have all of a small one.
    const std::size_t first = (rank + mine.size()) % ranks;
    if (files >= ranks) {
      for (std::size_t f = first; f < all.size(); f += ranks) parts.push_back(all[f]);
      std::shuffle(parts.begin(), parts.end(), engine);
    } else {
      const std::vector<std::span<const Extent>> single = one_by_one(all);
      for (std::size_t e = first; e < single.size(); e += ranks) parts.push_back(single[e]);
    }
    std::vector<Extent>& flat = mine.emplace_back();
    for (const auto& part : parts) flat.insert(flat.end(), part.begin(), part.end());
  }
  return in_step(mine);
}

}  // namespace millrace::ingest
