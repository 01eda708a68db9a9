// SPDX-License-Identifier: Apache-2.0
// C++ view of the module contract (module_abi.h): a probe is a class, a module a list of them.
//
//   class Spin : public millrace::sdk::Probe {
//    public:
//     static Outcome describe(Host& host) { return host.add_worker({.role = "spinner", .from = "memory:0",
//     .to = "memory:0"}); } Outcome run(Host& host) override {
//       Recorder recorder = host.recorder();
//       while (!host.cancelled()) recorder.done(host.now_ns(), spin());
//       return Outcome::kOk;
//     }
//   };
//   constexpr millrace_parameter kParameters[] = {millrace::sdk::parameter("size", MILLRACE_BYTES, "1MiB",
//   "bytes a turn")}; constexpr millrace_probe kSpin = millrace::sdk::probe<Spin>("example.spin", "spins",
//   kParameters); constexpr const millrace_probe* kProbes[] = {&kSpin}; constexpr millrace_probe_module
//   kModule = millrace::sdk::module("example", "1.0", kProbes); extern "C" MILLRACE_EXPORT const
//   millrace_probe_module* millrace_probe_module_v1() { return &kModule; }
#pragma once

#include <charconv>
#include <cstdint>
#include <exception>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "millrace/memory.hpp"
#include "millrace/module_abi.h"
#include "millrace/recorder.hpp"

namespace millrace::sdk {

enum class Outcome : std::int32_t {
  kOk = MILLRACE_OK,
  kFailed = MILLRACE_FAILED,
  kUnavailable = MILLRACE_UNAVAILABLE,
  kCancelled = MILLRACE_CANCELLED,
};

struct WorkerRequest {
  const char* role = "worker";
  std::string from, to;  // endpoint ids
  int numa_node = -1;
  std::uint32_t threads = 1;
  std::uint64_t memory_bytes = 0, locked_bytes = 0;
};

class Host {
 public:
  explicit Host(const millrace_host* host) : host_(host) {}

  [[nodiscard]] int rank() const { return host_->rank; }
  [[nodiscard]] int ranks() const { return host_->ranks; }
  [[nodiscard]] const millrace_host* raw() const { return host_; }
  // Several hosts: which one this is (0 asked for the measurement), of how many, and the numeric IP address
  // by which they reached each other ("" when there is one host).
  [[nodiscard]] int host_index() const { return MILLRACE_HAS(host_, hosts) ? host_->host_index : 0; }
  [[nodiscard]] int hosts() const { return MILLRACE_HAS(host_, hosts) ? host_->hosts : 1; }
  [[nodiscard]] std::string address(int host) const {
    const bool known = MILLRACE_HAS(host_, host_address) && host_->host_address != nullptr;
    return known ? host_->host_address(host_->context, host) : "";
  }
  // Whether its own traffic may go from or to this numeric IP address: ask about each that another host
  // named.
  [[nodiscard]] bool may_use_address(const std::string& address) const {
    const bool bound = MILLRACE_HAS(host_, may_use_address) && host_->may_use_address != nullptr;
    return !bound || host_->may_use_address(host_->context, address.c_str()) != 0;
  }
  // TCP ports at which it may listen here, first and last; 0 and 0: any.
  [[nodiscard]] std::pair<std::uint16_t, std::uint16_t> ports() const {
    if (!MILLRACE_HAS(host_, last_port)) return {0, 0};
    return {host_->first_port, host_->last_port};
  }

  void log(int level, const std::string& text) const { host_->log(host_->context, level, text.c_str()); }
  // `return host.fail("…", "…")`: what failed and where, and the way out.
  Outcome fail(const std::string& what, const std::string& hint = {}) const {
    host_->fail(host_->context, what.c_str(), hint.c_str());
    return Outcome::kFailed;
  }
  Outcome unavailable(const std::string& what, const std::string& hint = {}) const {
    host_->fail(host_->context, what.c_str(), hint.c_str());
    return Outcome::kUnavailable;
  }

