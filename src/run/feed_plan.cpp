// SPDX-License-Identifier: Apache-2.0
#include "run/feed_plan.hpp"

#include <fmt/format.h>
#include <sys/statvfs.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <utility>

#include "diagnose/conventions.hpp"
#include "run/pair_plan.hpp"
#include "run/planner.hpp"

namespace millrace::run {
namespace {

namespace conventions = diagnose::conventions;

// Weights of one repeat, in units (see TimePlan). A stage run needs no storage to settle, a copy even less.
constexpr double kStageWeight = 0.6, kMemoryWeight = 0.4, kProofWeight = 1.2, kAnalyzerWeight = 0.6;
constexpr double kAloneWeight = 0.6;
constexpr double kLeastForSweep_s = 0.5;  // of a copy's repeat: the sweep before it takes as long
constexpr double kSlowest = 1e5;          // bytes/s: what storage reads at least
constexpr double kSteps = 32;             // 30 that count, the first that does not, and one to spare
constexpr double kDirectWeight = 1.2;
constexpr double kMostFiles = 4096, kMostFilesOfSlowLinks = 256;
constexpr std::uint64_t kBlockBytes = 1 << 20;
constexpr std::uint64_t kLeastData = 64 * kBlockBytes, kMostData = 1024 * kBlockBytes;  // of one model
constexpr std::uint64_t kSurveyThreads = 4, kSurveyFile = 128 * kBlockBytes;
constexpr int kDepth = 8;

std::string bytes_text(double bytes) {
  return fmt::format("{}", std::max<std::uint64_t>(1, static_cast<std::uint64_t>(std::llround(bytes))));
}

// Whole blocks of 4 KiB, and no larger than what the pipeline takes at once.
std::uint64_t block_size(const workload::Profile& scaled) {
  const double unit =
      scaled.input.samples_per_file > 1 ? static_cast<double>(kBlockBytes) : scaled.input.record_bytes;
  const auto blocks = static_cast<std::uint64_t>(unit / 4096);
  return std::clamp<std::uint64_t>(blocks * 4096, 4096, kBlockBytes);
}

std::vector<std::string> models_of(const std::vector<workload::Profile>& profiles) {
  std::vector<std::string> models;
  for (const workload::Profile& profile : profiles)
    if (std::find(models.begin(), models.end(), profile.model) == models.end())
      models.push_back(profile.model);
  return models;
}

std::string cap_text(const Job& job) {
  if (job.size_cap > 0) return "--size-cap";
  return job.paths.size() > 1 ? "half of what is free for folders filled evenly"
                              : "half of the free space of " + job.paths.front().string();
}

using Folders = std::vector<std::filesystem::path>;

Given pipeline(const workload::Profile& scaled, const Folders& data, int accelerators, const char* source,
               double compute_s, double factor, const std::string& to) {
  const workload::Input& input = scaled.input;
  Given given;
  for (const std::filesystem::path& folder : data) given.emplace_back("dataset", folder.string());
  const Given rest{{"source", source},
                   {"record-size", bytes_text(input.record_bytes)},
                   {"record-stdev", bytes_text(input.record_stdev_bytes)},
                   {"samples-per-file", std::to_string(input.samples_per_file)},
                   {"batch", std::to_string(input.batch_samples)},
                   {"compute", fmt::format("{}ns", static_cast<std::int64_t>(compute_s * 1e9))},
                   {"accelerators", std::to_string(accelerators)},
                   {"read-threads", std::to_string(input.read_threads)},
                   {"prep", input.prep},
                   {"prep-threads", std::to_string(input.prep_threads)},
                   {"prefetch", std::to_string(input.prefetch_batches)},
                   {"block-size", std::to_string(block_size(scaled))},
                   {"queue-depth", std::to_string(kDepth)},
                   {"scale", fmt::format("{:.6g}", factor)}};
  given.insert(given.end(), rest.begin(), rest.end());
  if (!to.empty()) given.emplace_back("to", to);
  return given;
}

// Reading as the model's pipeline does: the one folder, or each of several alone and then all together with
// the readers shared out among them.
Result<void> plan_reading(const Job& job, const ModelPlan& model, const Folders& data, const TimePlan& time,
                          Planner& planner) {
  const workload::Profile& first = model.scaled.front();
  const auto folders = data.size();
  // A file for each thread: where the size cap left room for fewer files, as many threads as there are.
  const auto files = job.datasets.empty() ? model.files / folders : UINT64_MAX;
  const int readers =
      static_cast<int>(std::min<std::uint64_t>(files, static_cast<std::uint64_t>(first.input.read_threads) *
                                                          static_cast<std::uint64_t>(job.accelerators)));
  const auto read = [&](const std::filesystem::path& folder, int threads, double weight, int together) {
    return planner.add(conventions::kStorageRead, model.model,
                       {{"dataset", folder.string()},
                        {"block-size", std::to_string(block_size(first))},
                        {"queue-depth", std::to_string(kDepth)},
                        {"threads", std::to_string(std::max(threads, 1))}},
                       timed(time.unit_s * weight, 0.05), job.repeats, together);
  };
  if (folders == 1) return read(data.front(), readers, 1, 0);
  for (const std::filesystem::path& folder : data)
    if (auto added = read(folder, readers, time.alone_weight, 0); !added) return added;
  const int group = planner.new_group();
  for (const std::filesystem::path& folder : data)
    if (auto added = read(folder, readers / static_cast<int>(folders), 1, group); !added) return added;
  return {};
}

// The same data into the same GPUs past host memory, where no preparation needs them there.
void plan_direct(const Job& job, const ModelPlan& model, const Folders& data, const TimePlan& time,
                 GpuPlan& gpus, Planner& planner) {
  const workload::Profile& scaled = model.scaled.front();
  if (!gpus.direct || scaled.input.prep != "none") return;
  Given given = pipeline(scaled, data, job.accelerators, "cold", scaled.compute_s, model.factor, gpus.to);
  given.emplace_back("way", "direct");
  if (const auto added = planner.add(conventions::kPipeline, model.workloads.front().name, given,
                                     timed(time.unit_s * kDirectWeight, 0), 1);
      !added)
    gpus.left_out.push_back(
        fmt::format("the direct pipeline of {} is left out: {}", model.model, added.error().what));
}

Result<void> plan_model(const Job& job, const ModelPlan& model, const Folders& data, const TimePlan& time,
                        GpuPlan& gpus, Planner& planner) {
  const workload::Profile& first = model.scaled.front();
  auto added = plan_reading(job, model, data, time, planner);
  if (!added) return added;
  added = planner.add(conventions::kPipeline, model.model,
                      pipeline(first, data, job.accelerators, "synthetic", 0, model.factor, gpus.to),
                      timed(time.unit_s * kStageWeight, 0.05), job.repeats);
  if (!added) return added;
  for (std::size_t i = 0; i < model.workloads.size(); ++i) {
    const workload::Profile& scaled = model.scaled[i];
    const std::string& name = model.workloads[i].name;
    const double factor = model.workloads[i].compute_s / scaled.compute_s;
    added = planner.add(conventions::kPipeline, name,
                        pipeline(scaled, data, job.accelerators, "cold", scaled.compute_s, factor, gpus.to),
                        timed(time.unit_s * kProofWeight, 0), time.proof_repeats);
    if (!added) return added;
    if (!time.analyzer_runs) continue;
    for (const char* source : {"cached", "device"}) {
      added = planner.add(conventions::kPipeline, name,
                          pipeline(scaled, data, job.accelerators, source, scaled.compute_s, factor, gpus.to),
                          timed(time.unit_s * kAnalyzerWeight, 0), 1);
      if (!added) return added;
    }
  }
  plan_direct(job, model, data, time, gpus, planner);
  return {};
}

}  // namespace

Result<std::uint64_t> size_cap_of(const Job& job) {
  const auto free = free_for(job);
  if (!free) return tl::unexpected(free.error());
  return job.size_cap > 0 ? job.size_cap : *free / 2;
}

Result<std::uint64_t> survey_file_bytes(const Job& job) {
  const auto cap = size_cap_of(job);
  if (!cap) return tl::unexpected(cap.error());
  // Each thread reads a block of each folder's file at least.
  const std::uint64_t share = *cap / job.paths.size() / kBlockBytes * kBlockBytes;
  if (share < kSurveyThreads * kBlockBytes)
    return failure(
        fmt::format("{} allows {}, and the first look at the storage alone needs a file of {}{}",
                    cap_text(job), to_binary({*cap}), to_binary({kSurveyThreads * kBlockBytes}),
                    job.paths.size() > 1 ? " in each folder" : ""),
        "free some space, or give another --path, a larger --size-cap, or your own files by --dataset");
  return std::min(share, kSurveyFile);
}

Result<Planned> plan_survey(const Job& job, const Catalog& catalog, const topology::Machine& machine) {
  Planner planner(catalog, machine);
  // With the user's own files nothing need be written at all. Of several folders, each by itself would tell
  // more than this needs: how much there is to read in a second.
  Given given;
  if (!job.datasets.empty()) {
    given.emplace_back("dataset", job.datasets.front().string());
  } else {
    const auto bytes = survey_file_bytes(job);
    if (!bytes) return tl::unexpected(bytes.error());
    for (const std::filesystem::path& path : job.paths) given.emplace_back("path", path.string());
    given.emplace_back("file-size", std::to_string(*bytes));
  }
  for (const auto& [name, value] : Given{{"block-size", std::to_string(kBlockBytes)},
                                         {"queue-depth", "8"},
                                         {"threads", std::to_string(kSurveyThreads)}})
    given.emplace_back(name, value);
  if (auto added = planner.add(conventions::kStorageRead, "survey", given, timed(1.2, 0.05), 1); !added)
    return tl::unexpected(added.error());
  auto planned = std::move(planner.take().front());
  planned.id = "m0";
  return planned;
}

Result<Planned> plan_gpu_survey(const GpuPlan& gpus, const Catalog& catalog,
                                const topology::Machine& machine) {
  Planner planner(catalog, machine);
  if (auto added =
          planner.add(conventions::kGpuCopy, "survey",
                      {{"pattern", "host-to-device"}, {"gpu", gpus.to}, {"size", "4MiB"}}, timed(1, 0.05), 1);
      !added)
    return tl::unexpected(added.error());
  return std::move(planner.take().front());
}

double fed_over_links(const record::Measurement& gpu_survey, int accelerators) {
  double slowest = std::numeric_limits<double>::infinity();
  int links = 0;
  for (const auto& [name, summary] : gpu_survey.metrics)
    if (name.starts_with("host_to_gpu") && name.ends_with("_bytes_per_s") && summary.mean > 0)
      slowest = std::min(slowest, summary.mean), ++links;
  return slowest * std::min(links == 0 ? 1 : links, std::max(accelerators, 1));
}

TimePlan share_time(const Job& job, const std::vector<workload::Profile>& profiles, const GpuPlan& gpus,
                    const LinkPlan& link) {
  TimePlan time;
  const auto models = static_cast<double>(models_of(profiles).size());
  const auto workloads = static_cast<double>(profiles.size());
  // Two accelerators' worth of each model at most, and the cached runs and those from the device come along;
  // more, and the time goes to the proofs.
  time.analyzer_runs = workloads <= 3 || job.budget.seconds() >= 20 * workloads;
  time.proof_repeats = std::max(1, workloads > 3 ? job.repeats - 1 : job.repeats);
  const std::size_t folders = std::max(job.paths.size(), job.datasets.size());
  // Each alone and all together: all the alone ones weigh no more than what they are compared with, doubled.
  if (folders > 1) time.alone_weight = std::min(kAloneWeight, 2.0 / static_cast<double>(folders));
  const double reading = 1 + time.alone_weight * static_cast<double>(folders);
  const double units =
      models * job.repeats * (reading + kStageWeight) + job.repeats * kMemoryWeight +
      workloads * (time.proof_repeats * kProofWeight + (time.analyzer_runs ? 2 * kAnalyzerWeight : 0)) +
      job.repeats * (gpus.weight() + link.weight()) + (gpus.direct ? models * kDirectWeight : 0);
  // Together with others: a quarter of the time at most, of which each repeat needs enough to be more than a
  // start.
  const double together_units = job.repeats * kTogetherWeight;
  const double room = units / 3 - (may_write(job) ? together_units : 0);
  time.pairs = std::max(0, static_cast<int>(room / together_units));
  // Who names a peer asks for its pairs: they come on top.
  if (link.any()) time.pairs += kLinkPairs;
  const auto whole = [&] {
    return time.pairs == 0 ? units : units + together_units * (time.pairs + (may_write(job) ? 1 : 0));
  };
  while (time.pairs > 0 && job.budget.seconds() / whole() * kTogetherWeight < kLeastTogether_s) --time.pairs;
  time.pairs = std::min(time.pairs, kMostPairs);
  time.unit_s = job.budget.seconds() / whole();
  return time;
}

Result<std::uint64_t> free_for(const Job& job) {
  std::uint64_t least = UINT64_MAX;
  const std::filesystem::path* tightest = nullptr;
  for (const std::filesystem::path& path : job.paths) {
    struct statvfs info {};
    if (statvfs(path.c_str(), &info) != 0)
      return failure(fmt::format("{}: {}", path.string(), std::strerror(errno)),
                     "give another folder by --path");
    const std::uint64_t free = std::uint64_t{info.f_bavail} * info.f_frsize;
    if (free < least) least = free, tightest = &path;
  }
  const std::uint64_t free = least * job.paths.size();
  if (job.size_cap > free)
    return failure(fmt::format("--size-cap {} is more than the {} that are free at {}{}",
                               to_binary({job.size_cap}), to_binary({least}), tightest->string(),
                               job.paths.size() > 1 ? " for each of the folders" : ""),
                   "give a smaller cap, or another --path");
  return free;
}

Result<std::vector<ModelPlan>> plan_models(const Job& job, const std::vector<workload::Profile>& profiles,
                                           double surveyed_bytes_per_s, const TimePlan& time,
                                           double links_bytes_per_s) {
  std::vector<ModelPlan> plans;
  const double proof_s = time.unit_s * kProofWeight;
  const double rate = std::max(surveyed_bytes_per_s, kSlowest), links = std::max(links_bytes_per_s, kSlowest);
  const std::vector<std::string> models = models_of(profiles);
  std::uint64_t cap = UINT64_MAX;
  if (job.datasets.empty()) {
    const auto allowed = size_cap_of(job);
    if (!allowed) return tl::unexpected(allowed.error());
    cap = *allowed - (time.pairs > 0 ? checkpoint_bytes(*allowed, surveyed_bytes_per_s) : 0);
  }
  for (const std::string& model : models) {
    ModelPlan plan;
    plan.model = model;
    for (const workload::Profile& profile : profiles) {
      if (profile.model != model) continue;
      plan.workloads.push_back(profile);
      const double step_bytes =
          static_cast<double>(profile.input.batch_samples) * profile.input.record_bytes * job.accelerators;
      const double step_s = std::max(profile.compute_s, step_bytes / std::min(rate, links));
      plan.factor = std::max(plan.factor, kSteps * step_s / proof_s);
    }
    for (const workload::Profile& profile : plan.workloads)
      plan.scaled.push_back(workload::scaled(profile, plan.factor));
    const workload::Input& input = plan.scaled.front().input;
    const double file_bytes = input.record_bytes * static_cast<double>(input.samples_per_file);
    // A second's worth of reading, so that no drive answers from its own cache all the time, and a file for
    // each reader; less where that is all the room there is.
    const double room = static_cast<double>(std::min(kMostData, cap / models.size()));
    const double wanted = std::max(std::min(rate, room), 1.0 * kLeastData);
    // A workload that is scaled far down has tiny files: more of them than this would take longer to make
    // than to measure.
    // So has one whose links into the GPUs are far slower than its storage, though each reader needs one.
    const double readers = static_cast<double>(input.read_threads) * job.accelerators;
    const double most = links < rate ? std::max(kMostFilesOfSlowLinks, readers) : kMostFiles;
    double files = std::min(std::ceil(wanted / file_bytes), most);
    if (files * file_bytes > room) files = std::floor(room / file_bytes);
    plan.files = static_cast<std::uint64_t>(std::max({1.0 * job.accelerators, files, 1.0}));
    // As many in each folder, and a file there for each of its readers.
    if (const std::uint64_t folders = job.paths.size(); folders > 1 && job.datasets.empty())
      plan.files = std::max<std::uint64_t>((plan.files + folders - 1) / folders,
                                           static_cast<std::uint64_t>(job.accelerators)) *
                   folders;
    plan.data_bytes = static_cast<std::uint64_t>(static_cast<double>(plan.files) * file_bytes);
    plans.push_back(std::move(plan));
  }
  if (!job.datasets.empty()) return plans;
  std::uint64_t needed = 0;
  for (const ModelPlan& plan : plans) needed += plan.data_bytes;
  if (needed > cap)
    return failure(
        fmt::format("the data sets need {}, {} allows {}", to_binary({needed}), cap_text(job),
                    to_binary({cap})),
        "free some space, or give fewer workloads by --for, a larger --size-cap, another --path, or your own "
        "files by --dataset");
  return plans;
}

Result<std::vector<Planned>> plan_measurements(const Job& job, const std::vector<ModelPlan>& models,
                                               const std::map<std::string, Folders>& data_of_model,
                                               const TimePlan& time, const Catalog& catalog,
                                               const topology::Machine& machine, GpuPlan& gpus,
                                               const LinkPlan& link) {
  Planner planner(catalog, machine, gpus.any() ? 2 : 1);  // behind the surveys
  // The cores that move the data belong to every path: as many copy as would in the pipelines.
  const bool sweep = time.unit_s * kMemoryWeight >= kLeastForSweep_s;
  if (auto added = planner.add(conventions::kMemoryCopy, "",
                               {{"threads", "0"}, {"sweep-threads", sweep ? "on" : "off"}},
                               timed(time.unit_s * kMemoryWeight, 0.05), job.repeats);
      !added)
    return tl::unexpected(added.error());
  for (const ModelPlan& model : models)
    if (auto added = plan_model(job, model, data_of_model.at(model.model), time, gpus, planner); !added)
      return tl::unexpected(added.error());
  for (const GpuMeasurement& one : gpus.measurements)
    if (auto added =
            planner.add(one.probe, "", one.given, timed(time.unit_s * one.weight, 0.05), job.repeats);
        !added)
      gpus.left_out.push_back(fmt::format("{} is left out: {}", one.probe, added.error().what));
  for (const LinkMeasurement& one : link.measurements)
    if (auto added = planner.add(one.probe, one.label, one.given, timed(time.unit_s * one.weight, 0.05),
                                 job.repeats, 0, link.turns);
        !added)
      gpus.left_out.push_back(fmt::format("{} to the peer is left out: {}", one.probe, added.error().what));
  add_pairs(job, time, machine, planner, gpus.left_out);
  return planner.take();
}

}  // namespace millrace::run
