// SPDX-License-Identifier: Apache-2.0
// What happens before a probe can be asked anything is chosen by the environment:
// MILLRACE_TEST_FAULT=constructor:crash, detect:hang and so on.
#include <cstdlib>
#include <string>

#include "misbehave.hpp"

namespace {

std::string fault_at(const std::string& phase) {
  const char* fault = std::getenv("MILLRACE_TEST_FAULT");
  const std::string text = fault == nullptr ? "" : fault;
  return text.starts_with(phase + ":") ? text.substr(phase.size() + 1) : "";
}

// A vendor's library does its work in a constructor like this one, before anybody can stop it.
__attribute__((constructor)) void constructed() {
  millrace_host nobody{};
  nobody.fail = [](void*, const char*, const char*) {};
  if (const std::string deed = fault_at("constructor"); !deed.empty())
    faulty::misbehave(deed, millrace::sdk::Host(&nobody));
}

std::int32_t detect(const millrace_host* host) {
  return static_cast<std::int32_t>(faulty::misbehave(fault_at("detect"), millrace::sdk::Host(host)));
}

constexpr const millrace_probe* kProbes[] = {&faulty::kPhases, &faulty::kRaw, &faulty::kLiar,
                                             &faulty::kLeftover, &faulty::kRanks};
constexpr millrace_probe_module kModule = millrace::sdk::module("faulty", "1.0", kProbes, detect);

}  // namespace

extern "C" MILLRACE_EXPORT const millrace_probe_module* millrace_probe_module_v1() { return &kModule; }