  // Parameters, by the kind that they were declared with. An unset or undeclared one reads as "", 0 or false.
  [[nodiscard]] std::string_view text(const char* name) const {
    const char* value = host_->parameter(host_->context, name);
    return value == nullptr ? std::string_view{} : std::string_view{value};
  }
  [[nodiscard]] bool given(const char* name) const { return !text(name).empty(); }
  [[nodiscard]] std::uint64_t integer(const char* name) const {
    const std::string_view value = text(name);
    std::uint64_t result = 0;
    std::from_chars(value.data(), value.data() + value.size(), result);
    return result;
  }
  [[nodiscard]] std::uint64_t bytes(const char* name) const { return integer(name); }
  [[nodiscard]] std::int64_t duration_ns(const char* name) const {
    return static_cast<std::int64_t>(integer(name));
  }
  [[nodiscard]] double real(const char* name) const {
    const std::string_view value = text(name);
    double result = 0;
    std::from_chars(value.data(), value.data() + value.size(), result);
    return result;
  }
  [[nodiscard]] bool flag(const char* name) const { return text(name) == "1"; }
  // Of a repeatable parameter: its values (a ':' separates them; paths that hold one are refused by the
  // core).
  [[nodiscard]] std::vector<std::string> list(const char* name) const {
    std::vector<std::string> values;
    std::string_view rest = text(name);
    while (!rest.empty()) {
      const std::size_t end = rest.find(':');
      values.emplace_back(rest.substr(0, end));
      rest = end == std::string_view::npos ? std::string_view{} : rest.substr(end + 1);
    }
    return values;
  }

  // describe only
  [[nodiscard]] const millrace_endpoint* endpoint(std::uint32_t index) const {
    return host_->endpoint(host_->context, index);
  }
  [[nodiscard]] const millrace_endpoint* locate(const std::string& path) const {
    return host_->locate(host_->context, path.c_str());
  }
  Outcome add_worker(const WorkerRequest& request) const {
    const millrace_worker worker{
        sizeof(millrace_worker), request.role,    request.from.c_str(), request.to.c_str(),  0,
        request.numa_node,       request.threads, request.memory_bytes, request.locked_bytes};
    return static_cast<Outcome>(host_->add_worker(host_->context, &worker));
  }

  // in a worker
  [[nodiscard]] const millrace_worker& worker() const { return *host_->worker(host_->context); }
  [[nodiscard]] Outcome temporary(const std::string& path) const {
    return static_cast<Outcome>(host_->temporary(host_->context, path.c_str()));
  }
  [[nodiscard]] Memory memory(const std::string& name) const {
    return Memory(host_->memory(host_->context, name.c_str()));
  }
  // Every rank's string, in order of rank; empty when it failed or was cancelled.
  [[nodiscard]] std::vector<std::string> exchange(std::string_view mine, std::int64_t timeout_ns) const {
    constexpr std::size_t kStride = std::size_t{64} * 1024;
    std::vector<char> all(kStride * static_cast<std::size_t>(ranks()));
    std::vector<std::size_t> sizes(static_cast<std::size_t>(ranks()));
    if (host_->exchange(host_->context, mine.data(), mine.size(), all.data(), kStride, sizes.data(),
                        timeout_ns) != MILLRACE_OK)
      return {};
    std::vector<std::string> strings;
    for (std::size_t rank = 0; rank < sizes.size(); ++rank)
      strings.emplace_back(all.data() + rank * kStride, sizes[rank]);
    return strings;
  }

  [[nodiscard]] std::int64_t now_ns() const { return host_->now_ns(host_->context); }
  [[nodiscard]] bool cancelled() const { return host_->cancelled(host_->context) != 0; }
  // Cancelled since the measurement failed or was interrupted: the other workers may never answer.
  [[nodiscard]] bool given_up() const { return host_->cancelled(host_->context) == 2; }
  [[nodiscard]] std::uint64_t continue_until(std::uint64_t iteration) const {
    return host_->continue_until(host_->context, iteration);
  }
  [[nodiscard]] Outcome step_barrier(std::int64_t timeout_ns) const {
    return static_cast<Outcome>(host_->step_barrier(host_->context, timeout_ns));
  }
  [[nodiscard]] Recorder recorder() const { return Recorder(host_->recorder(host_->context)); }

