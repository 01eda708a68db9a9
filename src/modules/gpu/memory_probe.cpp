// SPDX-License-Identifier: Apache-2.0
#include "modules/gpu/memory_probe.hpp"

#include <fmt/format.h>

#include "modules/cuda/failure.hpp"
#include "modules/gpu/places.hpp"
#include "modules/gpu/turn.hpp"
#include "units/quantity.hpp"

namespace millrace::gpu {
namespace {

using sdk::Outcome;

constexpr millrace_parameter kMemoryParameters[] = {
    sdk::parameter("gpu", MILLRACE_TEXT, "0",
                   "index, PCI address or UUID, several with commas, or all: one after the other"),
    sdk::choice("operation", "copy|read|write", "copy", "a copy counts each byte twice, read and written"),
    sdk::choice("engine", "copy-engine|sm", "sm",
                "sm: a kernel on the GPU's multiprocessors; reads and writes are always its"),
    sdk::parameter("size", MILLRACE_BYTES, "512MiB",
                   "bytes an operation, whole 16s; more than the cache holds", 4096, 1e12),
    sdk::parameter("slot", MILLRACE_DURATION, "500ms", "of each GPU, where there are several", 1e6, 6e10),
    sdk::parameter("verify", MILLRACE_FLAG, "on", "check what was copied"),
    sdk::parameter("timeout", MILLRACE_DURATION, "20s", "give up when nothing has ended for so long", 1e8,
                   6e11),
};

std::uint64_t size_of(const sdk::Host& host) { return host.bytes("size") / 16 * 16; }
bool is_copy(const sdk::Host& host) { return host.text("operation") == "copy"; }
bool needs_kernels(const sdk::Host& host) { return !is_copy(host) || host.text("engine") == "sm"; }

}  // namespace

Outcome MemoryProbe::describe(sdk::Host& host) {
  const auto devices = cuda::devices();
  if (!devices) return cuda::report(host, devices.error());
  const auto gpus = chosen_gpus(*devices, host.text("gpu"));
  if (!gpus) return cuda::report(host, gpus.error());
  if (gpus->empty()) return host.fail("--gpu names no GPU", "give --gpu 0, or --gpu all");
  std::string ends;
  std::uint64_t bytes = size_of(host);
  for (const int gpu : *gpus) {
    const cuda::Device& device = device_of(*devices, gpu);
    if (const auto fine = fits(device, 2 * size_of(host)); !fine) return cuda::report(host, fine.error());
    ends += (ends.empty() ? "" : MILLRACE_SEVERAL) + endpoint_of(host, device);
    bytes += (512ULL << 20) + (device.stand_in ? 2 * size_of(host) : 0);
  }
  const int node = node_of_gpu(host, device_of(*devices, gpus->front()));
  return host.add_worker(
      {.role = "mover", .from = ends, .to = ends, .numa_node = node, .memory_bytes = bytes});
}

Result<void> MemoryProbe::prepare(const sdk::Host& host) {
  const auto devices = cuda::devices();
  if (!devices) return tl::unexpected(devices.error());
  auto gpus = chosen_gpus(*devices, host.text("gpu"));
  if (!gpus) return tl::unexpected(gpus.error());
  gpus_ = std::move(*gpus);
  const bool stand_in = device_of(*devices, gpus_.front()).stand_in;
  host.ends_on(stand_in ? "stand-in" : "gpu");
  bench_ = std::make_unique<Bench>(size_of(host), host.duration_ns("timeout"));
  for (const int gpu : gpus_) {
    const cuda::Device& device = device_of(*devices, gpu);
    if (auto added = bench_->add_gpu(device); !added) return added;
    if (needs_kernels(host) && bench_->kernels(gpu) == nullptr)
      return tl::unexpected(bench_->why_no_kernels());
    if (auto made = bench_->source(gpu, 0); !made) return tl::unexpected(made.error());
    if (auto made = bench_->target(gpu, 0); !made) return tl::unexpected(made.error());
    int cache = 0;
    cuDeviceGetAttribute(&cache, CU_DEVICE_ATTRIBUTE_L2_CACHE_SIZE, device.handle);
    if (size_of(host) < 2 * static_cast<std::uint64_t>(cache)) {
      host.raise_flag("within-cache");
      host.log(MILLRACE_LOG_WARNING,
               fmt::format("{}: --size {} is less than twice its cache of {}: this measures the cache",
                           device.id(), to_binary({size_of(host)}),
                           to_binary({static_cast<std::uint64_t>(cache)})));
    }
  }
  return {};
}

Outcome MemoryProbe::open(sdk::Host& host) {
  if (const auto prepared = prepare(host); !prepared) {
    if (bench_) bench_->abandon();
    return cuda::report(host, prepared.error());
  }
  return Outcome::kOk;
}

Result<void> MemoryProbe::run_one(const sdk::Host& host, sdk::Recorder& recorder, int gpu) {
  const auto source = bench_->source(gpu, 0), target = bench_->target(gpu, 0);
  if (auto spoilt = bench_->spoil(gpu, target->address); !spoilt) return spoilt;
  const Kernels* kernels = bench_->kernels(gpu);
  const std::uint64_t size = size_of(host);
  const auto operation = std::string(host.text("operation"));
  const bool by_kernel = needs_kernels(host);
  const auto work = [=, to = target->address, from = source->address](CUstream stream) -> Result<void> {
    if (operation == "read") return kernels->read(stream, from, size, to);
    if (operation == "write") return kernels->write(stream, to, size, 0x5A5A5A5AU);
    if (by_kernel) return kernels->copy_own(stream, to, from, size);
    return cuda::check(cuMemcpyAsync(to, from, size, stream), "queueing a copy");
  };
  const std::string name = fmt::format("gpu{}_memory", gpu);
  auto lane = Lane::make(bench_->context(gpu), name, (operation == "copy" ? 2 : 1) * size, work);
  if (!lane) return tl::unexpected(lane.error());
  const auto results = take_turn(host, recorder, {&*lane, 1}, kernels, bench_->gate(),
                                 {gpus_.size() == 1, host.duration_ns("slot"), host.duration_ns("timeout")});
  if (!results) return tl::unexpected(results.error());
  say_rates(host, name, results->front());
  if (operation != "copy" || !host.flag("verify")) return {};
  const auto wrong = bench_->first_wrong(gpu, target->address, source->seed);
  if (!wrong) return tl::unexpected(wrong.error());
  host.verified(!*wrong);
  if (*wrong)
    host.log(MILLRACE_LOG_WARNING,
             fmt::format("gpu:{}: what was copied differs from byte {} on", gpu, **wrong));
  return {};
}

Outcome MemoryProbe::run(sdk::Host& host) {
  sdk::Recorder recorder = host.recorder();
  for (const int gpu : gpus_)
    if (const auto ran = run_one(host, recorder, gpu); !ran) {
      bench_->abandon();
      return cuda::report(host, ran.error());
    }
  return Outcome::kOk;
}

const millrace_probe& memory_probe() {
  static constexpr millrace_probe kProbe = sdk::probe<MemoryProbe>(
      "gpu.memory", "a GPU's own memory: bytes read plus bytes written, so that a copy counts twice",
      kMemoryParameters);
  return kProbe;
}

}  // namespace millrace::gpu
