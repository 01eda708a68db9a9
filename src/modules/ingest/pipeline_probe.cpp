// SPDX-License-Identifier: Apache-2.0
// The probe ingest.pipeline: describe, parameters and the module's door.
#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

#include "millrace/probe.hpp"
#include "modules/ingest/destinations.hpp"
#include "modules/ingest/pipeline.hpp"

namespace millrace::ingest {
namespace {

using sdk::Outcome;

constexpr millrace_parameter dataset_parameter() {
  millrace_parameter dataset =
      sdk::parameter("dataset", MILLRACE_PATH, "",
                     "folder (or file) with the data, read only; several are read in step with each other; "
                     "needed unless --source synthetic or device");
  dataset.repeatable = 1;
  return dataset;
}

constexpr millrace_parameter kParameters[] = {
    dataset_parameter(),
    sdk::choice("source", "cold|cached|synthetic|device", "cold",
                "cold: past the page cache; cached: from it, warmed first; synthetic: staged already, no "
                "storage; device: on the device already, nothing but the computing"),
    sdk::parameter("record-size", MILLRACE_BYTES, "0",
                   "bytes a record in your own files, or synthetic ones; 0: each file is one", 0, 1e12),
    sdk::parameter("record-stdev", MILLRACE_BYTES, "0", "spread of synthetic records", 0, 1e12),
    sdk::parameter("samples-per-file", MILLRACE_COUNT, "1", "equal records in each of your own files", 1,
                   1e9),
    sdk::parameter("batch", MILLRACE_COUNT, "1", "records an accelerator takes a step", 1, 1e7),
    sdk::parameter("compute", MILLRACE_DURATION, "0s", "what an accelerator computes a step", 0, 3.6e12),
    sdk::parameter("accelerators", MILLRACE_COUNT, "1", "that train in lock-step; one worker process each", 1,
                   1024),
    sdk::parameter("read-threads", MILLRACE_COUNT, "4", "of each accelerator", 1, 128),
    sdk::choice("prep", "none|checksum|decompress|normalize", "none",
                "work on the CPU: XXH64, zstd, or bytes to normalized 32-bit floats"),
    sdk::parameter("prep-threads", MILLRACE_COUNT, "1", "of each accelerator", 1, 128),
    sdk::parameter("prep-passes", MILLRACE_COUNT, "1", "times that the work on each record is done", 1, 1e6),
    sdk::parameter("prefetch", MILLRACE_COUNT, "2", "batches prepared and staged ahead of the device's two",
                   1, 1024),
    sdk::parameter("block-size", MILLRACE_BYTES, "1MiB", "bytes a read; small records share one", 4096,
                   1073741824),
    sdk::parameter("queue-depth", MILLRACE_COUNT, "8", "reads under way, of each reader thread", 1, 1024),
    sdk::parameter("steps", MILLRACE_COUNT, "0", "ends after so many; 0: when the time is over", 0, 1e12),
    sdk::parameter("to", MILLRACE_TEXT, "host",
                   "device memory: host (a stand-in), gpu:N, several with commas between them, or gpu:all; "
                   "accelerators take turns, and are as many as the GPUs at least"),
    sdk::choice("way", "staged|direct", "staged",
                "staged: io_uring into pinned host memory, then the copy engine; direct: past host memory by "
                "GPUDirect Storage, a read under way in each reader thread"),
    sdk::parameter("scale", MILLRACE_REAL, "1",
                   "what bytes and compute were divided by; recorded, not applied", 0, 1e12),
    sdk::parameter("seed", MILLRACE_COUNT, "1", "order of the files, and sizes of synthetic records"),
    sdk::parameter("verify", MILLRACE_FLAG, "off", "compare every record on the device with its file; slow"),
};

struct Input {
  Settings settings;
  Index index;
};

// Of settings that know how many accelerators there are.
Result<Input> input_of(Settings given) {
  Input input{std::move(given), {}};
  const Settings& settings = input.settings;
  if (!settings.datasets.empty()) {
    auto index = index_dataset(settings);
    if (!index) return tl::unexpected(index.error());
    input.index = std::move(*index);
  } else if (settings.reads()) {
    return failure("no data set was given",
                   "give --dataset FOLDER, or --source synthetic with --record-size");
  } else if (settings.prep == Prep::kDecompress) {
    return failure("there is nothing to decompress without a data set",
                   "give --dataset FOLDER with zstd frames");
  } else if (settings.record_bytes < 1) {
    return failure("a synthetic source needs the size of its records",
                   "give --record-size, or --dataset FOLDER");
  } else {
    input.index = synthetic_index(settings, std::clamp<std::uint64_t>(2 * settings.batch, 64, 4096));
  }
  if (settings.way == Way::kDirect && settings.source != Source::kCold)
    return failure("--way direct reads past the page cache", "give --source cold, or --way staged");
  if (settings.way == Way::kDirect && settings.prep != Prep::kNone)
    return failure("--way direct passes the CPU by, and so does the preparation on it",
                   "give --prep none, or --way staged");
  if (cut_extents(input.index, settings.block_size).size() < settings.accelerators)
    return failure(
        fmt::format("the data set is too small to share among {} accelerators", settings.accelerators),
        "give more data, or fewer --accelerators");
  return input;
}

Outcome report(const sdk::Host& host, const Error& error) {
  return error.exit == Exit::kInconclusive ? host.unavailable(error.what, error.hint)
                                           : host.fail(error.what, error.hint);
}

class PipelineProbe : public sdk::Probe {
 public:
  static Outcome describe(sdk::Host& host) {
    Settings given = settings_of(host);
    const auto memories = destinations(host, given.to);
    if (!memories) return report(host, memories.error());
    given.accelerators = std::max(given.accelerators, memories->size());
    const auto input = input_of(std::move(given));
    if (!input) return report(host, input.error());
    const Settings& settings = input->settings;
    const bool synthetic = !settings.reads(), computes_only = settings.source == Source::kDevice;
    if (computes_only && settings.verify)
      return host.fail(
          "--verify compares what reaches the device with the files, and --source device reads none",
          "leave --verify out, or choose another --source");
    int node = -1;
    std::string from;
    if (!synthetic) {
      for (const std::string& dataset : settings.datasets) {
        const millrace_endpoint* located = host.locate(dataset);
        if (located == nullptr) return Outcome::kFailed;
        if (from.empty()) node = located->numa_node;
        // The worker reads from all of them.
        if ((" " + from + " ").find(fmt::format(" {} ", located->id)) == std::string::npos)
          from += (from.empty() ? "" : MILLRACE_SEVERAL) + std::string(located->id);
      }
    }
    const std::size_t readers = synthetic ? 1 : settings.read_threads;
    const std::size_t preparers = settings.prep == Prep::kNone ? 0 : settings.prep_threads;
    const std::size_t threads = computes_only ? 2 : readers + preparers + 2;
    for (std::size_t rank = 0; rank < settings.accelerators; ++rank) {
      const Layout layout = layout_of(settings, extents_of(settings, input->index, rank));
      const std::string& memory = (*memories)[rank % memories->size()];
      const std::string to = endpoint_of(host, memory, node);
      const Outcome added = host.add_worker({.role = "accelerator",
                                             .from = synthetic ? to : from,
                                             .to = to,
                                             // Staging lies near the GPU, the last that fetches it.
                                             .numa_node = memory == "host" ? node : -1,
                                             .threads = static_cast<std::uint32_t>(threads),
                                             .memory_bytes = layout.total_bytes()});
      if (added != Outcome::kOk) return added;
    }
    return Outcome::kOk;
  }

