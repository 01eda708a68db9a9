// SPDX-License-Identifier: Apache-2.0
#include "run/worker_host.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>
#include <optional>

#include "run/c_text.hpp"
#include "run/module_loader.hpp"

namespace millrace::run {
namespace {

// Bounds the report of a probe that never stops sampling: values of one name, and of all.
constexpr std::size_t kMostSamplesOfOne = 200'000, kMostSamples = 1'000'000;
constexpr std::size_t kMostNames = 256, kMostOfValue = 4096;
constexpr int kAnswerTime_ms = 30'000;
constexpr std::int64_t kStopLook_ms = 50;

// Touches every page, so that no page fault falls into the measuring.
void populate(void* begin, std::size_t size) {
  const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  auto* at = static_cast<volatile char*>(begin);
  for (std::size_t offset = 0; offset < size; offset += page) at[offset] = 0;
}

}  // namespace

WorkerHost::WorkerHost(const WorkerSpec& spec, SharedState& state, Channel& channel)
    : spec_(spec), state_(state), block_(state.workers[spec.block]), channel_(channel) {
  plan_ = {sizeof(plan_),        spec.plan.role.c_str(), spec.plan.from.c_str(),
           spec.plan.to.c_str(), spec.hosts.self,        spec.plan.numa_node,
           spec.plan.threads,    spec.plan.memory_bytes, spec.plan.locked_bytes};
  fill_services();
}

void WorkerHost::fill_services() {
  host_.struct_size = sizeof(host_);
  host_.rank = spec_.rank;
  host_.ranks = spec_.ranks;
  host_.context = this;
  host_.host_index = spec_.hosts.self;
  host_.hosts = static_cast<std::int32_t>(spec_.hosts.addresses.size());
  host_.host_address = [](void* self, std::int32_t host) -> const char* {
    const auto& all = static_cast<WorkerHost*>(self)->spec_.hosts.addresses;
    return host >= 0 && static_cast<std::size_t>(host) < all.size()
               ? all[static_cast<std::size_t>(host)].c_str()
               : "";
  };
  host_.may_use_address = [](void* self, const char* address) -> std::int32_t {
    return may_use(static_cast<WorkerHost*>(self)->spec_.hosts, c_text(address)) ? 1 : 0;
  };
  host_.first_port = spec_.hosts.ports.first;
  host_.last_port = spec_.hosts.ports.last;
  host_.log = [](void* self, std::int32_t level, const char* line) {
    auto* host = static_cast<WorkerHost*>(self);
    const std::lock_guard lock(host->mutex_);
    host->channel_.send(MessageKind::kLog, fmt::format("{}{}", level, c_text(line)));
  };
  host_.fail = [](void* self, const char* what, const char* hint) {
    static_cast<WorkerHost*>(self)->keep_failure(what, hint);
  };
  host_.parameter = [](void* self, const char* name) -> const char* {
    const auto& all = static_cast<WorkerHost*>(self)->spec_.parameters;
    const auto found = all.find(name);
    return found == all.end() ? nullptr : found->second.c_str();
  };
  host_.now_ns = [](void*) { return monotonic_ns(); };
  host_.endpoint = [](void*, std::uint32_t) -> const millrace_endpoint* { return nullptr; };
  host_.locate = [](void* self, const char*) -> const millrace_endpoint* {
    static_cast<WorkerHost*>(self)->keep_failure("locate is a service of describe",
                                                 "this is a bug of the module");
    return nullptr;
  };
  host_.add_worker = [](void* self, const millrace_worker*) -> std::int32_t {
    static_cast<WorkerHost*>(self)->keep_failure("add_worker is a service of describe",
                                                 "this is a bug of the module");
    return MILLRACE_FAILED;
  };
  host_.worker = [](void* self) -> const millrace_worker* { return &static_cast<WorkerHost*>(self)->plan_; };
  host_.temporary = [](void* self, const char* path) {
    return static_cast<WorkerHost*>(self)->announce_temporary(c_text(path));
  };
  host_.exchange = [](void* self, const void* bytes, size_t size, void* all, size_t stride, size_t* sizes,
                      std::int64_t timeout_ns) {
    return static_cast<WorkerHost*>(self)->gather(bytes, size, all, stride, sizes, timeout_ns);
  };
  host_.memory = [](void* self, const char* name) {
    return static_cast<WorkerHost*>(self)->open_memory(c_text(name));
  };
  host_.cancelled = [](void* self) -> std::int32_t {
    return static_cast<std::int32_t>(
        static_cast<WorkerHost*>(self)->state_.stop.load(std::memory_order_relaxed));
  };
  host_.continue_until = [](void* self, std::uint64_t iteration) {
    auto* host = static_cast<WorkerHost*>(self);
    host->beat();
    const auto block = static_cast<std::uint32_t>(host->spec_.block);
    if (!host->has_other_hosts()) return ask_iterations(host->state_, block, iteration);
    return await_grant(host->state_, block, iteration, [host] { host->tell(MessageKind::kGrant); });
  };
  host_.step_barrier = [](void* self, std::int64_t timeout_ns) -> std::int32_t {
    auto* host = static_cast<WorkerHost*>(self);
    host->beat();
    std::function<void()> all_here;
    if (host->has_other_hosts()) all_here = [host] { host->tell(MessageKind::kBarrier); };
    switch (wait_at_barrier(host->state_, timeout_ns, all_here)) {
      case 0:
        return MILLRACE_OK;
      case 1:
        return MILLRACE_CANCELLED;
      default:
        host->keep_failure("a rank did not come to the step barrier in time",
                           "another rank failed or is far slower");
        return MILLRACE_FAILED;
    }
  };
  host_.recorder = [](void* self) { return static_cast<WorkerHost*>(self)->add_recorder(); };
  host_.sample = [](void* self, const char* name, double value) {
    auto* host = static_cast<WorkerHost*>(self);
    if (!std::isfinite(value)) return;
    const std::lock_guard lock(host->mutex_);
    auto& samples = host->report_.samples;
    if (samples.size() >= kMostNames && !samples.contains(c_text(name))) return;
    if (host->sample_count_ >= kMostSamples) return;
    auto& values = samples[c_text(name)];
    if (values.size() >= kMostSamplesOfOne) return;
    values.push_back(value);
    ++host->sample_count_;
  };
  host_.counter = [](void* self, const char* name, double value) {
    auto* host = static_cast<WorkerHost*>(self);
    if (!std::isfinite(value)) return;
    const std::lock_guard lock(host->mutex_);
    if (host->report_.counters.size() < kMostNames || host->report_.counters.contains(c_text(name)))
      host->report_.counters[c_text(name)] += value;
  };
  host_.stage = [](void* self, const millrace_stage* s) {
    auto* host = static_cast<WorkerHost*>(self);
    const std::lock_guard lock(host->mutex_);
    if (host->report_.stages.size() >= kMostNames) return;
    const double whole = s->wall_s * s->threads;  // thread-seconds
    const auto share = [whole](double seconds) {
      const double of_whole = seconds / whole;
      return std::isfinite(of_whole) && whole > 0 ? std::clamp(of_whole, 0.0, 1.0) : 0.0;
    };
    record::Stage stage{c_text(s->name),
                        static_cast<int>(s->threads),
                        share(s->busy_s),
                        share(s->blocked_on_input_s),
                        share(s->blocked_on_output_s),
                        std::isfinite(s->cpu_s) ? std::max(s->cpu_s, 0.0) : 0.0,
                        s->bytes,
                        std::nullopt,
                        c_text(s->resource)};
    if (s->output_queue_fill >= 0) stage.output_queue_fill = std::min(s->output_queue_fill, 1.0);
    host->report_.stages.push_back(std::move(stage));
  };
  host_.verified = [](void* self, std::int32_t ok) {
    auto* host = static_cast<WorkerHost*>(self);
    const std::lock_guard lock(host->mutex_);
    int& verified = host->report_.verified;
    verified = verified == 0 ? 0 : (ok != 0 ? 1 : 0);
  };
  host_.flag = [](void* self, const char* flag) {
    auto* host = static_cast<WorkerHost*>(self);
    const std::lock_guard lock(host->mutex_);
    auto& flags = host->report_.flags;
    if (flags.size() < kMostNames && std::find(flags.begin(), flags.end(), c_text(flag)) == flags.end())
      flags.push_back(c_text(flag));
  };
  host_.resolved = [](void* self, const char* name, const char* value) {
    auto* host = static_cast<WorkerHost*>(self);
    const std::lock_guard lock(host->mutex_);
    auto& resolved = host->report_.resolved;
    if (resolved.size() < kMostNames || resolved.contains(c_text(name)))
      resolved[c_text(name)] = c_text(value).substr(0, kMostOfValue);
  };
  host_.device = [](void* self, const char* kind) {
    auto* host = static_cast<WorkerHost*>(self);
    const std::lock_guard lock(host->mutex_);
    host->report_.stand_in = host->report_.stand_in || c_text(kind) == "stand-in";
    host->report_.on_gpu = host->report_.on_gpu || c_text(kind) == "gpu";
  };
}

void WorkerHost::tell(MessageKind kind) {
  const std::lock_guard lock(mutex_);
  channel_.send(kind, "");
}

void WorkerHost::keep_failure(const char* what, const char* hint) {
  const std::lock_guard lock(mutex_);
  if (!report_.what.empty()) return;
  report_.what = c_text(what);
  report_.hint = c_text(hint);
}

millrace_recorder* WorkerHost::add_recorder() {
  const std::lock_guard lock(mutex_);
  if (recorders_.size() >= kMaxRecorders) return nullptr;
  auto recorder = std::make_unique<Recorder>();
  RecorderSlot& slot = block_.slots[recorders_.size()];
  populate(&slot, sizeof(slot));
  slot.opened_ns = std::max(monotonic_ns(), block_.begin_ns);
  slot.latency_min_ns = UINT64_MAX;
  recorder->seen.struct_size = sizeof(millrace_recorder);
  recorder->seen.latency_min_ns = UINT64_MAX;
  recorder->seen.latency_counts = slot.latency[0];
  recorder->seen.publish = &WorkerHost::publish;
  recorder->host = this;
  recorder->slot = &slot;
  const std::int64_t period = state_.slice_period_ns;
  recorder->seen.slice_end_ns =
      state_.begin_ns + (std::max<std::int64_t>(slot.opened_ns - state_.begin_ns, 0) / period + 1) * period;
  const std::int64_t epoch = std::max<std::int64_t>(slot.opened_ns - state_.begin_ns, 0) / state_.epoch_ns;
  recorder->seen.latency_counts = slot.latency[std::min<std::int64_t>(epoch, kEpochs - 1)];
  recorders_.push_back(std::move(recorder));
  // After the slot is whole: the core reads as many as this says.
  block_.recorders.store(static_cast<std::uint32_t>(recorders_.size()), std::memory_order_release);
  return &recorders_.back()->seen;
}

void WorkerHost::publish(millrace_recorder* seen, std::int64_t now_ns) {
  auto* recorder = reinterpret_cast<Recorder*>(seen);
  const SharedState& state = recorder->host->state_;
  RecorderSlot& slot = *recorder->slot;
  const std::uint64_t at = slot.written.load(std::memory_order_relaxed);
  slot.ring[at % kRingSlots] = {now_ns, seen->bytes, seen->operations};
  slot.written.store(at + 1, std::memory_order_release);
  recorder->host->block_.progress_ns.store(now_ns, std::memory_order_relaxed);
  const std::int64_t since = std::max<std::int64_t>(now_ns - state.begin_ns, 0);
  seen->slice_end_ns = state.begin_ns + (since / state.slice_period_ns + 1) * state.slice_period_ns;
  seen->latency_counts = slot.latency[std::min<std::int64_t>(since / state.epoch_ns, kEpochs - 1)];
}

void WorkerHost::start_run(std::int64_t begin_ns) { block_.begin_ns = begin_ns; }

void WorkerHost::finish_run(std::int64_t end_ns) {
  const std::lock_guard lock(mutex_);
  for (const auto& recorder : recorders_) {
    RecorderSlot& slot = *recorder->slot;
    slot.last = {end_ns, recorder->seen.bytes, recorder->seen.operations};
    slot.latency_min_ns = recorder->seen.latency_min_ns;
    slot.latency_max_ns = recorder->seen.latency_max_ns;
  }
  block_.end_ns = end_ns;
}

const millrace_memory* WorkerHost::open_memory(const std::string& name) {
  if (const auto found = memories_.find(name); found != memories_.end()) return &found->second->memory;
  const std::string kind = name.substr(0, name.find(':'));
  std::uint32_t index = 0;
  if (kind.size() < name.size())
    std::from_chars(name.data() + kind.size() + 1, name.data() + name.size(), index);
  for (const MemoryModule& candidate : spec_.memories) {
    if (candidate.name != kind) continue;
    const auto module = open_module(candidate.file);
    if (!module || module->memory == nullptr) {
      keep_failure(module ? "the module has no memory" : module.error().what.c_str(), "");
      return nullptr;
    }
    if (index >= module->memory->device_count(&host_)) {
      keep_failure(fmt::format("there is no memory {}: {} has {} device(s)", name, kind,
                               module->memory->device_count(&host_))
                       .c_str(),
                   "");
      return nullptr;
    }
    auto open = std::make_unique<OpenMemory>();
    open->module = module->memory;
    open->memory.struct_size = sizeof(millrace_memory);
    if (module->memory->open(&host_, index, &open->memory) != MILLRACE_OK) return nullptr;
    {
      const std::lock_guard lock(mutex_);
      report_.stand_in = report_.stand_in || open->memory.stand_in != 0;
      report_.on_gpu = report_.on_gpu || kind == "gpu";
    }
    return &memories_.emplace(name, std::move(open)).first->second->memory;
  }
  keep_failure(fmt::format("there is no memory '{}'", name).c_str(), "`millrace probes` shows the memories");
  return nullptr;
}

void WorkerHost::close_memories() {
  for (auto& [name, open] : memories_) open->module->close(&host_, &open->memory);
  memories_.clear();
}

std::int32_t WorkerHost::announce_temporary(const std::string& path) {
  const std::lock_guard lock(mutex_);
  if (channel_.send(MessageKind::kTemporary, path))
    if (const auto answer = channel_.receive(kAnswerTime_ms);
        answer && answer->kind == MessageKind::kAnswer) {
      if (answer->body.empty()) return MILLRACE_OK;
      report_.what = fmt::format("{} may not be created: {}", path, answer->body);
      return MILLRACE_FAILED;
    }
  report_.what = "the core does not answer";
  return MILLRACE_FAILED;
}

std::int32_t WorkerHost::gather(const void* bytes, std::size_t size, void* all, std::size_t stride,
                                std::size_t* sizes, std::int64_t timeout_ns) {
  beat();
  if (size > std::size_t{64} * 1024) {
    keep_failure("exchange takes at most 64 KiB", "this is a bug of the module");
    return MILLRACE_FAILED;
  }
  if (!channel_.send(MessageKind::kExchange, {static_cast<const char*>(bytes), size}))
    return MILLRACE_CANCELLED;
  const std::int64_t deadline = monotonic_ns() + timeout_ns;
  for (int rank = 0; rank < host_.ranks; ++rank) {
    // A look at a time: when another rank failed, no message comes but the stop does.
    std::optional<Message> message;
    for (std::int64_t left = 1; !message && left > 0 && state_.stop.load() == 0;) {
      left = std::max<std::int64_t>((deadline - monotonic_ns()) / 1'000'000, 0);
      message = channel_.receive(static_cast<int>(std::min(left, kStopLook_ms)));
    }
    if (!message || message->kind != MessageKind::kExchange) {
      if (state_.stop.load() != 0) return MILLRACE_CANCELLED;
      keep_failure("a rank did not take part in an exchange in time", "another rank failed or is far slower");
      return MILLRACE_FAILED;
    }
    if (message->body.size() > stride) {
      keep_failure(fmt::format("rank {} sent {} bytes, {} fit", rank, message->body.size(), stride).c_str(),
                   "this is a bug of the module");
      return MILLRACE_FAILED;
    }
    std::memcpy(static_cast<char*>(all) + static_cast<std::size_t>(rank) * stride, message->body.data(),
                message->body.size());
    sizes[rank] = message->body.size();
  }
  beat();
  return MILLRACE_OK;
}

WorkerReport WorkerHost::failure() {
  const std::lock_guard lock(mutex_);
  WorkerReport said;
  said.what = report_.what;
  said.hint = report_.hint;
  return said;
}

WorkerReport WorkerHost::take_report() {
  const std::lock_guard lock(mutex_);
  return report_;
}

}  // namespace millrace::run
