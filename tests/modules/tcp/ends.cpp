// SPDX-License-Identifier: Apache-2.0
#include "ends.hpp"

#include <dlfcn.h>
#include <fmt/format.h>

#include <algorithm>
#include <ctime>
#include <stdexcept>
#include <thread>

#include "units/quantity.hpp"

namespace millrace::testing {
namespace {

using namespace std::chrono_literals;

constexpr std::int64_t kSliceNs = 1'000'000, kPatienceNs = 20'000'000'000;
constexpr std::uint64_t kLeastOperations = 20;

std::int64_t monotonic_ns() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1'000'000'000 + now.tv_nsec;
}

const millrace_probe* find_probe(const std::string& name) {
  void* handle = dlopen(module_file("tcp").c_str(), RTLD_NOW | RTLD_LOCAL);
  if (handle == nullptr) throw std::runtime_error(dlerror());
  const auto entry =
      reinterpret_cast<const millrace_probe_module* (*)()>(dlsym(handle, MILLRACE_PROBE_MODULE_SYMBOL));
  for (std::uint32_t i = 0; i < entry()->probe_count; ++i)
    if (name == entry()->probes[i]->name) return entry()->probes[i];
  throw std::invalid_argument("no probe " + name);
}

std::string canonical(const millrace_parameter& parameter, const std::string& text) {
  if (text.empty()) return text;
  switch (parameter.kind) {
    case MILLRACE_BYTES:
      return std::to_string(parse_bytes(text).value().value);
    case MILLRACE_COUNT:
      return std::to_string(parse_count(text).value());
    case MILLRACE_DURATION:
      return std::to_string(parse_duration(text).value().ns);
    case MILLRACE_RATE:
      return fmt::format("{:.0f}", parse_rate(text).value().value);
    case MILLRACE_FLAG:
      return text == "on" ? "1" : "0";
    default:
      return text;
  }
}

}  // namespace

// Not in the anonymous namespace: a member of what ends.hpp declares has it.
struct ThreadRecorder {
  millrace_recorder raw{};  // first: publish finds the rest by its address
  std::vector<std::uint64_t> counts = std::vector<std::uint64_t>(MILLRACE_LATENCY_BUCKETS);
  std::uint64_t publishes = 0;
  std::atomic<std::uint64_t>* operations = nullptr;  // of all ranks, as far as they were published
  std::uint64_t published = 0;

  static void publish(millrace_recorder* recorder, std::int64_t now_ns) {
    auto* self = reinterpret_cast<ThreadRecorder*>(recorder);
    ++self->publishes;
    *self->operations += recorder->operations - std::exchange(self->published, recorder->operations);
    recorder->slice_end_ns = now_ns + kSliceNs;
  }
};

struct Ends::Rank {
  Ends* ends = nullptr;
  int number = 0, host = 0;
  MeasuredWorker plan;
  millrace_worker worker{};
  millrace_host services{};
  Measured measured;
  std::mutex mutex;
  std::vector<std::unique_ptr<ThreadRecorder>> recorders;
  std::atomic<bool> cancelled{false};
  bool never_stops = false;
  std::optional<Millis> stops_after, hangs;
  std::function<void(const millrace_host&)> stranger;
  std::function<void()> when_opened;

  static Rank& self(void* context) { return *static_cast<Rank*>(context); }

  void collect() {
    measured.histogram.assign(MILLRACE_LATENCY_BUCKETS, 0);
    measured.latency_min_ns = UINT64_MAX;
    for (const auto& recorder : recorders) {
      measured.bytes += recorder->raw.bytes;
      measured.operations += recorder->raw.operations;
      measured.publishes += recorder->publishes;
      measured.latency_min_ns = std::min(measured.latency_min_ns, recorder->raw.latency_min_ns);
      measured.latency_max_ns = std::max(measured.latency_max_ns, recorder->raw.latency_max_ns);
      for (std::size_t i = 0; i < recorder->counts.size(); ++i) {
        measured.histogram[i] += recorder->counts[i];
        measured.latencies += recorder->counts[i];
      }
    }
  }
};

Ends::Ends(const std::string& probe, const Parameters& parameters, int hosts)
    : probe_(find_probe(probe)), hosts_(hosts) {
  for (std::uint32_t i = 0; i < probe_->parameter_count; ++i) {
    const millrace_parameter& parameter = probe_->parameters[i];
    const auto found = parameters.find(parameter.name);
    parameters_[parameter.name] =
        canonical(parameter, found == parameters.end() ? parameter.default_value : found->second);
  }
  for (const auto& [name, text] : parameters)
    if (!parameters_.contains(name)) throw std::invalid_argument("no parameter " + name);
  for (int number = 0; number < std::max(hosts, 2); ++number) {
    ranks_.push_back(std::make_unique<Rank>());
    ranks_.back()->ends = this;
    ranks_.back()->number = number;
    ranks_.back()->host = hosts == 1 ? 0 : number;
    ranks_.back()->services = table(*ranks_.back());
  }
}

Ends::~Ends() = default;

