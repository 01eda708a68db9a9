// SPDX-License-Identifier: Apache-2.0
// Probes that misbehave in the phase that is asked: one by the C++ wrapper, one by the bare C ABI.
#include "misbehave.hpp"

namespace faulty {
namespace {

using millrace::sdk::Host;
using millrace::sdk::Outcome;

Outcome at(const char* phase, const Host& host) {
  return host.text("phase") == phase ? misbehave(host.text("deed"), host) : Outcome::kOk;
}

Outcome describe_one(const Host& host) {
  if (const Outcome outcome = at("describe", host); outcome != Outcome::kOk) return outcome;
  return host.add_worker({.role = "culprit", .from = "memory:0", .to = "memory:0"});
}

class Phases : public millrace::sdk::Probe {
 public:
  static Outcome describe(const Host& host) { return describe_one(host); }
  Outcome open(Host& host) override { return at("open", host); }
  Outcome run(Host& host) override {
    const Outcome outcome = at("run", host);
    return outcome == Outcome::kOk ? count_turns(host) : outcome;
  }
  Outcome close(Host& host) override {
    return host.text("deed") == "fail-and-hang" ? misbehave("hang", host) : at("close", host);
  }
};

constexpr millrace_parameter kPhasesParameters[] = {
    millrace::sdk::choice("phase", "never|describe|open|run|close", "never", "when it misbehaves"),
    millrace::sdk::choice("deed", kDeeds, "crash", "what it does then"),
};

}  // namespace

constexpr millrace_probe kPhases =
    millrace::sdk::probe<Phases>("faulty.phase", "misbehaves in one phase", kPhasesParameters);

// Nothing stands between this one and the core: what it throws crosses the ABI.
constexpr millrace_probe kRaw{
    sizeof(millrace_probe),
    2,
    "faulty.raw",
    "misbehaves in one phase, without the C++ wrapper",
    kPhasesParameters,
    [](const millrace_host* host) { return static_cast<std::int32_t>(describe_one(Host(host))); },
    [](const millrace_host* host, void**) { return static_cast<std::int32_t>(at("open", Host(host))); },
    [](const millrace_host* host, void*) {
      const Outcome outcome = at("run", Host(host));
      return static_cast<std::int32_t>(outcome == Outcome::kOk ? count_turns(Host(host)) : outcome);
    },
    [](const millrace_host* host, void*) { return static_cast<std::int32_t>(at("close", Host(host))); },
};

}  // namespace faulty
