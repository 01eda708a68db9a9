// SPDX-License-Identifier: Apache-2.0
#include "modules/gpu/latency_probe.hpp"

#include <fmt/format.h>

#include "modules/cuda/failure.hpp"
#include "modules/gpu/chain.hpp"
#include "modules/gpu/places.hpp"

namespace millrace::gpu {
namespace {

using sdk::Outcome;

constexpr millrace_parameter kLatencyParameters[] = {
    sdk::parameter("gpu", MILLRACE_TEXT, "0",
                   "whose thread asks: index, PCI address or UUID, several with commas, or all"),
    sdk::choice("access", "host|peer|own", "host", "whose memory answers"),
    sdk::parameter("peer-gpu", MILLRACE_TEXT, "all", "the other GPUs, with --access peer"),
    sdk::choice("memory", "near|far", "near", "host memory on the GPU's NUMA node, or on another"),
    sdk::parameter("region", MILLRACE_BYTES, "8MiB", "memory that the chain is spread over", 4096, 1e10),
    sdk::parameter("steps", MILLRACE_COUNT, "4096", "accesses of a launch, whose mean is one latency", 16,
                   1e8),
    sdk::parameter("slot", MILLRACE_DURATION, "50ms", "of each pair, where there are several", 1e6, 6e10),
    sdk::parameter("timeout", MILLRACE_DURATION, "20s", "give up when a launch has not ended for so long",
                   1e8, 6e11),
};

// Who asks, and whose memory answers: (gpu, gpu or kHost).
Result<std::vector<std::pair<int, int>>> pairs_of(const sdk::Host& host,
                                                  const std::vector<cuda::Device>& devices) {
  const auto gpus = chosen_gpus(devices, host.text("gpu"));
  if (!gpus) return tl::unexpected(gpus.error());
  const auto peers = chosen_gpus(devices, host.text("peer-gpu"));
  if (!peers) return tl::unexpected(peers.error());
  std::vector<std::pair<int, int>> pairs;
  for (const int gpu : *gpus) {
    if (host.text("access") == "host") pairs.emplace_back(gpu, kHost);
    if (host.text("access") == "own") pairs.emplace_back(gpu, gpu);
    for (const int peer : *peers)
      if (host.text("access") == "peer" && peer != gpu) pairs.emplace_back(gpu, peer);
  }
  if (pairs.empty())
    return failure("--access peer needs a second GPU", "give another --peer-gpu, or --access host");
  return pairs;
}

}  // namespace

Outcome LatencyProbe::describe(sdk::Host& host) {
  const auto devices = cuda::devices();
  if (!devices) return cuda::report(host, devices.error());
  const auto pairs = pairs_of(host, *devices);
  if (!pairs) return cuda::report(host, pairs.error());
  const cuda::Device& first = device_of(*devices, pairs->front().first);
  const auto memory = host_memory_for(host, first, host.text("memory") == "far");
  if (!memory) return cuda::report(host, memory.error());
  const std::string to = pairs->front().second == kHost
                             ? *memory
                             : endpoint_of(host, device_of(*devices, pairs->front().second));
  return host.add_worker({.role = "chaser",
                          .from = endpoint_of(host, first),
                          .to = to,
                          .numa_node = node_of_gpu(host, first),
                          .memory_bytes = (512ULL << 20) * devices->size() + 3 * host.bytes("region")});
}

Result<CUdeviceptr> LatencyProbe::lay_chain(int memory) {
  const std::size_t size = next_.size() * kStride;
  if (is_host(memory)) {
    cuda::PinnedMemory& pinned = on_hosts_[memory];
    if (pinned.data() == nullptr) {
      auto made = cuda::PinnedMemory::allocate(size, node_of_host(memory));
      if (!made) return tl::unexpected(made.error());
      pinned = std::move(*made);
      write_chain(pinned.data(), pinned.address(), next_);
    }
    return pinned.address();
  }
  if (const auto found = on_gpus_.find(memory); found != on_gpus_.end()) return found->second.data();
  auto device = cuda::DeviceMemory::allocate(bench_->context(memory), size);
  if (!device) return tl::unexpected(device.error());
  std::vector<std::byte> chain(size);
  write_chain(chain.data(), device->data(), next_);
  const auto copied = cuda::check(cuMemcpyHtoD(device->data(), chain.data(), size),
                                  fmt::format("filling memory of gpu:{}", memory));
  if (!copied) return tl::unexpected(copied.error());
  return on_gpus_.emplace(memory, std::move(*device)).first->second.data();
}

Result<void> LatencyProbe::prepare(const sdk::Host& host) {
  const auto devices = cuda::devices();
  if (!devices) return tl::unexpected(devices.error());
  const auto pairs = pairs_of(host, *devices);
  if (!pairs) return tl::unexpected(pairs.error());
  const bool stand_in = device_of(*devices, pairs->front().first).stand_in;
  host.ends_on(stand_in ? "stand-in" : "gpu");
  next_ = random_cycle(host.bytes("region") / kStride, 1);
  bench_ = std::make_unique<Bench>(kStride, host.duration_ns("timeout"));
  for (const auto& [gpu, memory] : *pairs) {
    for (const int one : {gpu, memory})
      if (one != kHost)
        if (auto added = bench_->add_gpu(device_of(*devices, one)); !added) return added;
    if (bench_->kernels(gpu) == nullptr) return tl::unexpected(bench_->why_no_kernels());
    if (memory != kHost && memory != gpu)
      if (auto reach = bench_->context(gpu).reach(bench_->context(memory)); !reach) {
        if (pairs->size() == 1 || reach.error().exit != Exit::kInconclusive) return reach;
        host.counter("pairs_without_access", 1);
        continue;
      }
    const int node = node_for(device_of(*devices, gpu), host.text("memory") == "far");
    const auto base = lay_chain(memory == kHost ? host_at(node) : memory);
    if (!base) return tl::unexpected(base.error());
    const std::string whose = memory == kHost ? "host" : memory == gpu ? "own" : fmt::format("gpu{}", memory);
    chases_.push_back({fmt::format("gpu{}_to_{}", gpu, whose), gpu, memory, *base});
  }
  if (chases_.empty())
    return failure("no two of these GPUs have access to each other's memory",
                   "`nvidia-smi topo -p2p r` shows who has", Exit::kInconclusive);
  auto out = cuda::PinnedMemory::allocate(2 * sizeof(std::uint64_t));
  if (!out) return tl::unexpected(out.error());
  out_ = std::move(*out);
  return {};
}

Outcome LatencyProbe::open(sdk::Host& host) {
  const auto prepared = prepare(host);
  if (prepared) return Outcome::kOk;
  abandon();
  return cuda::report(host, prepared.error());
}

Result<void> LatencyProbe::follow(const sdk::Host& host, sdk::Recorder& recorder, const Chase& chase) {
  const cuda::Context& context = bench_->context(chase.gpu);
  if (auto current = context.make_current(); !current) return current;
  auto stream = cuda::Stream::make();
  if (!stream) return tl::unexpected(stream.error());
  const std::uint64_t steps = host.integer("steps");
  const auto* out = reinterpret_cast<const volatile std::uint64_t*>(out_.data());
  const std::int64_t begin_ns = host.now_ns();
  std::uint64_t at = chase.base;
  bool right = true;
  for (int launches = 0;; ++launches) {
    const bool over =
        host.cancelled() || (chases_.size() > 1 && host.now_ns() - begin_ns > host.duration_ns("slot"));
    if (over && (launches > 0 || chases_.size() == 1)) break;  // of several, each is asked once at least
    if (auto launched = bench_->kernels(chase.gpu)->chase(stream->handle(), at, steps, out_.address());
        !launched)
      return launched;
    const auto done = cuda::wait_until([&] { return stream->is_done(); }, host.duration_ns("timeout"),
                                       fmt::format("{}: a pointer chase", chase.name));
    if (!done) {
      stream->abandon();
      return tl::unexpected(done.error());
    }
    const std::uint64_t expected = walk(chase.base, next_, at, steps);
    right = right && out[1] == expected;
    at = expected;
    const double each_s = static_cast<double>(out[0]) * 1e-9 / static_cast<double>(steps);
    host.sample((chase.name + "_access_s").c_str(), each_s);
    recorder.latency(static_cast<std::uint64_t>(each_s * 1e9));
    recorder.done(host.now_ns(), 0, steps);
  }
  host.verified(right);
  return {};
}

void LatencyProbe::abandon() {
  for (auto& [gpu, memory] : on_gpus_) memory.abandon();
  for (auto& [node, memory] : on_hosts_) memory.abandon();
  out_.abandon();
  if (bench_) bench_->abandon();
}

Outcome LatencyProbe::run(sdk::Host& host) {
  sdk::Recorder recorder = host.recorder();
  for (const Chase& chase : chases_)
    if (const auto ran = follow(host, recorder, chase); !ran) {
      abandon();
      return cuda::report(host, ran.error());
    }
  return Outcome::kOk;
}

const millrace_probe& latency_probe() {
  static constexpr millrace_probe kProbe = sdk::probe<LatencyProbe>(
      "gpu.latency",
      "how long a GPU's access takes: to host memory, a peer's, or its own, by a chase of pointers",
      kLatencyParameters);
  return kProbe;
}

}  // namespace millrace::gpu
