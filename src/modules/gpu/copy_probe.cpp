// SPDX-License-Identifier: Apache-2.0
#include "modules/gpu/copy_probe.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string>

#include "modules/cuda/failure.hpp"
#include "modules/gpu/places.hpp"
#include "modules/gpu/turn.hpp"
#include "units/quantity.hpp"

namespace millrace::gpu {
namespace {

using sdk::Outcome;

constexpr std::uint64_t kContextBytes = 512ULL
                                        << 20;  // host memory that the driver takes for a context, generously

std::string joined(const std::vector<std::string>& ends) {
  std::string all;
  for (const std::string& end : ends) all += (all.empty() ? "" : MILLRACE_SEVERAL) + end;
  return all;
}

// How many flows before this one in the round use the same memory as their source, or as their target.
int nth_of(const Round& round, std::size_t flow, int Flow::*end) {
  return static_cast<int>(
      std::count_if(round.flows.begin(), round.flows.begin() + static_cast<std::ptrdiff_t>(flow),
                    [&](const Flow& other) { return other.*end == round.flows[flow].*end; }));
}

// The ends of all flows, each once.
Result<std::string> ends_of(const sdk::Host& host, const CopySettings& s,
                            const std::vector<cuda::Device>& devices, int Flow::*end) {
  std::vector<std::string> ends;
  for (const Round& round : s.rounds)
    for (const Flow& flow : round.flows) {
      std::string id;
      if (flow.*end == kHost) {
        auto memory = host_memory_for(host, device_of(devices, flow.by), s.far);
        if (!memory) return tl::unexpected(memory.error());
        id = std::move(*memory);
      } else {
        id = endpoint_of(host, device_of(devices, flow.*end));
      }
      if (std::find(ends.begin(), ends.end(), id) == ends.end()) ends.push_back(std::move(id));
    }
  return joined(ends);
}

}  // namespace

Outcome CopyProbe::describe(sdk::Host& host) {
  const auto devices = cuda::devices();
  if (!devices) return cuda::report(host, devices.error());
  const auto settings = copy_settings(host, *devices);
  if (!settings) return cuda::report(host, settings.error());
  for (const int gpu : settings->all_gpus())
    if (const auto fine = fits(device_of(*devices, gpu), settings->bytes_of(gpu)); !fine)
      return cuda::report(host, fine.error());
  const cuda::Device& first = device_of(*devices, settings->rounds.front().flows.front().by);
  const auto from = ends_of(host, *settings, *devices, &Flow::from),
             to = ends_of(host, *settings, *devices, &Flow::to);
  if (!from || !to) return cuda::report(host, from ? to.error() : from.error());
  std::uint64_t bytes = settings->bytes_of(kHost);
  for (const int gpu : settings->all_gpus())
    bytes += kContextBytes + (first.stand_in ? settings->bytes_of(gpu) : 0);  // whose memory is the host's
  return host.add_worker({.role = "copier",
                          .from = *from,
                          .to = *to,
                          .numa_node = node_of_gpu(host, first),
                          .memory_bytes = bytes});
}

Result<void> CopyProbe::prepare(const sdk::Host& host) {
  const auto devices = cuda::devices();
  if (!devices) return tl::unexpected(devices.error());
  auto settings = copy_settings(host, *devices);
  if (!settings) return tl::unexpected(settings.error());
  settings_ = std::move(*settings);
  const bool stand_in = device_of(*devices, settings_.all_gpus().front()).stand_in;
  host.ends_on(stand_in ? "stand-in" : "gpu");
  bench_ = std::make_unique<Bench>(settings_.size, settings_.timeout_ns);
  for (const int gpu : settings_.all_gpus()) {
    const cuda::Device& device = device_of(*devices, gpu);
    if (auto added = bench_->add_gpu(device); !added) return added;
    node_of_[gpu] = node_for(device, settings_.far);
    if (!is_placed(device, node_of_[gpu]) && settings_.bytes_of(kHost) > settings_.size)
      host.raise_flag("placement-not-enforced");
  }
  if (settings_.by_kernel && bench_->kernels(settings_.all_gpus().front()) == nullptr)
    return tl::unexpected(bench_->why_no_kernels());
  std::vector<Round> kept;
  for (const Round& round : settings_.rounds) {
    const auto reaches = reachable(round);
    if (reaches && *reaches) {
      kept.push_back(round);
    } else if (!reaches && (settings_.rounds.size() == 1 || reaches.error().exit != Exit::kInconclusive)) {
      return tl::unexpected(reaches.error());
    } else {
      host.counter("pairs_without_access", 1);
    }
  }
  if (kept.empty())
    return failure("no two of these GPUs have access to each other's memory",
                   "`nvidia-smi topo -p2p r` shows who has", Exit::kInconclusive);
  settings_.rounds = std::move(kept);
  for (const Round& round : settings_.rounds)
    for (std::size_t i = 0; i < round.flows.size(); ++i) {
      if (auto made = bench_->source(memory_of(round.flows[i], &Flow::from), nth_of(round, i, &Flow::from));
          !made)
        return tl::unexpected(made.error());
      if (auto made = bench_->target(memory_of(round.flows[i], &Flow::to), nth_of(round, i, &Flow::to));
          !made)
        return tl::unexpected(made.error());
    }
  return {};
}

int CopyProbe::memory_of(const Flow& flow, int Flow::*end) const {
  return flow.*end == kHost ? host_at(node_of_.at(flow.by)) : flow.*end;
}

// Whether the GPUs that copy reach the other end's memory.
Result<bool> CopyProbe::reachable(const Round& round) const {
  for (const Flow& flow : round.flows) {
    const int other = flow.by == flow.from ? flow.to : flow.from;
    if (other == kHost || other == flow.by) continue;
    if (auto reach = bench_->context(flow.by).reach(bench_->context(other)); !reach)
      return tl::unexpected(reach.error());
  }
  return true;
}

Outcome CopyProbe::open(sdk::Host& host) {
  if (const auto prepared = prepare(host); !prepared) {
    if (bench_) bench_->abandon();
    return cuda::report(host, prepared.error());
  }
  return Outcome::kOk;
}

Result<void> CopyProbe::check(const sdk::Host& host, const Round& round) {
  for (std::size_t i = 0; i < round.flows.size(); ++i) {
    const Flow& flow = round.flows[i];
    const auto source = bench_->source(memory_of(flow, &Flow::from), nth_of(round, i, &Flow::from));
    const auto target = bench_->target(memory_of(flow, &Flow::to), nth_of(round, i, &Flow::to));
    const auto wrong = bench_->first_wrong(memory_of(flow, &Flow::to), target->address, source->seed);
    if (!wrong) return tl::unexpected(wrong.error());
    host.verified(!*wrong);
    if (!*wrong) continue;
    host.raise_flag(("wrong-data:" + name_of(flow)).c_str());
    host.log(MILLRACE_LOG_WARNING,
             fmt::format("{}: what arrived differs from byte {} on", name_of(flow), **wrong));
  }
  return {};
}

Result<void> CopyProbe::run_round(const sdk::Host& host, sdk::Recorder& recorder, const Round& round) {
  std::vector<Lane> lanes;
  for (std::size_t i = 0; i < round.flows.size(); ++i) {
    const Flow& flow = round.flows[i];
    const auto source = bench_->source(memory_of(flow, &Flow::from), nth_of(round, i, &Flow::from));
    const auto target = bench_->target(memory_of(flow, &Flow::to), nth_of(round, i, &Flow::to));
    if (!source || !target) return tl::unexpected(source ? target.error() : source.error());
    if (auto spoilt = bench_->spoil(memory_of(flow, &Flow::to), target->address); !spoilt) return spoilt;
    const Kernels* kernels = settings_.by_kernel ? bench_->kernels(flow.by) : nullptr;
    auto lane = Lane::make(
        bench_->context(flow.by), name_of(flow), settings_.size,
        [to = target->address, from = source->address, size = settings_.size, kernels](CUstream stream) {
          if (kernels != nullptr) return kernels->copy(stream, to, from, size);
          return cuda::check(cuMemcpyAsync(to, from, size, stream), "queueing a copy");
        });
    if (!lane) return tl::unexpected(lane.error());
    lanes.push_back(std::move(*lane));
  }
  const auto results =
      take_turn(host, recorder, lanes, bench_->kernels(round.flows.front().by), bench_->gate(),
                {settings_.rounds.size() == 1, settings_.slot_ns, settings_.timeout_ns});
  if (!results) return tl::unexpected(results.error());
  double total = 0;
  bool all_moved = true;
  for (std::size_t i = 0; i < lanes.size(); ++i) {
    const Flow& flow = round.flows[i];
    const LaneResult& result = (*results)[i];
    say_rates(host, name_of(flow), result);
    total += result.mean_rate();
    if (result.bytes > 0) continue;
    all_moved = false;
    host.log(MILLRACE_LOG_WARNING,
             fmt::format("{} got no copy of {} done in its turn: give a longer --slot or a smaller --size",
                         name_of(flow), to_binary({settings_.size})));
  }
  for (std::size_t i = 0; i < lanes.size(); ++i) {
    const Flow& flow = round.flows[i];
    const LaneResult& result = (*results)[i];
    if (flow.from != kHost && flow.to != kHost && lanes.size() == 1 && !result.rates.empty())
      rates_[{flow.from, flow.to}] = median(result.rates);
  }
  // A sum without one of them would pass for what all got.
  if (lanes.size() > 1 && all_moved) host.sample((round.name + "_bytes_per_s").c_str(), total);
  return settings_.verify ? check(host, round) : Result<void>{};
}

Result<void> CopyProbe::run_all(const sdk::Host& host) {
  sdk::Recorder recorder = host.recorder();
  if (!recorder) return failure("there is no recorder", "this is a bug: please report it");
  for (const Round& round : settings_.rounds)
    if (auto ran = run_round(host, recorder, round); !ran) return ran;
  for (const std::string& flag : out_of_line(rates_)) host.raise_flag(flag.c_str());
  return {};
}

Outcome CopyProbe::run(sdk::Host& host) {
  const auto ran = run_all(host);
  if (ran) return Outcome::kOk;
  bench_->abandon();
  return cuda::report(host, ran.error());
}

const millrace_probe& copy_probe() {
  static constexpr millrace_probe kProbe = sdk::probe<CopyProbe>(
      "gpu.copy",
      "copies between host memory and GPUs, and between GPUs; bytes are counted where they arrive",
      kCopyParameters);
  return kProbe;
}

}  // namespace millrace::gpu
