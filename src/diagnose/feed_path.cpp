// SPDX-License-Identifier: Apache-2.0
#include "diagnose/feed_path.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>

#include "diagnose/conventions.hpp"
#include "diagnose/demand.hpp"
#include "diagnose/memory_backed.hpp"
#include "diagnose/shared_hops.hpp"
#include "diagnose/stage_capacity.hpp"
#include "units/quantity.hpp"

namespace millrace::diagnose {
namespace {

using record::Measurement;
using record::Stage;

constexpr double kNeverBusy = 1e-4;  // such a stage bounds nothing

void add_prep(const record::Document& document, const workload::Profile& profile, int accelerators,
              const Measurement* run, FeedPath& path) {
  if (profile.input.prep == "none") return;
  Hop hop;
  hop.resources = {"cpu:prep"};
  hop.kind = "cpu";
  hop.noun = "preparation on the CPU";
  hop.shared = false;
  hop.essential = true;
  hop.name = fmt::format("{} on {} CPU thread{}{}", doing(profile.input.prep), profile.input.prep_threads,
                         profile.input.prep_threads == 1 ? "" : "s", accelerators == 1 ? "" : " each");
  if (const Stage* stage = find_stage(run, "prep")) {
    if (stage->busy_share < kNeverBusy) return;
    hop.capacity = stage_capacity(document, profile, *run, *stage, path.notes);
    if (!stage->resource.empty()) hop.resources = {stage->resource};
    const double threads = stage->threads / accelerators_of(*run);
    if (threads > 0 && std::abs(threads - profile.input.prep_threads) > 0.5) {
      const double factor = profile.input.prep_threads / threads;
      MeasuredRate& measured = *hop.capacity.measured;
      measured.mean *= factor, measured.ci95_low *= factor, measured.ci95_high *= factor;
      for (double& repeat : hop.capacity.repeats) repeat *= factor;
      path.notes.push_back(
          fmt::format("preparation was measured with {:.0f} threads and is taken to grow in step with "
                      "them to the {} that the workload has",
                      threads, profile.input.prep_threads));
    }
  }
  path.hops.push_back(std::move(hop));
}

void add_copy(const record::Document& document, const workload::Profile& profile, const Measurement* run,
              FeedPath& path) {
  Hop hop;
  hop.resources = {"cpu:copy"};
  hop.kind = "copy";
  hop.noun = "the copy into device memory";
  hop.name = path.in_gpu     ? "copying to GPU memory"
             : path.stand_in ? "copying to host memory (stand-in)"
                             : "copying to device memory";
  hop.shared = false;
  hop.essential = true;
  if (const Stage* stage = find_stage(run, "copy")) {
    if (stage->busy_share < kNeverBusy) return;
    hop.capacity = stage_capacity(document, profile, *run, *stage, path.notes);
    if (!stage->resource.empty()) hop.resources = {stage->resource};
  }
  path.hops.push_back(std::move(hop));
}

// Memory carries each record byte several times. Its capacity is the most traffic that any run was seen to
// move: the best memory.copy, or the stages alone where caches let them do better.
void add_memory(const record::Document& document, const workload::Profile& profile, const Measurement* run,
                FeedPath& path) {
  const MemoryCrossings crossings = memory_crossings(profile.input.prep, !path.in_gpu, path.in_memory);
  Hop hop;
  hop.kind = "memory";
  hop.noun = "memory bandwidth";
  const Measurement* best = nullptr;
  double units = 2;
  for (const MeasuredSet& set : sets_of(document, conventions::kMemoryCopy)) {
    if (set.size() > 1 ||
        (best && set.front()->throughput_bytes_per_s.mean <= best->throughput_bytes_per_s.mean))
      continue;
    best = set.front();
  }
  if (!best) {
    path.notes.emplace_back("memory bandwidth was not measured and is left out");
    return;
  }
  hop.resources = {best->to.empty() ? "memory" : best->to};
  for (const auto& step : best->path)
    if (step.resource.starts_with("memory"))
      hop.resources = {step.resource}, units = std::max(units, step.units_per_byte);
  hop.capacity = capacity_from(best->throughput_bytes_per_s, best->repeats, units / crossings.total());
  hop.capacity.evidence = {best->id};
  if (run) {
    const double staged = crossings.prep + crossings.copy;
    Capacity seen = capacity_from(run->throughput_bytes_per_s, run->repeats, staged / crossings.total());
    seen.evidence = {run->id};
    if (seen.measured->mean > hop.capacity.measured->mean) hop.capacity = std::move(seen);
  }
  if (const auto* resource = topology::find_resource(document.topology, hop.resources.front());
      resource && resource->limit_bytes_per_s &&
      !set_limit(hop.capacity, *resource->limit_bytes_per_s / crossings.total(), resource->limit_source))
    path.notes.push_back(
        fmt::format("{} moved more than the limit of {} ({}): the limit is discredited and was dropped",
                    hop.capacity.evidence.front(), hop.resources.front(), resource->limit_source));
  // The table's rates are the workload's bytes; what memory moves for them is what other tools would show.
  hop.name = fmt::format("memory, {:.3g} × per byte ({} in all)", crossings.total(),
                         to_text(BytesPerSecond{hop.capacity.measured->mean * crossings.total()}));
  path.hops.push_back(std::move(hop));
  if (path.in_memory > 0)
    path.notes.push_back(fmt::format(
        "{}the data lie{} in memory (tmpfs, or a loop device over it): reading copies them from there, which "
        "crosses memory {:.0f} times for each byte, where a drive's DMA crosses it once",
        path.in_memory < kAllOfIt ? fmt::format("{:.0f} % of ", 100 * path.in_memory) : "",
        path.in_memory < kAllOfIt ? "s" : "", memory_crossings("none", true, 1).reading));
}

}  // namespace

FeedPath feed_path(const record::Document& document, const workload::Profile& profile, int accelerators) {
  FeedPath path;
  const StorageEvidence storage = storage_evidence(document, profile.model);
  const Measurement* stages = stage_evidence(document, profile);
  if (const std::string prep = other_preparation(document, profile); !prep.empty())
    path.notes.push_back(
        fmt::format("the stages of {} were measured with preparation {}, the workload has {}: "
                    "`--prep {}` diagnoses what was measured",
                    profile.model, prep, profile.input.prep, prep));
  path.stand_in = !stages || stages->device != "gpu";
  path.in_gpu = stages && text(*stages, conventions::kTo).starts_with("gpu");
  path.measured = stages != nullptr;
  path.in_memory = share_of_data_in_memory(document, storage);
  add_storage_hops(document, profile, storage, path);
  add_network_hops(document, path);
  add_memory(document, profile, stages, path);
  add_shared_hops(document, infer(document), storage,
                  memory_crossings(profile.input.prep, !path.in_gpu, path.in_memory).total(), path);
  add_cores(document, storage, stages, path);
  add_prep(document, profile, accelerators, stages, path);
  if (!path.in_gpu || !add_gpu_hops(document, accelerators, path)) add_copy(document, profile, stages, path);
  if (stages && path.stand_in)
    path.notes.emplace_back(
        path.in_gpu ? "stand-in GPUs were measured, no hardware"
                    : "host memory stood in for GPU memory: the copy over a GPU's own link was not measured");
  const double readers = static_cast<double>(accelerators) * profile.input.read_threads;
  if (storage.as_model && storage.set.size() == 1)
    if (const auto threads = number(*storage.set.front(), "threads"); threads && *threads != readers)
      path.notes.push_back(
          fmt::format("storage was measured with {:.0f} reader threads; the workload on {} accelerator{} "
                      "has {:.0f}",
                      *threads, accelerators, accelerators == 1 ? "" : "s", readers));
  return path;
}

}  // namespace millrace::diagnose
