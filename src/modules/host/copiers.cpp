// SPDX-License-Identifier: Apache-2.0
#include "modules/host/copiers.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <optional>

#include "modules/host/cores.hpp"
#include "modules/host/pages.hpp"

namespace millrace::host {
namespace {

// A turn of the sweep: at first it only settles.
constexpr std::int64_t kSettlingNs = 30'000'000, kTurnNs = 150'000'000;

// Words that no two places share, so that a copy that missed or misplaced a part is found out.
void fill(std::byte* at, std::size_t size, std::uint64_t seed) {
  for (std::size_t i = 0; i + 8 <= size; i += 8) {
    const std::uint64_t word = (seed + i) * 0x9E3779B97F4A7C15u;
    std::memcpy(at + i, &word, 8);
  }
}

}  // namespace

std::size_t CopyShape::region(std::size_t sharing) const {
  return std::max<std::size_t>(size / sharing / chunk, 1) * chunk;
}

std::vector<std::size_t> CopyShape::turns() const {
  std::vector<std::size_t> counts;
  for (std::size_t count = 1; sweep && count < threads; count *= 2) counts.push_back(count);
  counts.push_back(threads);
  return counts;
}

std::size_t CopyShape::largest_region(std::size_t index) const {
  for (const std::size_t count : turns())
    if (index < count) return region(count);
  return region(threads);
}

class Copier {
 public:
  Result<void> prepare(int cpu, const CopyShape& shape, std::size_t index) {
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

Copiers::Copiers(const CopyShape& shape, CopyFunction copy)
    : shape_(shape), copy_(copy), copiers_(shape.threads) {}

Copiers::~Copiers() {
  const std::unique_lock hold(mutex_);
  next_ = Next::kEnd;
  ++round_;
  changed_.notify_all();
}

Result<void> Copiers::start() {
  const std::vector<int> cpus = cpus_of_node(shape_.run_node);
  std::unique_lock hold(mutex_);
  busy_ = copiers_.size();
  for (std::size_t i = 0; i < copiers_.size(); ++i)
    threads_.emplace_back([this, i, cpu = cpus[i % cpus.size()]] { body(i, cpu); });
  changed_.wait(hold, [&] { return busy_ == 0; });
  return result_;
}

std::map<std::size_t, double> Copiers::sweep(const sdk::Host& host) {
  std::map<std::size_t, double> rates;
  for (const std::size_t count : shape_.turns()) {
    turn_rate_ = 0;
    (void)together(Next::kTurn, host, count);
    rates[count] = turn_rate_;
  }
  return rates;
}

Result<void> Copiers::run(const sdk::Host& host, std::size_t count) {
  return together(Next::kRun, host, count);
}

bool Copiers::verified() const {
  return std::all_of(copiers_.begin(), copiers_.end(),
                     [](const Copier& copier) { return copier.verified(); });
}

Result<void> Copiers::together(Next next, const sdk::Host& host, std::size_t count) {
  std::unique_lock hold(mutex_);
  next_ = next, host_ = &host, count_ = count, busy_ = count;
  ++round_;
  changed_.notify_all();
  changed_.wait(hold, [&] { return busy_ == 0; });
  return result_;
}

void Copiers::body(std::size_t index, int cpu) {
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

void Copiers::done(Result<void> result, double rate) {
  const std::scoped_lock hold(mutex_);
  if (!result && result_) result_ = std::move(result);  // the first failure counts
  turn_rate_ += rate;
  if (--busy_ == 0) changed_.notify_all();
}

}  // namespace millrace::host
