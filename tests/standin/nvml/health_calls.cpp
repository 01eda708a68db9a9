// SPDX-License-Identifier: Apache-2.0
// Memory errors, remapped rows, persistence mode.
#include "nvml/library.hpp"

using millrace::standin::nvml::Call;
using millrace::standin::nvml::key;

namespace {

nlohmann::json part(const Call& call, const char* name) {
  return key(call.json(), name, nlohmann::json::object());
}

nvmlEnableState_t state(bool on) { return on ? NVML_FEATURE_ENABLED : NVML_FEATURE_DISABLED; }

}  // namespace

nvmlReturn_t nvmlDeviceGetPersistenceMode(nvmlDevice_t device, nvmlEnableState_t* mode) {
  const Call call("nvmlDeviceGetPersistenceMode", device, mode != nullptr);
  if (call.fails()) return call.result();
  *mode = state(key(call.json(), "persistence", true) == true);
  return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetEccMode(nvmlDevice_t device, nvmlEnableState_t* current,
                                  nvmlEnableState_t* pending) {
  const Call call("nvmlDeviceGetEccMode", device, current != nullptr && pending != nullptr);
  if (call.fails()) return call.result();
  *current = *pending = state(key(part(call, "ecc"), "enabled", true) == true);
  return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetTotalEccErrors(nvmlDevice_t device, nvmlMemoryErrorType_t type,
                                         nvmlEccCounterType_t counter, unsigned long long* count) {
  const bool known = type < NVML_MEMORY_ERROR_TYPE_COUNT && counter < NVML_ECC_COUNTER_TYPE_COUNT;
  const Call call("nvmlDeviceGetTotalEccErrors", device, count != nullptr && known);
  if (call.fails()) return call.result();
  const auto ecc = part(call, "ecc");
  if (key(ecc, "enabled", true) == false) return NVML_ERROR_NOT_SUPPORTED;
  *count = key(ecc, type == NVML_MEMORY_ERROR_TYPE_CORRECTED ? "corrected" : "uncorrected", 0)
               .get<unsigned long long>();
  return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetRemappedRows(nvmlDevice_t device, unsigned int* corrected,
                                       unsigned int* uncorrected, unsigned int* pending,
                                       unsigned int* failed) {
  const bool all = corrected != nullptr && uncorrected != nullptr && pending != nullptr && failed != nullptr;
  const Call call("nvmlDeviceGetRemappedRows", device, all);
  if (call.fails()) return call.result();
  const auto rows = part(call, "remapped_rows");
  *corrected = key(rows, "corrected", 0).get<unsigned>();
  *uncorrected = key(rows, "uncorrected", 0).get<unsigned>();
  *pending = key(rows, "pending", false) == true ? 1 : 0;
  *failed = key(rows, "failure", false) == true ? 1 : 0;
  return NVML_SUCCESS;
}