  void sample(const char* name_with_unit, double value) const {
    host_->sample(host_->context, name_with_unit, value);
  }
  void counter(const char* name, double value) const { host_->counter(host_->context, name, value); }
  void stage(const millrace_stage& stage) const { host_->stage(host_->context, &stage); }
  void verified(bool ok) const { host_->verified(host_->context, ok ? 1 : 0); }
  void raise_flag(const char* flag) const { host_->flag(host_->context, flag); }
  // What a parameter came to that was not given; a core that is older does not record it.
  void resolved(const char* parameter, const std::string& text) const {
    if (MILLRACE_HAS(host_, resolved) && host_->resolved != nullptr)
      host_->resolved(host_->context, parameter, text.c_str());
  }
  // Where the bytes ended: "gpu", or "stand-in" where something took its place.
  void ends_on(const char* kind) const {
    if (MILLRACE_HAS(host_, device) && host_->device != nullptr) host_->device(host_->context, kind);
  }

 private:
  const millrace_host* host_;
};

// A probe inside one worker. A subclass also has `static Outcome describe(Host&)`.
class Probe {
 public:
  Probe() = default;
  Probe(const Probe&) = delete;
  Probe& operator=(const Probe&) = delete;
  virtual ~Probe() = default;
  virtual Outcome open(Host&) { return Outcome::kOk; }
  virtual Outcome run(Host& host) = 0;
  virtual Outcome close(Host&) { return Outcome::kOk; }
};

// Calls `body`, and turns an exception, which is a bug of the module, into a failure: none crosses the ABI.
template <typename Body>
std::int32_t guarded(const millrace_host* raw, Body body) noexcept {
  try {
    Host host(raw);
    return static_cast<std::int32_t>(body(host));
  } catch (const std::exception& error) {
    raw->fail(raw->context, error.what(), "this is a bug of the module: please report it");
  } catch (...) {
    raw->fail(raw->context, "the module threw something that is no std::exception",
              "this is a bug of the module");
  }
  return MILLRACE_FAILED;
}

constexpr millrace_parameter parameter(const char* name, std::int32_t kind, const char* default_value,
                                       const char* help, double minimum = 0, double maximum = 0) {
  return {sizeof(millrace_parameter), kind, name, default_value, nullptr, help, minimum, maximum, 0};
}
constexpr millrace_parameter choice(const char* name, const char* choices, const char* default_value,
                                    const char* help) {
  return {sizeof(millrace_parameter), MILLRACE_CHOICE, name, default_value, choices, help, 0, 0, 0};
}

template <typename T, std::size_t N>
constexpr millrace_probe probe(const char* name, const char* summary,
                               const millrace_parameter (&parameters)[N]) {
  return {
      sizeof(millrace_probe),
      N,
      name,
      summary,
      parameters,
      [](const millrace_host* host) { return guarded(host, [](Host& h) { return T::describe(h); }); },
      [](const millrace_host* host, void** self) {
        return guarded(host, [self](Host& h) {
          auto instance = std::make_unique<T>();
          const Outcome outcome = instance->open(h);
          if (outcome == Outcome::kOk) *self = static_cast<Probe*>(instance.release());
          return outcome;
        });
      },
      [](const millrace_host* host, void* self) {
        return guarded(host, [self](Host& h) { return static_cast<Probe*>(self)->run(h); });
      },
      [](const millrace_host* host, void* self) {
        return guarded(host, [self](Host& h) {
          const std::unique_ptr<Probe> instance(static_cast<Probe*>(self));
          return instance->close(h);
        });
      },
  };
}

template <std::size_t N>
constexpr millrace_probe_module module(const char* name, const char* version,
                                       const millrace_probe* const (&probes)[N],
                                       std::int32_t (*detect)(const millrace_host*) = nullptr) {
  return {sizeof(millrace_probe_module), N, name, version, detect, probes};
}

}  // namespace millrace::sdk
