// SPDX-License-Identifier: Apache-2.0
// NVIDIA's management library, opened by name at run time: the core links no vendor library. It is opened in
// child processes alone (ask.hpp, sampler.hpp), since a driver may hang at the first call.
//
// Calls that only newer or only older versions have are null where they are missing; each costs what it tells
// and no more. What each call gives, and since which version: nvml.h, and the NVML API Reference.
#pragma once

#define NVML_NO_UNVERSIONED_FUNC_DEFS
#include <nvml.h>

#include <optional>
#include <string>

#include "units/result.hpp"

namespace millrace::topology::nvml {

struct Calls {
  decltype(&nvmlInit_v2) init = nullptr;
  decltype(&nvmlShutdown) shutdown = nullptr;
  decltype(&nvmlErrorString) error_string = nullptr;
  decltype(&nvmlSystemGetDriverVersion) driver_version = nullptr;
  decltype(&nvmlDeviceGetCount_v2) count = nullptr;
  decltype(&nvmlDeviceGetHandleByIndex_v2) by_index = nullptr;
  decltype(&nvmlDeviceGetHandleByPciBusId_v2) by_pci = nullptr;
  decltype(&nvmlDeviceGetName) name = nullptr;
  decltype(&nvmlDeviceGetUUID) uuid = nullptr;
  decltype(&nvmlDeviceGetPciInfo_v3) pci_info = nullptr;
  decltype(&nvmlDeviceGetMemoryInfo) memory_info = nullptr;
  decltype(&nvmlDeviceGetCurrPcieLinkGeneration) pcie_generation = nullptr;
  decltype(&nvmlDeviceGetCurrPcieLinkWidth) pcie_width = nullptr;
  decltype(&nvmlDeviceGetMaxPcieLinkGeneration) pcie_generation_possible = nullptr;
  decltype(&nvmlDeviceGetMaxPcieLinkWidth) pcie_width_possible = nullptr;
  decltype(&nvmlDeviceGetClockInfo) clock = nullptr;
  decltype(&nvmlDeviceGetMaxClockInfo) clock_most = nullptr;
  decltype(&nvmlDeviceGetCurrentClocksEventReasons) clocks_event_reasons = nullptr;        // since 535
  decltype(&nvmlDeviceGetCurrentClocksThrottleReasons) clocks_throttle_reasons = nullptr;  // its older name
  decltype(&nvmlDeviceGetPowerUsage) power = nullptr;
  decltype(&nvmlDeviceGetEnforcedPowerLimit) power_limit = nullptr;
  decltype(&nvmlDeviceGetTotalEnergyConsumption) energy = nullptr;
  decltype(&nvmlDeviceGetTemperatureV) temperature_v = nullptr;  // since 570
  decltype(&nvmlDeviceGetTemperature) temperature = nullptr;
  decltype(&nvmlDeviceGetTemperatureThreshold) temperature_threshold = nullptr;
  decltype(&nvmlDeviceGetMarginTemperature) temperature_margin = nullptr;
  decltype(&nvmlDeviceGetPersistenceMode) persistence = nullptr;
  decltype(&nvmlDeviceGetEccMode) ecc_mode = nullptr;
  decltype(&nvmlDeviceGetTotalEccErrors) ecc_errors = nullptr;
  decltype(&nvmlDeviceGetRemappedRows) remapped_rows = nullptr;
  decltype(&nvmlDeviceGetFieldValues) field_values = nullptr;
  decltype(&nvmlDeviceGetNvLinkState) nvlink_state = nullptr;
  decltype(&nvmlDeviceGetNvLinkRemoteDeviceType) nvlink_remote_type = nullptr;
  decltype(&nvmlDeviceGetNvLinkRemotePciInfo_v2) nvlink_remote_pci = nullptr;
  decltype(&nvmlDeviceGetNvLinkErrorCounter) nvlink_errors = nullptr;
  decltype(&nvmlDeviceGetP2PStatus) p2p_status = nullptr;
  decltype(&nvmlDeviceGetTopologyCommonAncestor) common_ancestor = nullptr;
};

class Library {
 public:
  // Opens libnvidia-ml.so.1 and starts it. Errors: it is not there, or what NVML says
  // ("NVML_ERROR_DRIVER_NOT_LOADED (9): Driver Not Loaded").
  static Result<Library> open();
  Library(Library&& other) noexcept : calls_(other.calls_), started_(other.started_) {
    other.started_ = false;
  }
  Library& operator=(Library&&) = delete;
  Library(const Library&) = delete;
  Library& operator=(const Library&) = delete;
  ~Library();

  [[nodiscard]] const Calls& calls() const { return calls_; }
  [[nodiscard]] std::string words(nvmlReturn_t code) const;

  // What a call that fills one value gives; null where it fails or is missing: value<unsigned>(calls.power,
  // device).
  template <typename T, typename Function, typename... Before>
  [[nodiscard]] std::optional<T> value(Function* call, Before... before) const {
    T got{};
    if (call == nullptr || call(before..., &got) != NVML_SUCCESS) return std::nullopt;
    return got;
  }
  // A field value of nvmlDeviceGetFieldValues as a number, whatever its type.
  [[nodiscard]] std::optional<double> field(nvmlDevice_t device, unsigned id, unsigned scope = 0) const;

 private:
  explicit Library(const Calls& calls) : calls_(calls) {}
  Calls calls_;
  bool started_ = false;
};

// "0000:17:00.0", as the kernel names it.
std::string pci_address(const nvmlPciInfo_t& pci);

}  // namespace millrace::topology::nvml
