// SPDX-License-Identifier: Apache-2.0
#include <cstdio>
#include <cstdlib>
#include <map>

#include "nvml/library.hpp"

namespace millrace::standin::nvml {
namespace {

unsigned long long reason_of(const std::string& word) {
  static const std::map<std::string, unsigned long long> all{
      {"idle", nvmlClocksEventReasonGpuIdle},
      {"application_clocks", nvmlClocksEventReasonApplicationsClocksSetting},
      {"sw_power_cap", nvmlClocksEventReasonSwPowerCap},
      {"hw_slowdown", nvmlClocksThrottleReasonHwSlowdown},
      {"sync_boost", nvmlClocksEventReasonSyncBoost},
      {"sw_thermal", nvmlClocksEventReasonSwThermalSlowdown},
      {"hw_thermal", nvmlClocksThrottleReasonHwThermalSlowdown},
      {"power_brake", nvmlClocksThrottleReasonHwPowerBrakeSlowdown},
      {"display_clock", nvmlClocksEventReasonDisplayClockSetting},
  };
  const auto found = all.find(word);
  if (found == all.end()) {
    std::fprintf(stderr, "stand-in libnvidia-ml: no throttle reason is called \"%s\"\n", word.c_str());
    std::abort();
  }
  return found->second;
}

}  // namespace

Throttle throttle_of(int gpu) {
  Throttle now;
  const nlohmann::json told =
      key(Machine::instance().description().document, "throttle", nlohmann::json::array());
  const nlohmann::json list = told.is_array() ? told : nlohmann::json::array({told});
  for (const nlohmann::json& one : list) {
    if (one.at("gpu") != gpu) continue;
    for (const std::string word : one.at("reasons")) now.reasons |= reason_of(word);
    const nlohmann::json clocks = key(one, "clocks_mhz", nlohmann::json::object());
    if (clocks.contains("sm")) now.sm_clock_mhz = clocks.at("sm").get<unsigned>();
  }
  return now;
}

}  // namespace millrace::standin::nvml