void Ends::replace(int rank, std::function<void(const millrace_host&)> stranger) {
  ranks_.at(static_cast<std::size_t>(rank))->stranger = std::move(stranger);
}
void Ends::when_opened(int rank, std::function<void()> action) {
  ranks_.at(static_cast<std::size_t>(rank))->when_opened = std::move(action);
}
void Ends::never_stop(int rank) { ranks_.at(static_cast<std::size_t>(rank))->never_stops = true; }
void Ends::stop_after(int rank, Millis time) {
  ranks_.at(static_cast<std::size_t>(rank))->stops_after = time;
}

void Ends::hang(int rank, Millis time) { ranks_.at(static_cast<std::size_t>(rank))->hangs = time; }

Measured Ends::describe(int host) {
  Rank& rank = *ranks_.at(static_cast<std::size_t>(host));
  millrace_host services = rank.services;
  services.rank = 0;
  services.ranks = 1;
  rank.measured = {};
  rank.measured.describe = probe_->describe(&services);
  return rank.measured;
}

void Ends::stop_all() {
  for (const auto& rank : ranks_)
    if (!rank->never_stops) rank->cancelled = true;
  changed_.notify_all();
}

// True: all ranks have opened, and the run begins.
bool Ends::wait_for_all() {
  std::unique_lock hold(mutex_);
  if (++opened_ == static_cast<int>(ranks_.size())) {
    begin_ns_ = monotonic_ns();
    changed_.notify_all();
  }
  while (begin_ns_ == 0) {
    changed_.wait_for(hold, 5ms);
    if (begin_ns_ == 0 &&
        std::all_of(ranks_.begin(), ranks_.end(), [](const auto& r) { return r->cancelled.load(); }))
      return false;
  }
  return true;
}

void Ends::live(Rank& rank) {
  if (rank.stranger) {
    rank.stranger(rank.services);
    const std::scoped_lock hold(mutex_);
    ++opened_;
    return;
  }
  void* self = nullptr;
  Measured& measured = rank.measured;
  measured.open = probe_->open(&rank.services, &self);
  if (measured.open == MILLRACE_OK) {
    if (rank.when_opened) rank.when_opened();
    if (wait_for_all()) {
      if (rank.hangs) std::this_thread::sleep_for(*rank.hangs);
      const std::int64_t begin = monotonic_ns();
      measured.run = probe_->run(&rank.services, self);
      measured.run_s = static_cast<double>(monotonic_ns() - begin) * 1e-9;
    }
    measured.close = probe_->close(&rank.services, self);
  }
  rank.collect();
  const bool failed = measured.open != MILLRACE_OK || measured.run.value_or(MILLRACE_OK) != MILLRACE_OK;
  if (failed) stop_all();
}

std::vector<Measured> Ends::measure(Millis time) {
  for (int host = 0; host < hosts_; ++host)
    if (describe(host).describe != MILLRACE_OK) return {ranks_[static_cast<std::size_t>(host)]->measured};
  if (hosts_ == 1 && ranks_[0]->measured.workers.size() == 2) {
    ranks_[1]->measured = {};
    ranks_[1]->measured.workers = {ranks_[0]->measured.workers[1]};
  }
  for (const auto& rank : ranks_) {
    rank->plan = rank->measured.workers.at(0);
    rank->worker = {sizeof(rank->worker),
                    rank->plan.role.c_str(),
                    rank->plan.from.c_str(),
                    rank->plan.to.c_str(),
                    rank->host,
                    rank->plan.numa_node,
                    rank->plan.threads,
                    rank->plan.memory_bytes,
                    rank->plan.locked_bytes};
  }
  std::vector<std::thread> lives;
  std::atomic<int> living{static_cast<int>(ranks_.size())};
  for (const auto& rank : ranks_)
    lives.emplace_back([&, at = rank.get()] {
      live(*at);
      --living;
    });
  while (living > 0) {
    std::this_thread::sleep_for(1ms);
    const std::scoped_lock hold(mutex_);
    if (begin_ns_ == 0) continue;
    const std::int64_t now = monotonic_ns();
    // A machine that is busy with other things gets more time, so that something is measured.
    if (operations_ < kLeastOperations && now - begin_ns_ < kPatienceNs) continue;
    for (const auto& rank : ranks_)
      if (!rank->never_stops &&
          now - begin_ns_ > std::chrono::nanoseconds(rank->stops_after.value_or(time)).count())
        rank->cancelled = true;
  }
  for (std::thread& life : lives) life.join();
  std::vector<Measured> all;
  for (const auto& rank : ranks_) all.push_back(rank->measured);
  return all;
}

