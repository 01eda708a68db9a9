// SPDX-License-Identifier: Apache-2.0
// Data sets to measure on: made in a folder of our own with a workload's record and file sizes, or the user's
// own files, which are only listed.
//
// A made data set lies in DIRECTORY/millrace-data-<pid>-<random>/ and holds
//   .millrace-temporary       whose it is: {"schema": "millrace.temporary/1", "pid", "boot_id",
//   "start_ticks"} millrace-dataset.json     where its records begin: see kManifestSchema below
//   data-000000.bin, ...      the records, one after the other
// Nothing else is ever created, and only these names are ever removed, never through a symbolic link.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "units/result.hpp"

namespace millrace::run {

// millrace-dataset.json: {"schema": "millrace.dataset/1", "content": "raw" | "zstd", "files": [{"name": …,
// "record_bytes": [stored sizes, in order], "content_bytes": [decompressed sizes; "zstd" only], "xxh64": [the
// stored bytes' XXH64 with seed 0, sixteen hex digits each]}]}.
inline constexpr const char* kManifestName = "millrace-dataset.json";
inline constexpr const char* kManifestSchema = "millrace.dataset/1";
inline constexpr const char* kMarkerName = ".millrace-temporary";
inline constexpr const char* kMarkerSchema = "millrace.temporary/1";

struct DatasetRequest {
  std::filesystem::path directory;  // in which the data set's own folder is made; must exist
  double record_bytes = 0;          // mean, as stored
  double record_stdev_bytes = 0;    // of a normal distribution; see draw_record_bytes
  std::uint64_t samples_per_file = 1;
  std::uint64_t files = 0;  // 0: as many whole files as total_bytes takes, at least one
  std::uint64_t total_bytes = 0;
  std::uint64_t max_bytes = 0;  // refuse to make more than this; 0: no cap of its own
  double compressible = 0;      // share of the bytes that repeat: 0 = incompressible, below 1
  bool zstd = false;            // each record is one zstd frame (for --prep decompress)
  std::uint64_t seed = 1;
};

struct DatasetFile {
  std::filesystem::path path;
  std::uint64_t bytes = 0;
  std::vector<std::uint64_t> record_bytes;  // empty: not known
};

struct Dataset {
  std::filesystem::path directory;
  std::vector<DatasetFile> files;  // in order of name
  std::uint64_t bytes = 0;         // of all files
  std::uint64_t records = 0;       // 0: not known
  bool ours = false;               // made by make_dataset
};

struct DatasetCalls {
  std::function<void(const std::filesystem::path&)> on_create;  // before each folder and file is made
  std::function<void(std::uint64_t done, std::uint64_t total)> progress;  // bytes
  std::function<bool()> cancelled;
};

// Writes and flushes the data set (O_DIRECT where the file system has it, so that it does not displace the
// page cache). Fails, having removed what it made, when the directory is missing, read-only or not ours to
// write, when free space or max_bytes do not suffice, on any I/O error (naming file and offset), and when
// cancelled (Exit::kInterrupted).
Result<Dataset> make_dataset(const DatasetRequest& request, const DatasetCalls& calls = {});

// A user's own files, or a data set of ours: every regular file below the folder that is not empty and whose
// name does not begin with a dot. Nothing is opened for writing.
Result<Dataset> open_dataset(const std::filesystem::path& directory);

// A record's size: normal, cut at a tenth of the mean and as far above it, so that the mean stays what it is
// (redrawn, not clamped). Whole bytes, at least 1. `stdev` 0: always the mean.
std::vector<std::uint64_t> draw_record_bytes(double mean, double stdev, std::uint64_t count,
                                             std::uint64_t seed);

// Folders of ours in `directory` whose process is gone: left by a run that was killed. Where that cannot be
// told (made on another host that shares the file system, or in another container) they are not stale. `proc`
// is injectable.
std::vector<std::filesystem::path> find_stale(const std::filesystem::path& directory,
                                              const std::filesystem::path& proc = "/proc");

// Removes a folder that make_dataset made: the files that are named as ours in it, then the folder. Refuses a
// folder without our name and marker, and leaves, saying so, what is in it that is not ours.
Result<void> remove_ours(const std::filesystem::path& folder);

}  // namespace millrace::run
