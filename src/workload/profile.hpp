// SPDX-License-Identifier: Apache-2.0
// A workload: what is asked of the machine. Profiles are data files in one format, built in or the user's
// own; units stand in the keys. JSON Schema: reports/schema/workload.schema.json.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "units/result.hpp"

namespace millrace::workload {

// Training input: each accelerator takes a batch of records per step, then computes.
struct Input {
  double record_bytes = 0;        // mean
  double record_stdev_bytes = 0;  // of a normal distribution, cut at a tenth of the mean
  std::uint64_t samples_per_file = 1;
  std::uint64_t batch_samples = 1;  // per accelerator and step
  std::string prep = "none";        // "none" | "checksum" | "decompress" | "normalize"
  int read_threads = 4;             // per accelerator
  int prep_threads = 1;             // per accelerator
  int prefetch_batches = 2;         // staged ahead of the consumer
};

struct Profile {
  std::string name;         // "unet3d-h100"
  std::string model;        // "unet3d": what has one access pattern, whatever the accelerator
  std::string accelerator;  // "h100"
  std::string kind = "training-input";
  std::string description, source;  // for people; where the figures are from
  Input input;
  double compute_s = 0;             // per step, on one accelerator
  double utilization_wanted = 0.9;  // share

  // Demand of one accelerator that never waits: batch × record ÷ compute (bytes/s).
  [[nodiscard]] double demand_bytes_per_s() const {
    return static_cast<double>(input.batch_samples) * input.record_bytes / compute_s;
  }
};

// The built-in profiles, in order of name.
const std::vector<Profile>& built_in();
inline constexpr std::size_t kLargestFile = 1 << 20;  // bytes of a profile's file

// A built-in name ("unet3d-h100"), a model for all its accelerators ("unet3d"), or a profile file (a path
// that ends in .json or holds a slash). One file may give several accelerators: {"schema":
// "millrace.workload/1", "model": …, "accelerators": {"h100": {"compute_s": …}}, …}. An unknown name fails
// with the nearest right one; a bad file with file, position, key and reason.
Result<std::vector<Profile>> load(std::string_view name_or_file);
Result<std::vector<Profile>> parse(std::string_view json, std::string_view file);

// For people: what the workload is, what it needs per accelerator, and from where the figures are.
std::string explain(const Profile& profile);

// Profiles as they stand in a file: those of one model as one document that load() reads again, those of
// several models as an array of such documents.
std::string to_json(const std::vector<Profile>& profiles);

// A profile scaled down so that a run fits a time and a size: bytes and compute by the same factor, so that
// the demand in bytes/s stays. `factor` ≥ 1. Records shrink down to 4 KiB, from there on the batch does, down
// to one record.
Profile scaled(const Profile& profile, double factor);

}  // namespace millrace::workload
