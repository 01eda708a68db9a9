// SPDX-License-Identifier: Apache-2.0
#include "modules/host/copy_probe.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <latch>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "modules/host/cores.hpp"
#include "modules/host/pages.hpp"
#include "modules/host/stream_copy.hpp"
#include "units/quantity.hpp"

namespace millrace::host {
namespace {

using sdk::Outcome;

constexpr std::uint64_t kLeastRegion = std::uint64_t{256} << 20;
constexpr std::size_t kHuge = std::size_t{2} << 20;

constexpr millrace_parameter kParameters[] = {
    sdk::parameter("from-node", MILLRACE_COUNT, "0", "NUMA node to copy from", 0, 1023),
    sdk::parameter("to-node", MILLRACE_COUNT, "0", "NUMA node to copy to", 0, 1023),
    sdk::choice("run-on", "to|from", "to", "the node on which the copying threads run"),
    sdk::parameter("threads", MILLRACE_COUNT, "1",
                   "copying threads, each on its own CPU; 0: one a core of the node", 0, 250),
    sdk::parameter(
        "size", MILLRACE_BYTES, "0",
        "bytes copied in a round, all threads together; 0: 256 MiB, or twice the last-level caches", 0, 1e13),
    sdk::parameter("block-size", MILLRACE_BYTES, "2MiB", "bytes a copy: what is timed", 4096, 1e9),
    sdk::choice("stores", "non-temporal|regular", "non-temporal",
                "regular: the C library's memcpy, which may read what it overwrites"),
};

struct Shape {
  int from_node, to_node, run_node;
  std::size_t threads, chunk, region;  // region: bytes of one thread, each side; whole chunks
};

Shape shape_of(const sdk::Host& host) {
  Shape shape{};
  shape.from_node = static_cast<int>(host.integer("from-node"));
  shape.to_node = static_cast<int>(host.integer("to-node"));
  shape.run_node = host.text("run-on") == "from" ? shape.from_node : shape.to_node;
  shape.threads = host.integer("threads");
  if (shape.threads == 0) shape.threads = std::min<std::size_t>(cores_of_node(shape.run_node), 250);
  shape.chunk = host.bytes("block-size") / 64 * 64;
  std::uint64_t size = host.bytes("size");
  if (size == 0) size = std::max(kLeastRegion, 2 * last_level_caches());
  shape.region = std::max<std::size_t>(size / shape.threads / shape.chunk, 1) * shape.chunk;
  return shape;
}

std::optional<std::string> memory_of_node(const sdk::Host& host, int node) {
  for (std::uint32_t i = 0; const millrace_endpoint* endpoint = host.endpoint(i); ++i)
    if (std::strcmp(endpoint->kind, "memory") == 0 && endpoint->numa_node == node) return endpoint->id;
  // A machine without NUMA has one memory, whatever its node is called.
  for (std::uint32_t i = 0; const millrace_endpoint* endpoint = host.endpoint(i); ++i)
    if (std::strcmp(endpoint->kind, "memory") == 0 && node == 0) return endpoint->id;
  return std::nullopt;
}

// Words that no two places share, so that a copy that missed or misplaced a part is found out.
void fill(std::byte* at, std::size_t size, std::uint64_t seed) {
  for (std::size_t i = 0; i + 8 <= size; i += 8) {
    const std::uint64_t word = (seed + i) * 0x9E3779B97F4A7C15u;
    std::memcpy(at + i, &word, 8);
  }
}

void copy_plain(std::byte* to, const std::byte* from, std::size_t size) { std::memcpy(to, from, size); }

// What one thread has and does.
class Copier {
 public:
  Result<void> prepare(int cpu, const Shape& shape, std::size_t index) {
    if (!pin_to(cpu))
      return failure(fmt::format("cannot keep a thread on CPU {}", cpu), "grant the process that CPU");
    auto from = Pages::allocate(shape.region, shape.from_node);
    if (!from) return tl::unexpected(from.error());
    auto to = Pages::allocate(shape.region, shape.to_node);
    if (!to) return tl::unexpected(to.error());
    fill(from->data(), shape.region, index << 40);
    from_.emplace(std::move(*from));
    to_.emplace(std::move(*to));
    return {};
  }

  Result<void> run(const sdk::Host& host, CopyFunction copy, std::size_t chunk) {
    sdk::Recorder recorder = host.recorder();
    if (!recorder) return failure("no recorder is left for a copying thread", "use fewer threads");
    std::int64_t before = host.now_ns();
    std::size_t at = 0;
    while (!host.cancelled()) {
      copy(to_->data() + at, from_->data() + at, chunk);
      const std::int64_t now = host.now_ns();
      recorder.latency(static_cast<std::uint64_t>(now - before));
      recorder.done(now, chunk);
      before = now;
      at += chunk;
      furthest_ = std::max(furthest_, at);
      if (at == from_->size()) at = 0;
    }
    return {};
  }

