// SPDX-License-Identifier: Apache-2.0
// Where the records of a data set begin and end: by the manifest that Millrace writes beside the data sets
// that it makes (millrace-dataset.json, see src/run/dataset.hpp), or, for the user's own files, by a record
// size, a number of records a file, or one record a file. Reads only.
#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

#include "modules/ingest/settings.hpp"
#include "units/result.hpp"

namespace millrace::ingest {

struct Record {
  std::uint64_t bytes = 0;          // as stored
  std::uint64_t content_bytes = 0;  // once prepared: what is copied to the device
  std::uint64_t xxh64 = 0;          // of the stored bytes, when `hashed`
  bool hashed = false;
};

struct IndexedFile {
  std::filesystem::path path;
  std::vector<Record> records;  // one after the other from the beginning of the file
  std::size_t folder = 0;       // which of the settings' data sets it belongs to
};

using Index = std::vector<IndexedFile>;  // data set after data set, each in order of path

// Fails on a folder without data, on files that do not hold what the manifest says (naming file and key), and
// for prep = decompress on records that are no zstd frame of known size.
Result<Index> index_dataset(const Settings& settings);

// Records of a synthetic source that has no data set: `count` of them in one file without a name, their sizes
// drawn from the normal distribution of the settings, cut as a made data set's.
Index synthetic_index(const Settings& settings, std::uint64_t count);

}  // namespace millrace::ingest
