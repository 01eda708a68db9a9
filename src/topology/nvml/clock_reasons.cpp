// SPDX-License-Identifier: Apache-2.0
#include "topology/nvml/clock_reasons.hpp"

#include <array>
#include <utility>

namespace millrace::topology::nvml {
namespace {

constexpr std::array<std::pair<unsigned long long, const char*>, 9> kWords{{
    {nvmlClocksEventReasonGpuIdle, "idle"},
    {nvmlClocksEventReasonApplicationsClocksSetting, "application_clocks"},
    {nvmlClocksEventReasonSwPowerCap, "sw_power_cap"},
    {nvmlClocksThrottleReasonHwSlowdown, "hw_slowdown"},
    {nvmlClocksEventReasonSyncBoost, "sync_boost"},
    {nvmlClocksEventReasonSwThermalSlowdown, "sw_thermal"},
    {nvmlClocksThrottleReasonHwThermalSlowdown, "hw_thermal"},
    {nvmlClocksThrottleReasonHwPowerBrakeSlowdown, "power_brake"},
    {nvmlClocksEventReasonDisplayClockSetting, "display_clock"},
}};

}  // namespace

std::optional<std::uint64_t> clock_reasons(const Library& nvml, nvmlDevice_t device) {
  const Calls& calls = nvml.calls();
  const auto now = nvml.value<unsigned long long>(calls.clocks_event_reasons, device);
  return now ? now : nvml.value<unsigned long long>(calls.clocks_throttle_reasons, device);
}

std::vector<std::string> words_of(std::uint64_t reasons) {
  std::vector<std::string> words;
  for (const auto& [bit, word] : kWords)
    if ((reasons & bit) != 0) words.emplace_back(word);
  return words;
}

std::optional<double> temperature(const Library& nvml, nvmlDevice_t device) {
  const Calls& calls = nvml.calls();
  nvmlTemperature_t reading{nvmlTemperature_v1, NVML_TEMPERATURE_GPU, 0};
  if (calls.temperature_v != nullptr && calls.temperature_v(device, &reading) == NVML_SUCCESS)
    return reading.temperature;
  const auto old = nvml.value<unsigned>(calls.temperature, device, NVML_TEMPERATURE_GPU);
  return old ? std::optional<double>(*old) : std::nullopt;
}

}  // namespace millrace::topology::nvml