std::int32_t Ends::exchange(Rank& rank, const std::string& mine, char* all, std::size_t stride,
                            std::size_t* sizes, std::int64_t timeout_ns) {
  const std::int64_t deadline = monotonic_ns() + timeout_ns;
  std::unique_lock hold(mutex_);
  const std::uint64_t turn = exchanges_;
  offered_[rank.number] = rewrite_ ? rewrite_(rank.number, mine) : mine;
  if (offered_.size() == ranks_.size()) {
    answered_.clear();
    for (const auto& [number, text] : offered_) answered_.push_back(text);
    offered_.clear();
    ++exchanges_;
    changed_.notify_all();
  }
  while (exchanges_ == turn) {
    changed_.wait_for(hold, 5ms);
    if (exchanges_ != turn) break;
    if (rank.cancelled) return MILLRACE_CANCELLED;
    if (monotonic_ns() < deadline) continue;
    rank.services.fail(&rank, "a rank did not take part in an exchange in time", "");
    return MILLRACE_FAILED;
  }
  for (std::size_t i = 0; i < answered_.size(); ++i) {
    if (answered_[i].size() > stride) return MILLRACE_FAILED;
    std::copy(answered_[i].begin(), answered_[i].end(), all + i * stride);
    sizes[i] = answered_[i].size();
  }
  return MILLRACE_OK;
}

millrace_host Ends::table(Rank& rank) const {
  millrace_host host{};
  host.struct_size = sizeof host;
  host.rank = rank.number;
  host.ranks = std::max(hosts_, 2);
  host.context = &rank;
  host.host_index = rank.host;
  host.hosts = hosts_;
  host.log = [](void* context, std::int32_t, const char* text) {
    const std::scoped_lock hold(Rank::self(context).mutex);
    Rank::self(context).measured.log.emplace_back(text);
  };
  host.fail = [](void* context, const char* what, const char* hint) {
    const std::scoped_lock hold(Rank::self(context).mutex);
    Measured& measured = Rank::self(context).measured;
    if (!measured.what.empty()) return;
    measured.what = what;
    measured.hint = hint;
  };
  host.parameter = [](void* context, const char* name) -> const char* {
    const auto& all = Rank::self(context).ends->parameters_;
    const auto found = all.find(name);
    return found == all.end() ? nullptr : found->second.c_str();
  };
  host.now_ns = [](void*) { return monotonic_ns(); };
  host.endpoint = [](void*, std::uint32_t index) -> const millrace_endpoint* {
    static const millrace_endpoint all[] = {
        {sizeof(millrace_endpoint), 0, "memory:0", "memory", "NUMA node 0", "", ""},
        {sizeof(millrace_endpoint), 0, "nic:lo", "nic", "a NIC that is none", "", ""}};
    return index < 2 ? &all[index] : nullptr;
  };
  host.add_worker = [](void* context, const millrace_worker* worker) -> std::int32_t {
    Rank::self(context).measured.workers.push_back({worker->role, worker->from, worker->to, worker->numa_node,
                                                    worker->threads, worker->memory_bytes,
                                                    worker->locked_bytes});
    return MILLRACE_OK;
  };
  host.worker = [](void* context) -> const millrace_worker* { return &Rank::self(context).worker; };
  host.exchange = [](void* context, const void* bytes, std::size_t size, void* all, std::size_t stride,
                     std::size_t* sizes, std::int64_t timeout_ns) -> std::int32_t {
    Rank& self = Rank::self(context);
    return self.ends->exchange(self, {static_cast<const char*>(bytes), size}, static_cast<char*>(all), stride,
                               sizes, timeout_ns);
  };
  host.cancelled = [](void* context) -> std::int32_t {
    return Rank::self(context).cancelled.load(std::memory_order_relaxed) ? 1 : 0;
  };
  host.recorder = [](void* context) -> millrace_recorder* {
    Rank& self = Rank::self(context);
    auto recorder = std::make_unique<ThreadRecorder>();
    recorder->raw = {
        sizeof(millrace_recorder), 0, 0, 0, monotonic_ns() + kSliceNs, recorder->counts.data(), UINT64_MAX, 0,
        &ThreadRecorder::publish};
    recorder->operations = &self.ends->operations_;
    const std::scoped_lock hold(self.mutex);
    self.recorders.push_back(std::move(recorder));
    return &self.recorders.back()->raw;
  };
  host.sample = [](void* context, const char* name, double value) {
    const std::scoped_lock hold(Rank::self(context).mutex);
    Rank::self(context).measured.samples[name].push_back(value);
  };
  host.counter = [](void* context, const char* name, double value) {
    const std::scoped_lock hold(Rank::self(context).mutex);
    Rank::self(context).measured.counters[name] += value;
  };
  host.verified = [](void* context, std::int32_t ok) {
    const std::scoped_lock hold(Rank::self(context).mutex);
    std::optional<bool>& verified = Rank::self(context).measured.verified;
    verified = verified.value_or(true) && ok != 0;
  };
  host.flag = [](void* context, const char* flag) {
    Rank& self = Rank::self(context);
    const std::scoped_lock hold(self.mutex);
    if (!self.measured.has_flag(flag)) self.measured.flags.emplace_back(flag);
  };
  host.host_address = [](void* context, std::int32_t number) -> const char* {
    static const char* const kAddresses[] = {"127.0.0.1", "127.0.0.2", "127.0.0.3", "127.0.0.4"};
    return Rank::self(context).ends->hosts_ == 1 ? "" : kAddresses[number];
  };
  return host;
}

}  // namespace millrace::testing
