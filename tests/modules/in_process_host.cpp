// SPDX-License-Identifier: Apache-2.0
#include "in_process_host.hpp"

#include <dlfcn.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <stdexcept>
#include <system_error>
#include <thread>

#include "units/quantity.hpp"

namespace millrace::testing {
namespace {

constexpr std::int64_t kSliceNs = 5'000'000;

std::int64_t monotonic_ns() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

void* load(const std::filesystem::path& file) {
  void* handle = dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (handle == nullptr) throw std::runtime_error(dlerror());
  return handle;  // never closed, as in the core
}

template <typename Module>
const Module* entry(void* handle, const char* symbol) {
  auto* function = reinterpret_cast<const Module* (*)()>(dlsym(handle, symbol));
  return function == nullptr ? nullptr : function();
}

template <typename T>
std::string number(const Result<T>& parsed, auto member) {
  if (!parsed) throw std::invalid_argument(parsed.error().what);
  return fmt::format("{}", (*parsed).*member);
}

// As the core does: what a person types, made the text that a module reads.
std::string canonical(const millrace_parameter& parameter, const std::string& text) {
  if (text.empty()) return text;
  switch (parameter.kind) {
    case MILLRACE_BYTES:
      return number(parse_bytes(text), &Bytes::value);
    case MILLRACE_DURATION:
      return number(parse_duration(text), &Duration::ns);
    case MILLRACE_RATE:
      return fmt::format(
          "{:.0f}",
          parse_rate(text).map_error([](const Error& e) { throw std::invalid_argument(e.what); })->value);
    case MILLRACE_COUNT: {
      const Result<std::uint64_t> count = parse_count(text);
      if (!count) throw std::invalid_argument(count.error().what);
      return std::to_string(*count);
    }
    case MILLRACE_FLAG:
      return text == "on" || text == "true" || text == "1" ? "1" : "0";
    default:
      return text;
  }
}

}  // namespace

std::filesystem::path module_file(const std::string& name) {
  return std::filesystem::path(MILLRACE_BUILD) / "lib/millrace/modules" / (name + ".so");
}

std::uint64_t Measured::latency_quantile_ns(double q) const {
  const auto wanted = static_cast<std::uint64_t>(q * static_cast<double>(latencies));
  std::uint64_t seen = 0;
  for (std::uint32_t bucket = 0; bucket < histogram.size(); ++bucket)
    if ((seen += histogram[bucket]) > wanted) return millrace_latency_bucket_floor(bucket);
  return latency_max_ns;
}

bool Measured::has_flag(const std::string& flag) const {
  return std::find(flags.begin(), flags.end(), flag) != flags.end();
}

struct InProcessHost::ThreadRecorder {
  millrace_recorder raw{};  // first: publish finds the rest by its address
  std::vector<std::uint64_t> counts = std::vector<std::uint64_t>(MILLRACE_LATENCY_BUCKETS);
  std::uint64_t publishes = 0;