  [[nodiscard]] bool verified() const { return std::memcmp(to_->data(), from_->data(), furthest_) == 0; }

 private:
  std::optional<Pages> from_, to_;
  std::size_t furthest_ = 0;  // bytes from the beginning that were copied at least once
};

}  // namespace

// The threads wait between `start`, when each has its memory, and `go`.
class Copiers {
 public:
  Copiers(const Shape& shape, CopyFunction copy) : shape_(shape), copy_(copy), copiers_(shape.threads) {}
  ~Copiers() { go(nullptr); }

  Result<void> start() {
    const std::vector<int> cpus = cpus_of_node(shape_.run_node);
    for (std::size_t i = 0; i < copiers_.size(); ++i)
      threads_.emplace_back([this, i, cpu = cpus[i % cpus.size()]] { body(i, cpu); });
    ready_.wait();
    return outcome();
  }

  // Runs until the host says stop; with no host, ends the threads.
  Result<void> go(const sdk::Host* host) {
    if (threads_.empty()) return {};
    host_ = host;
    go_.count_down();
    threads_.clear();
    return outcome();
  }

  [[nodiscard]] bool verified() const {
    return std::all_of(copiers_.begin(), copiers_.end(),
                       [](const Copier& copier) { return copier.verified(); });
  }

 private:
  void body(std::size_t index, int cpu) {
    // Placed first, then allocated: memory lies where its first touch ran.
    note(copiers_[index].prepare(cpu, shape_, index));
    ready_.count_down();
    go_.wait();
    if (host_ != nullptr) note(copiers_[index].run(*host_, copy_, shape_.chunk));
  }
  void note(Result<void> result) {
    const std::scoped_lock hold(mutex_);
    if (!result && result_) result_ = std::move(result);  // the first failure counts
  }
  Result<void> outcome() {
    const std::scoped_lock hold(mutex_);
    return result_;
  }

  Shape shape_;
  CopyFunction copy_;
  std::vector<Copier> copiers_;
  const sdk::Host* host_ = nullptr;
  std::mutex mutex_;
  Result<void> result_;
  std::latch ready_{static_cast<std::ptrdiff_t>(copiers_.size())};
  std::latch go_{1};
  std::vector<std::jthread> threads_;
};

CopyProbe::CopyProbe() = default;
CopyProbe::~CopyProbe() = default;

Outcome CopyProbe::describe(sdk::Host& host) {
  const Shape shape = shape_of(host);
  const auto from = memory_of_node(host, shape.from_node), to = memory_of_node(host, shape.to_node);
  if (!from || !to)
    return host.unavailable(
        fmt::format("this machine has no NUMA node {}", !from ? shape.from_node : shape.to_node),
        "`millrace topo` lists the nodes");
  return host.add_worker({.role = "copier",
                          .from = *from,
                          .to = *to,
                          .numa_node = shape.run_node,
                          .threads = static_cast<std::uint32_t>(shape.threads),
                          .memory_bytes = 2 * (shape.region + kHuge) * shape.threads});
}

Outcome CopyProbe::open(sdk::Host& host) {
  const Shape shape = shape_of(host);
  const std::uint64_t regions = 2 * shape.region * shape.threads, caches = last_level_caches();
  if (regions < caches) {
    host.raise_flag("within-cache");
    host.log(MILLRACE_LOG_WARNING,
             fmt::format("the regions ({}) fit the caches ({}): this measures them, not memory",
                         to_binary({regions}), to_binary({caches})));
  }
  copiers_ =
      std::make_unique<Copiers>(shape, host.text("stores") == "regular" ? copy_plain : stream_copy().copy);
  if (const auto started = copiers_->start(); !started)
    return host.fail(started.error().what, started.error().hint);
  return Outcome::kOk;
}

Outcome CopyProbe::run(sdk::Host& host) {
  if (const auto ran = copiers_->go(&host); !ran) return host.fail(ran.error().what, ran.error().hint);
  host.verified(copiers_->verified());
  return Outcome::kOk;
}

const millrace_probe& copy_probe() {
  static constexpr millrace_probe kProbe = sdk::probe<CopyProbe>(
      "memory.copy", "copies between and within NUMA nodes; bytes copied, each crosses memory twice",
      kParameters);
  return kProbe;
}

}  // namespace millrace::host
