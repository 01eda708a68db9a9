// SPDX-License-Identifier: Apache-2.0
#include "modules/host/copy_probe.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <condition_variable>
#include <cstring>
#include <map>
#include <mutex>
#include <optional>
#include <set>
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
        "sweep-threads", MILLRACE_FLAG, "off",
        "before each repeat, 1, 2, 4 ... up to --threads (0 and 1: all cores) take turns; the fastest "
        "number of them is then measured"),
    sdk::parameter(
        "size", MILLRACE_BYTES, "0",
        "bytes copied in a round, all threads together; 0: 256 MiB, or twice the last-level caches", 0, 1e13),
    sdk::parameter("block-size", MILLRACE_BYTES, "2MiB", "bytes a copy: what is timed", 4096, 1e9),
    sdk::choice("stores", "non-temporal|regular", "non-temporal",
                "regular: the C library's memcpy, which may read what it overwrites"),
};

// A turn of the sweep: at first it only settles.
constexpr std::int64_t kSettlingNs = 30'000'000, kTurnNs = 150'000'000;

struct Shape {
  int from_node, to_node, run_node;
  std::size_t threads, chunk, size;  // size: bytes of a round, all threads together
  bool sweep;

  // Bytes of one of so many threads, each side; whole chunks.
  [[nodiscard]] std::size_t region(std::size_t sharing) const {
    return std::max<std::size_t>(size / sharing / chunk, 1) * chunk;
  }
  // How many threads take part, in order of the turns.
  [[nodiscard]] std::vector<std::size_t> turns() const {
    std::vector<std::size_t> counts;
    for (std::size_t count = 1; sweep && count < threads; count *= 2) counts.push_back(count);
    counts.push_back(threads);
    return counts;
  }
  // The most that a thread copies in a round: its share where it first takes part.
  [[nodiscard]] std::size_t largest_region(std::size_t index) const {
    for (const std::size_t count : turns())
      if (index < count) return region(count);
    return region(threads);
  }
};

Shape shape_of(const sdk::Host& host) {
  Shape shape{};
  shape.from_node = static_cast<int>(host.integer("from-node"));
  shape.to_node = static_cast<int>(host.integer("to-node"));
  shape.run_node = host.text("run-on") == "from" ? shape.from_node : shape.to_node;
  shape.threads = host.integer("threads");
  shape.sweep = host.flag("sweep-threads");
  if (shape.threads == 0 || (shape.sweep && shape.threads == 1))
    shape.threads = std::min<std::size_t>(cores_of_node(shape.run_node), 250);
  shape.chunk = host.bytes("block-size") / 64 * 64;
  shape.size = host.bytes("size");
  if (shape.size == 0) shape.size = std::max(kLeastRegion, 2 * last_level_caches());
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

// "0, 1"
std::string nodes_of(const sdk::Host& host) {
  std::set<int> nodes;
  for (std::uint32_t i = 0; const millrace_endpoint* endpoint = host.endpoint(i); ++i)
    if (std::strcmp(endpoint->kind, "memory") == 0) nodes.insert(std::max(endpoint->numa_node, 0));
  return fmt::format("{}", fmt::join(nodes, ", "));
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
    const std::size_t region = shape.largest_region(index);
    auto from = Pages::allocate(region, shape.from_node);
    if (!from) return tl::unexpected(from.error());
    auto to = Pages::allocate(region, shape.to_node);
    if (!to) return tl::unexpected(to.error());
    fill(from->data(), region, index << 40);
    from_.emplace(std::move(*from));
    to_.emplace(std::move(*to));
    return {};
  }

  // A turn of the sweep, with the first `region` bytes; bytes per second after it has settled.
  double take_turn(const sdk::Host& host, CopyFunction copy, std::size_t chunk, std::size_t region) {
    const std::int64_t begin = host.now_ns();
    std::int64_t settled = 0, now = begin;
    std::uint64_t copied = 0;
    for (std::size_t at = 0; now - begin < kTurnNs || copied == 0;
         at = at + chunk == region ? 0 : at + chunk) {
      copy(to_->data() + at, from_->data() + at, chunk);
      furthest_ = std::max(furthest_, at + chunk);
      now = host.now_ns();
      if (settled != 0) copied += chunk;
      if (settled == 0 && now - begin >= kSettlingNs) settled = now;
    }
    return static_cast<double>(copied) / (static_cast<double>(now - settled) * 1e-9);
  }

  Result<void> run(const sdk::Host& host, CopyFunction copy, std::size_t chunk, std::size_t region) {
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
      if (at == region) at = 0;
    }
    return {};
  }

  [[nodiscard]] bool verified() const { return std::memcmp(to_->data(), from_->data(), furthest_) == 0; }

 private:
  std::optional<Pages> from_, to_;
  std::size_t furthest_ = 0;  // bytes from the beginning that were copied at least once
};

}  // namespace

// The threads, which wait for what is next: a turn of the sweep, the run, or the end.
class Copiers {
 public:
  Copiers(const Shape& shape, CopyFunction copy) : shape_(shape), copy_(copy), copiers_(shape.threads) {}
  ~Copiers() {
    const std::unique_lock hold(mutex_);
    next_ = Next::kEnd;
    ++round_;
    changed_.notify_all();
  }

