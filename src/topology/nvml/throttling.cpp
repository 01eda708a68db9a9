// SPDX-License-Identifier: Apache-2.0
#include "topology/nvml/throttling.hpp"

#include <algorithm>
#include <array>

namespace millrace::topology::nvml {
namespace {

enum class Kind { kThrottling, kSetting, kIdle };

struct Reason {
  std::string_view word;
  Kind kind;
  const char* meaning;
};

constexpr std::array<Reason, 9> kReasons{{
    {"idle", Kind::kIdle, "nothing runs on it"},
    {"application_clocks", Kind::kSetting, "application clocks are set"},
    {"sw_power_cap", Kind::kThrottling, "it is at its power limit"},
    {"hw_slowdown", Kind::kThrottling, "a hardware slowdown, by heat or power"},
    {"sync_boost", Kind::kSetting, "it is in a sync boost group"},
    {"sw_thermal", Kind::kThrottling, "it is too hot (the driver slows it down)"},
    {"hw_thermal", Kind::kThrottling, "it is far too hot (the hardware slows it down)"},
    {"power_brake", Kind::kThrottling, "the machine's power supply tells it to brake"},
    {"display_clock", Kind::kSetting, "display clocks are set"},
}};

const Reason* find(std::string_view word) {
  const auto at = std::find_if(kReasons.begin(), kReasons.end(),
                               [&](const Reason& reason) { return reason.word == word; });
  return at == kReasons.end() ? nullptr : &*at;
}

}  // namespace

bool is_throttling(std::string_view word) {
  const Reason* reason = find(word);
  return reason != nullptr && reason->kind == Kind::kThrottling;
}

bool is_setting(std::string_view word) {
  const Reason* reason = find(word);
  return reason != nullptr && reason->kind == Kind::kSetting;
}

std::string words_for_people(std::string_view word) {
  const Reason* reason = find(word);
  return reason == nullptr ? std::string(word) : reason->meaning;
}

}  // namespace millrace::topology::nvml