  Outcome open(sdk::Host& host) override {
    Settings settings = settings_of(host);
    settings.accelerators = static_cast<std::size_t>(host.ranks());
    if (settings.to != "host") settings.to = host.worker().to;  // describe gave each GPU to a worker
    auto input = input_of(std::move(settings));
    if (!input) return report(host, input.error());
    pipeline_.emplace(host, std::move(input->settings), std::move(input->index));
    if (!pipeline_->state()) return report(host, pipeline_->state().error());
    return Outcome::kOk;
  }

  Outcome run(sdk::Host& host) override { return pipeline_->run(host); }

  Outcome close(sdk::Host&) override {
    pipeline_.reset();
    return Outcome::kOk;
  }

 private:
  std::optional<Pipeline> pipeline_;
};

}  // namespace
}  // namespace millrace::ingest

extern "C" MILLRACE_EXPORT const millrace_probe_module* millrace_probe_module_v1() {
  using namespace millrace;
  static constexpr millrace_probe kPipeline = sdk::probe<ingest::PipelineProbe>(
      "ingest.pipeline", "storage to staging to CPU preparation to device memory to a timed consumer",
      ingest::kParameters);
  static constexpr const millrace_probe* kProbes[] = {&kPipeline};
  static constexpr millrace_probe_module kModule = sdk::module("ingest", "1.0", kProbes);
  return &kModule;
}