  // Starts the threads; each has its memory when this returns.
  Result<void> start() {
    const std::vector<int> cpus = cpus_of_node(shape_.run_node);
    std::unique_lock hold(mutex_);
    busy_ = copiers_.size();
    for (std::size_t i = 0; i < copiers_.size(); ++i)
      threads_.emplace_back([this, i, cpu = cpus[i % cpus.size()]] { body(i, cpu); });
    changed_.wait(hold, [&] { return busy_ == 0; });
    return result_;
  }

  // All turns; their rates by the number of threads, in bytes per second.
  std::map<std::size_t, double> sweep(const sdk::Host& host) {
    std::map<std::size_t, double> rates;
    for (const std::size_t count : shape_.turns()) {
      turn_rate_ = 0;
      (void)together(Next::kTurn, host, count);
      rates[count] = turn_rate_;
    }
    return rates;
  }

  // Until the host says stop.
  Result<void> run(const sdk::Host& host, std::size_t count) { return together(Next::kRun, host, count); }

  [[nodiscard]] bool verified() const {
    return std::all_of(copiers_.begin(), copiers_.end(),
                       [](const Copier& copier) { return copier.verified(); });
  }

 private:
  enum class Next { kTurn, kRun, kEnd };

  // What is next, by the first `count` threads.
  Result<void> together(Next next, const sdk::Host& host, std::size_t count) {
    std::unique_lock hold(mutex_);
    next_ = next, host_ = &host, count_ = count, busy_ = count;
    ++round_;
    changed_.notify_all();
    changed_.wait(hold, [&] { return busy_ == 0; });
    return result_;
  }

  void body(std::size_t index, int cpu) {
    Copier& copier = copiers_[index];
    // Placed first, then allocated: memory lies where its first touch ran.
    done(copier.prepare(cpu, shape_, index), 0);
    for (std::uint64_t seen = 0;;) {
      std::unique_lock hold(mutex_);
      changed_.wait(hold, [&] { return round_ != seen; });
      seen = round_;
      if (next_ == Next::kEnd) return;
      if (index >= count_) continue;
      const Next next = next_;
      const std::size_t region = shape_.region(count_);
      hold.unlock();
      if (next == Next::kTurn)
        done({}, copier.take_turn(*host_, copy_, shape_.chunk, region));
      else
        done(copier.run(*host_, copy_, shape_.chunk, region), 0);
    }
  }
  void done(Result<void> result, double rate) {
    const std::scoped_lock hold(mutex_);
    if (!result && result_) result_ = std::move(result);  // the first failure counts
    turn_rate_ += rate;
    if (--busy_ == 0) changed_.notify_all();
  }

  Shape shape_;
  CopyFunction copy_;
  std::vector<Copier> copiers_;
  std::mutex mutex_;
  std::condition_variable changed_;
  Next next_ = Next::kRun;
  const sdk::Host* host_ = nullptr;
  std::size_t count_ = 0, busy_ = 0;  // threads of the round, and those that are not done with it
  std::uint64_t round_ = 0;
  double turn_rate_ = 0;  // bytes per second, all threads together
  Result<void> result_;
  std::vector<std::jthread> threads_;  // last, so that they end first
};

CopyProbe::CopyProbe() = default;
CopyProbe::~CopyProbe() = default;

Outcome CopyProbe::describe(sdk::Host& host) {
  const Shape shape = shape_of(host);
  const auto from = memory_of_node(host, shape.from_node), to = memory_of_node(host, shape.to_node);
  if (!from || !to)
    return host.fail(fmt::format("--{}-node {}: this machine has no such NUMA node", !from ? "from" : "to",
                                 !from ? shape.from_node : shape.to_node),
                     fmt::format("its nodes are {}: `millrace topo` shows them", nodes_of(host)));
  std::uint64_t memory = 0;
  for (std::size_t i = 0; i < shape.threads; ++i) memory += 2 * (shape.largest_region(i) + kHuge);
  return host.add_worker({.role = "copier",
                          .from = *from,
                          .to = *to,
                          .numa_node = shape.run_node,
                          .threads = static_cast<std::uint32_t>(shape.threads),
                          .memory_bytes = memory});
}

Outcome CopyProbe::open(sdk::Host& host) {
  const Shape shape = shape_of(host);
  const std::uint64_t regions = 2 * shape.region(shape.threads) * shape.threads, caches = last_level_caches();
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
  threads_ = shape.threads;
  if (!shape.sweep) return Outcome::kOk;
  // Before the start barrier: the repeat itself is all of one number of threads, chosen before it began, so
  // that its mean is steady and owes nothing to the choice.
  rates_ = copiers_->sweep(host);
  threads_ = std::max_element(rates_.begin(), rates_.end(), [](const auto& a, const auto& b) {
               return a.second < b.second;
             })->first;
  return Outcome::kOk;
}

Outcome CopyProbe::run(sdk::Host& host) {
  if (const auto ran = copiers_->run(host, threads_); !ran)
    return host.fail(ran.error().what, ran.error().hint);
  for (const auto& [count, rate] : rates_)
    host.sample(fmt::format("threads_{}_bytes_per_s", count).c_str(), rate);
  if (!rates_.empty()) host.sample("threads_of_the_fastest", static_cast<double>(threads_));
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