  static void publish(millrace_recorder* recorder, std::int64_t now_ns) {
    ++reinterpret_cast<ThreadRecorder*>(recorder)->publishes;
    recorder->slice_end_ns = now_ns + kSliceNs;
  }
};

struct InProcessHost::OpenedMemory {
  std::string name;
  const millrace_memory_module* module;
  millrace_memory memory;
};

InProcessHost::InProcessHost(const std::filesystem::path& module) {
  void* handle = load(module);
  module_ = entry<millrace_probe_module>(handle, MILLRACE_PROBE_MODULE_SYMBOL);
  if (module_ == nullptr) throw std::runtime_error(module.string() + " has no probes");
  const auto* memories = entry<millrace_memory_module>(handle, MILLRACE_MEMORY_MODULE_SYMBOL);
  if (memories != nullptr) memory_modules_.push_back(memories);
  host_ = table();
}

InProcessHost::~InProcessHost() = default;

void InProcessHost::add_memories(const std::filesystem::path& module) {
  const auto* memories = entry<millrace_memory_module>(load(module), MILLRACE_MEMORY_MODULE_SYMBOL);
  if (memories == nullptr) throw std::runtime_error(module.string() + " has no memories");
  memory_modules_.push_back(memories);
}

const millrace_probe& InProcessHost::probe(const std::string& name) const {
  for (std::uint32_t i = 0; i < module_->probe_count; ++i)
    if (name == module_->probes[i]->name) return *module_->probes[i];
  throw std::invalid_argument("no probe " + name);
}

void InProcessHost::set_parameters(const millrace_probe& probe, const Parameters& given) {
  parameters_.clear();
  for (std::uint32_t i = 0; i < probe.parameter_count; ++i) {
    const millrace_parameter& parameter = probe.parameters[i];
    const auto found = given.find(parameter.name);
    if (found == given.end() && parameter.default_value == nullptr)
      throw std::invalid_argument(fmt::format("{} must be given", parameter.name));
    parameters_[parameter.name] =
        canonical(parameter, found != given.end() ? found->second : parameter.default_value);
  }
  for (const auto& [name, text] : given)
    if (!parameters_.contains(name)) throw std::invalid_argument("no parameter " + name);
}

Measured InProcessHost::describe(const std::string& name, const Parameters& parameters) {
  measured_ = {};
  set_parameters(probe(name), parameters);
  measured_.describe = probe(name).describe(&host_);
  return measured_;
}

Measured InProcessHost::measure(const std::string& name, const Parameters& parameters,
                                std::chrono::milliseconds time) {
  const millrace_probe& probe = this->probe(name);
  describe(name, parameters);
  if (measured_.describe != MILLRACE_OK) return measured_;
  if (measured_.workers.empty()) throw std::logic_error("describe asked for no worker");
  const MeasuredWorker& worker = measured_.workers.front();
  worker_ = {sizeof worker_,   worker.role.c_str(), worker.from.c_str(), worker.to.c_str(),  0,
             worker.numa_node, worker.threads,      worker.memory_bytes, worker.locked_bytes};
  cancelled_ = false;
  recorders_.clear();
  void* instance = nullptr;
  measured_.open = probe.open(&host_, &instance);
  if (measured_.open != MILLRACE_OK) return measured_;
  if (when_opened_) when_opened_();

  const std::int64_t begin = monotonic_ns();
  std::atomic<bool> ended{false};
  std::thread canceller([&] {
    const std::int64_t end = begin + std::chrono::nanoseconds(time).count();
    while (!ended && monotonic_ns() < end) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    cancelled_ = true;
  });
  std::thread companion([&] {
    if (meanwhile_) meanwhile_();
  });
  measured_.run = probe.run(&host_, instance);
  measured_.run_s = static_cast<double>(monotonic_ns() - begin) * 1e-9;
  ended = true;
  canceller.join();
  companion.join();
  measured_.close = probe.close(&host_, instance);
  collect();
  return measured_;
}

void InProcessHost::collect() {
  measured_.histogram.assign(MILLRACE_LATENCY_BUCKETS, 0);
  measured_.latency_min_ns = UINT64_MAX;
  for (const auto& recorder : recorders_) {
    measured_.bytes += recorder->raw.bytes;
    measured_.operations += recorder->raw.operations;
    measured_.publishes += recorder->publishes;
    measured_.latency_min_ns = std::min(measured_.latency_min_ns, recorder->raw.latency_min_ns);
    measured_.latency_max_ns = std::max(measured_.latency_max_ns, recorder->raw.latency_max_ns);
    for (std::size_t i = 0; i < recorder->counts.size(); ++i) {
      measured_.histogram[i] += recorder->counts[i];
      measured_.latencies += recorder->counts[i];
    }
  }
  for (const auto& memory : memories_) memory->module->close(&host_, &memory->memory);
  memories_.clear();
}

// One lambda for each service, in the order of millrace_host.
millrace_host InProcessHost::table() {
  millrace_host host{};
  host.struct_size = sizeof host;
  host.rank = 0;
  host.ranks = 1;
  host.context = this;
  host.log = [](void* context, std::int32_t, const char* text) {
    const std::scoped_lock lock(self(context).mutex_);
    self(context).measured_.log.emplace_back(text);
  };
  host.fail = [](void* context, const char* what, const char* hint) {
    const std::scoped_lock lock(self(context).mutex_);
    Measured& measured = self(context).measured_;
    if (!measured.what.empty()) return;
    measured.what = what;
    measured.hint = hint == nullptr ? "" : hint;
  };
  host.parameter = [](void* context, const char* name) -> const char* {
    const auto& parameters = self(context).parameters_;
    const auto found = parameters.find(name);
    return found == parameters.end() ? nullptr : found->second.c_str();
  };
  host.now_ns = [](void*) { return monotonic_ns(); };
  host.endpoint = [](void*, std::uint32_t index) -> const millrace_endpoint* {
    static const millrace_endpoint memory{
        sizeof(millrace_endpoint), 0, "memory:0", "memory", "NUMA node 0", "", ""};
    return index == 0 ? &memory : nullptr;
  };
  host.locate = [](void* context, const char* path) -> const millrace_endpoint* {
    InProcessHost& host_of = self(context);
    std::error_code error;
    if (!std::filesystem::exists(path, error)) {
      host_of.host_.fail(context, fmt::format("{} does not exist", path).c_str(), "");
      return nullptr;
    }
    host_of.located_id_ = "storage:test";
    host_of.located_device_ = path;
    host_of.located_ = {
        sizeof(millrace_endpoint),       -1, host_of.located_id_.c_str(), "storage", "the test's storage",
        host_of.located_device_.c_str(), ""};
    return &host_of.located_;
  };
  host.hosts = 1;
  host.host_address = [](void*, std::int32_t) -> const char* { return ""; };
  host.add_worker = [](void* context, const millrace_worker* worker) -> std::int32_t {
    self(context).measured_.workers.push_back({worker->role, worker->from, worker->to, worker->numa_node,
                                               worker->threads, worker->memory_bytes, worker->locked_bytes});
    return MILLRACE_OK;
  };
  host.worker = [](void* context) -> const millrace_worker* { return &self(context).worker_; };
  host.temporary = [](void* context, const char* path) -> std::int32_t {
    self(context).measured_.temporaries.emplace_back(path);
    return MILLRACE_OK;
  };
  host.exchange = [](void*, const void* bytes, std::size_t size, void* all, std::size_t stride,
                     std::size_t* sizes, std::int64_t) -> std::int32_t {
    if (size > stride) return MILLRACE_FAILED;
    std::memcpy(all, bytes, size);
    sizes[0] = size;
    return MILLRACE_OK;
  };
  host.memory = [](void* context, const char* name) -> const millrace_memory* {
    InProcessHost& host_of = self(context);
    const std::string wanted = name;
    for (const millrace_memory_module* module : host_of.memory_modules_)
      for (std::uint32_t i = 0; i < module->device_count(&host_of.host_); ++i) {
        const std::string base = module->name;
        if (wanted != base && wanted != fmt::format("{}:{}", base, i)) continue;
        auto opened = std::make_unique<OpenedMemory>(OpenedMemory{wanted, module, {}});
        opened->memory.struct_size = sizeof(millrace_memory);
        if (module->open(&host_of.host_, i, &opened->memory) != MILLRACE_OK) return nullptr;
        host_of.memories_.push_back(std::move(opened));
        return &host_of.memories_.back()->memory;
      }
    host_of.host_.fail(context, fmt::format("there is no memory {}", name).c_str(), "");
    return nullptr;
  };
  host.cancelled = [](void* context) -> std::int32_t {
    return self(context).cancelled_.load(std::memory_order_relaxed) ? 1 : 0;
  };
  host.continue_until = [](void* context, std::uint64_t iteration) {
    return self(context).cancelled_ ? iteration : iteration + 1;
  };
  host.step_barrier = [](void* context, std::int64_t) -> std::int32_t {
    return self(context).cancelled_ ? MILLRACE_CANCELLED : MILLRACE_OK;
  };
  host.recorder = [](void* context) -> millrace_recorder* {
    InProcessHost& host_of = self(context);
    auto recorder = std::make_unique<ThreadRecorder>();
    recorder->raw = {
        sizeof(millrace_recorder), 0, 0, 0, monotonic_ns() + kSliceNs, recorder->counts.data(), UINT64_MAX, 0,
        &ThreadRecorder::publish};
    const std::scoped_lock lock(host_of.mutex_);
    host_of.recorders_.push_back(std::move(recorder));
    return &host_of.recorders_.back()->raw;
  };
  host.sample = [](void* context, const char* name, double value) {
    const std::scoped_lock lock(self(context).mutex_);
    self(context).measured_.samples[name].push_back(value);
  };
  host.counter = [](void* context, const char* name, double value) {
    const std::scoped_lock lock(self(context).mutex_);
    self(context).measured_.counters[name] += value;
  };
  host.stage = [](void* context, const millrace_stage* stage) {
    const std::scoped_lock lock(self(context).mutex_);
    self(context).measured_.stages.push_back({stage->name, stage->resource, stage->threads, stage->wall_s,
                                              stage->busy_s, stage->blocked_on_input_s,
                                              stage->blocked_on_output_s, stage->cpu_s, stage->bytes,
                                              stage->output_queue_fill});
  };
  host.verified = [](void* context, std::int32_t ok) {
    const std::scoped_lock lock(self(context).mutex_);
    std::optional<bool>& verified = self(context).measured_.verified;
    verified = verified.value_or(true) && ok != 0;
  };
  host.flag = [](void* context, const char* flag) {
    const std::scoped_lock lock(self(context).mutex_);
    if (!self(context).measured_.has_flag(flag)) self(context).measured_.flags.emplace_back(flag);
  };
  host.resolved = [](void* context, const char* parameter, const char* text) {
    const std::scoped_lock lock(self(context).mutex_);
    self(context).measured_.resolved[parameter] = text;
  };
  host.device = [](void* context, const char* kind) {
    const std::scoped_lock lock(self(context).mutex_);
    self(context).measured_.device = kind;
  };
  return host;
}

}  // namespace millrace::testing
