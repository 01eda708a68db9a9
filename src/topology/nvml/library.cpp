// SPDX-License-Identifier: Apache-2.0
#include "topology/nvml/library.hpp"

#include <dlfcn.h>
#include <fmt/format.h>

#include <array>
#include <string_view>
#include <utility>

namespace millrace::topology::nvml {
namespace {

constexpr const char* kLibrary = "libnvidia-ml.so.1";

template <typename Function>
void look_up(void* library, const char* name, Function*& into) {
  into = reinterpret_cast<Function*>(dlsym(library, name));
}

Calls look_up_all(void* library) {
  Calls calls;
  look_up(library, "nvmlInit_v2", calls.init);
  look_up(library, "nvmlShutdown", calls.shutdown);
  look_up(library, "nvmlErrorString", calls.error_string);
  look_up(library, "nvmlSystemGetDriverVersion", calls.driver_version);
  look_up(library, "nvmlDeviceGetCount_v2", calls.count);
  look_up(library, "nvmlDeviceGetHandleByIndex_v2", calls.by_index);
  look_up(library, "nvmlDeviceGetHandleByPciBusId_v2", calls.by_pci);
  look_up(library, "nvmlDeviceGetName", calls.name);
  look_up(library, "nvmlDeviceGetUUID", calls.uuid);
  look_up(library, "nvmlDeviceGetPciInfo_v3", calls.pci_info);
  look_up(library, "nvmlDeviceGetMemoryInfo", calls.memory_info);
  look_up(library, "nvmlDeviceGetCurrPcieLinkGeneration", calls.pcie_generation);
  look_up(library, "nvmlDeviceGetCurrPcieLinkWidth", calls.pcie_width);
  look_up(library, "nvmlDeviceGetMaxPcieLinkGeneration", calls.pcie_generation_possible);
  look_up(library, "nvmlDeviceGetMaxPcieLinkWidth", calls.pcie_width_possible);
  look_up(library, "nvmlDeviceGetClockInfo", calls.clock);
  look_up(library, "nvmlDeviceGetMaxClockInfo", calls.clock_most);
  look_up(library, "nvmlDeviceGetCurrentClocksEventReasons", calls.clocks_event_reasons);
  look_up(library, "nvmlDeviceGetCurrentClocksThrottleReasons", calls.clocks_throttle_reasons);
  look_up(library, "nvmlDeviceGetPowerUsage", calls.power);
  look_up(library, "nvmlDeviceGetEnforcedPowerLimit", calls.power_limit);
  look_up(library, "nvmlDeviceGetTotalEnergyConsumption", calls.energy);
  look_up(library, "nvmlDeviceGetTemperatureV", calls.temperature_v);
  look_up(library, "nvmlDeviceGetTemperature", calls.temperature);
  look_up(library, "nvmlDeviceGetTemperatureThreshold", calls.temperature_threshold);
  look_up(library, "nvmlDeviceGetMarginTemperature", calls.temperature_margin);
  look_up(library, "nvmlDeviceGetPersistenceMode", calls.persistence);
  look_up(library, "nvmlDeviceGetEccMode", calls.ecc_mode);
  look_up(library, "nvmlDeviceGetTotalEccErrors", calls.ecc_errors);
  look_up(library, "nvmlDeviceGetRemappedRows", calls.remapped_rows);
  look_up(library, "nvmlDeviceGetFieldValues", calls.field_values);
  look_up(library, "nvmlDeviceGetNvLinkState", calls.nvlink_state);
  look_up(library, "nvmlDeviceGetNvLinkRemoteDeviceType", calls.nvlink_remote_type);
  look_up(library, "nvmlDeviceGetNvLinkRemotePciInfo_v2", calls.nvlink_remote_pci);
  look_up(library, "nvmlDeviceGetNvLinkErrorCounter", calls.nvlink_errors);
  look_up(library, "nvmlDeviceGetP2PStatus", calls.p2p_status);
  look_up(library, "nvmlDeviceGetTopologyCommonAncestor", calls.common_ancestor);
  return calls;
}

constexpr std::array<std::pair<nvmlReturn_t, std::string_view>, 14> kNames{{
    {NVML_ERROR_UNINITIALIZED, "NVML_ERROR_UNINITIALIZED"},
    {NVML_ERROR_INVALID_ARGUMENT, "NVML_ERROR_INVALID_ARGUMENT"},
    {NVML_ERROR_NOT_SUPPORTED, "NVML_ERROR_NOT_SUPPORTED"},
    {NVML_ERROR_NO_PERMISSION, "NVML_ERROR_NO_PERMISSION"},
    {NVML_ERROR_NOT_FOUND, "NVML_ERROR_NOT_FOUND"},
    {NVML_ERROR_INSUFFICIENT_POWER, "NVML_ERROR_INSUFFICIENT_POWER"},
    {NVML_ERROR_DRIVER_NOT_LOADED, "NVML_ERROR_DRIVER_NOT_LOADED"},
    {NVML_ERROR_TIMEOUT, "NVML_ERROR_TIMEOUT"},
    {NVML_ERROR_IRQ_ISSUE, "NVML_ERROR_IRQ_ISSUE"},
    {NVML_ERROR_GPU_IS_LOST, "NVML_ERROR_GPU_IS_LOST"},
    {NVML_ERROR_RESET_REQUIRED, "NVML_ERROR_RESET_REQUIRED"},
    {NVML_ERROR_OPERATING_SYSTEM, "NVML_ERROR_OPERATING_SYSTEM"},
    {NVML_ERROR_LIB_RM_VERSION_MISMATCH, "NVML_ERROR_LIB_RM_VERSION_MISMATCH"},
    {NVML_ERROR_UNKNOWN, "NVML_ERROR_UNKNOWN"},
}};

std::optional<double> as_number(const nvmlFieldValue_t& field) {
  switch (field.valueType) {
    case NVML_VALUE_TYPE_DOUBLE:
      return field.value.dVal;
    case NVML_VALUE_TYPE_UNSIGNED_INT:
      return field.value.uiVal;
    case NVML_VALUE_TYPE_UNSIGNED_LONG:
      return static_cast<double>(field.value.ulVal);
    case NVML_VALUE_TYPE_UNSIGNED_LONG_LONG:
      return static_cast<double>(field.value.ullVal);
    case NVML_VALUE_TYPE_SIGNED_LONG_LONG:
      return static_cast<double>(field.value.sllVal);
    case NVML_VALUE_TYPE_SIGNED_INT:
      return field.value.siVal;
    case NVML_VALUE_TYPE_UNSIGNED_SHORT:
      return field.value.usVal;
    default:
      return std::nullopt;
  }
}

}  // namespace

Result<Library> Library::open() {
  void* library = dlopen(kLibrary, RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    const char* why = dlerror();
    return failure(why == nullptr ? fmt::format("{} cannot be opened", kLibrary) : why,
                   "it comes with NVIDIA's driver");
  }
  Library nvml(look_up_all(library));
  const Calls& calls = nvml.calls_;
  if (calls.init == nullptr || calls.count == nullptr || calls.by_index == nullptr ||
      calls.pci_info == nullptr)
    return failure(fmt::format("{} lacks the calls of NVML 5 and newer", kLibrary), "update NVIDIA's driver");
  if (const nvmlReturn_t code = calls.init(); code != NVML_SUCCESS) return failure(nvml.words(code));
  nvml.started_ = true;
  return nvml;
}

Library::~Library() {
  if (started_ && calls_.shutdown != nullptr) calls_.shutdown();
}

std::string Library::words(nvmlReturn_t code) const {
  std::string_view name = "an error of NVML";
  for (const auto& [known, text] : kNames)
    if (known == code) name = text;
  const char* said = calls_.error_string == nullptr ? nullptr : calls_.error_string(code);
  return fmt::format("{} ({}){}{}", name, static_cast<int>(code), said == nullptr ? "" : ": ",
                     said == nullptr ? "" : said);
}

std::optional<double> Library::field(nvmlDevice_t device, unsigned id, unsigned scope) const {
  if (calls_.field_values == nullptr) return std::nullopt;
  nvmlFieldValue_t field{};
  field.fieldId = id;
  field.scopeId = scope;
  if (calls_.field_values(device, 1, &field) != NVML_SUCCESS || field.nvmlReturn != NVML_SUCCESS)
    return std::nullopt;
  return as_number(field);
}

std::string pci_address(const nvmlPciInfo_t& pci) {
  return fmt::format("{:04x}:{:02x}:{:02x}.0", pci.domain, pci.bus, pci.device);
}

}  // namespace millrace::topology::nvml
