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
#include "workload/serving.hpp"
#include "workload/shape.hpp"
#include "workload/training.hpp"

namespace millrace::workload {

enum class Kind {
  kTrainingInput,  // records from storage, batch by batch
  kPretrain,       // a language model's training: compute, traffic among ranks, checkpoints
  kFinetune,       // the same on data of one's own: smaller steps, heavier checkpoints
  kCheckpoint,     // writing the state of a training job
  kRestore,        // reading it back
  kColdStart,      // weights from storage into the GPUs
  kServe,          // answers within a latency budget
  kMix,            // several of these on one site
};
std::string_view name_of(Kind kind);  // "training-input", …, "cold-start", …: as a file has it
std::optional<Kind> kind_of(std::string_view name);

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
  std::string use;          // "pretrain": between model and accelerator in the name; empty for training input
  Kind kind = Kind::kTrainingInput;
  std::string description, source;  // for people; where the figures are from
  Input input;                      // kTrainingInput
  double compute_s = 0;             // kTrainingInput: per step, on one accelerator
  double utilization_wanted = 0.9;  // share
  // What the other kinds have; reports/schema/workload.schema.json says which.
  Accelerator figures;
  Shape shape;
  Training training;
  Checkpoint checkpoint;
  Loading loading;
  Serving serving;
  Mix mix;

  // Of training input: demand of one accelerator that never waits: batch × record ÷ compute (bytes/s).
  [[nodiscard]] double demand_bytes_per_s() const {
    return static_cast<double>(input.batch_samples) * input.record_bytes / compute_s;
  }
};

// The built-in profiles of every kind, in order of name; and those of training input alone, which are what a
// run measures when nothing is named.
const std::vector<Profile>& built_in();
std::vector<Profile> built_in_training_input();
inline constexpr std::size_t kLargestFile = 1 << 20;  // bytes of a profile's file

// A built-in name ("unet3d-h100", "llama3-70b-pretrain-h100"), one for all its accelerators ("unet3d",
// "llama3-70b-pretrain"), a model for all its uses ("llama3-70b"), or a profile file (a path that ends in
// .json or holds a slash). One file may give several accelerators: {"schema": "millrace.workload/1", "model":
// …, "accelerators":
// {"h100": {"compute_s": …}}, …}, and several uses: {…, "uses": {"pretrain": {…}, "finetune": {…}}}. An
// unknown name fails with the nearest right one; a bad file with file, position, key and reason.
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
