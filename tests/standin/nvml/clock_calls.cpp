// SPDX-License-Identifier: Apache-2.0
// Clocks, what holds them down, power, energy and heat.
#include "nvml/library.hpp"

using millrace::standin::nvml::Call;
using millrace::standin::nvml::key;
namespace standin = millrace::standin::nvml;

namespace {

constexpr double kMostWatts = 700;
constexpr int kSlowdownCelsius = 87;

std::optional<unsigned> most(const Call& call, nvmlClockType_t type) {
  const auto clocks = key(call.json(), "clocks_mhz", nlohmann::json::object());
  const char* name = type == NVML_CLOCK_MEM ? "memory" : "sm";
  if (!clocks.contains(name)) return std::nullopt;
  return clocks.at(name).get<unsigned>();
}

nvmlReturn_t put(std::optional<unsigned> value, unsigned* into) {
  if (!value) return NVML_ERROR_NOT_SUPPORTED;
  *into = *value;
  return NVML_SUCCESS;
}

nvmlReturn_t reasons(const char* name, nvmlDevice_t device, unsigned long long* into) {
  const Call call(name, device, into != nullptr);
  if (call.fails()) return call.result();
  *into = standin::throttle_of(call.gpu()).reasons;
  return NVML_SUCCESS;
}

double watts(const Call& call) { return key(call.json(), "power_w", 100).get<double>(); }

}  // namespace

nvmlReturn_t nvmlDeviceGetClockInfo(nvmlDevice_t device, nvmlClockType_t type, unsigned int* clock) {
  const Call call("nvmlDeviceGetClockInfo", device, clock != nullptr && type < NVML_CLOCK_COUNT);
  if (call.fails()) return call.result();
  const auto held = standin::throttle_of(call.gpu()).sm_clock_mhz;
  return put(type != NVML_CLOCK_MEM && held ? held : most(call, type), clock);
}

nvmlReturn_t nvmlDeviceGetMaxClockInfo(nvmlDevice_t device, nvmlClockType_t type, unsigned int* clock) {
  const Call call("nvmlDeviceGetMaxClockInfo", device, clock != nullptr && type < NVML_CLOCK_COUNT);
  return call.fails() ? call.result() : put(most(call, type), clock);
}

nvmlReturn_t nvmlDeviceGetCurrentClocksEventReasons(nvmlDevice_t device, unsigned long long* into) {
  return reasons("nvmlDeviceGetCurrentClocksEventReasons", device, into);
}
nvmlReturn_t nvmlDeviceGetCurrentClocksThrottleReasons(nvmlDevice_t device, unsigned long long* into) {
  return reasons("nvmlDeviceGetCurrentClocksThrottleReasons", device, into);
}

nvmlReturn_t nvmlDeviceGetPowerUsage(nvmlDevice_t device, unsigned int* milliwatts) {
  const Call call("nvmlDeviceGetPowerUsage", device, milliwatts != nullptr);
  if (call.fails()) return call.result();
  *milliwatts = static_cast<unsigned>(watts(call) * 1e3);
  return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetEnforcedPowerLimit(nvmlDevice_t device, unsigned int* milliwatts) {
  const Call call("nvmlDeviceGetEnforcedPowerLimit", device, milliwatts != nullptr);
  if (call.fails()) return call.result();
  *milliwatts = static_cast<unsigned>(key(call.json(), "power_limit_w", kMostWatts).get<double>() * 1e3);
  return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetTotalEnergyConsumption(nvmlDevice_t device, unsigned long long* millijoules) {
  const Call call("nvmlDeviceGetTotalEnergyConsumption", device, millijoules != nullptr);
  if (call.fails()) return call.result();
  if (key(call.json(), "counts_energy", true) == false) return NVML_ERROR_NOT_SUPPORTED;
  const double seconds = static_cast<double>(millrace::standin::now_ns()) * 1e-9;
  *millijoules = static_cast<unsigned long long>(watts(call) * seconds * 1e3);
  return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetTemperatureV(nvmlDevice_t device, nvmlTemperature_t* temperature) {
  const Call call("nvmlDeviceGetTemperatureV", device, temperature != nullptr);
  if (call.fails()) return call.result();
  if (temperature->version != nvmlTemperature_v1) return NVML_ERROR_ARGUMENT_VERSION_MISMATCH;
  if (temperature->sensorType != NVML_TEMPERATURE_GPU) return NVML_ERROR_INVALID_ARGUMENT;
  temperature->temperature = key(call.json(), "temperature_c", 40).get<int>();
  return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetMarginTemperature(nvmlDevice_t device, nvmlMarginTemperature_t* margin) {
  const Call call("nvmlDeviceGetMarginTemperature", device, margin != nullptr);
  if (call.fails()) return call.result();
  if (margin->version != nvmlMarginTemperature_v1) return NVML_ERROR_ARGUMENT_VERSION_MISMATCH;
  margin->marginTemperature = key(call.json(), "slowdown_temperature_c", kSlowdownCelsius).get<int>() -
                              key(call.json(), "temperature_c", 40).get<int>();
  return NVML_SUCCESS;
}
