// SPDX-License-Identifier: Apache-2.0
// NVLinks.
#include <algorithm>
#include <cstdlib>

#include "nvml/library.hpp"

using millrace::standin::Machine;
using millrace::standin::NvLink;
using millrace::standin::nvml::Call;
using millrace::standin::nvml::key;
namespace standin = millrace::standin::nvml;

namespace {

const NvLink* find(const Call& call, unsigned number) {
  const auto& links = call.description().nvlinks;
  const auto at = std::find_if(links.begin(), links.end(),
                               [&](const NvLink& link) { return link.link == static_cast<int>(number); });
  return at == links.end() ? nullptr : &*at;
}

int number_after_colon(const std::string& to) { return std::atoi(to.c_str() + to.find(':') + 1); }

// Where a switch of the played machine would be on the PCI bus.
std::string switch_address(int number) {
  char address[] = "0000:c0:00.0";
  std::snprintf(address, sizeof address, "0000:%02x:00.0", 0xC0U + static_cast<unsigned>(number));
  return address;
}

void put(unsigned value, nvmlFieldValue_t& field) {
  field.valueType = NVML_VALUE_TYPE_UNSIGNED_INT;
  field.value.uiVal = value;
  field.nvmlReturn = NVML_SUCCESS;
}

void answer(const Call& call, nvmlFieldValue_t& field) {
  field.nvmlReturn = NVML_ERROR_NOT_SUPPORTED;
  field.timestamp = millrace::standin::now_ns() / 1000;
  if (field.fieldId == NVML_FI_DEV_NVLINK_LINK_COUNT)
    put(static_cast<unsigned>(call.description().nvlinks.size()), field);
  const NvLink* link = field.fieldId == NVML_FI_DEV_NVLINK_GET_SPEED ? find(call, field.scopeId) : nullptr;
  if (link != nullptr && link->active) put(static_cast<unsigned>(link->bytes_per_s / 1e6), field);
}

}  // namespace

nvmlReturn_t nvmlDeviceGetNvLinkState(nvmlDevice_t device, unsigned int link, nvmlEnableState_t* state) {
  const Call call("nvmlDeviceGetNvLinkState", device, state != nullptr && link < NVML_NVLINK_MAX_LINKS);
  if (call.fails()) return call.result();
  const NvLink* found = find(call, link);
  if (found == nullptr) return NVML_ERROR_NOT_SUPPORTED;
  *state = found->active ? NVML_FEATURE_ENABLED : NVML_FEATURE_DISABLED;
  return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetNvLinkRemoteDeviceType(nvmlDevice_t device, unsigned int link,
                                                 nvmlIntNvLinkDeviceType_t* type) {
  const Call call("nvmlDeviceGetNvLinkRemoteDeviceType", device, type != nullptr);
  if (call.fails()) return call.result();
  const NvLink* found = find(call, link);
  if (found == nullptr || !found->active) return NVML_ERROR_NOT_SUPPORTED;
  *type = found->to.starts_with("gpu") ? NVML_NVLINK_DEVICE_TYPE_GPU : NVML_NVLINK_DEVICE_TYPE_SWITCH;
  return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetNvLinkRemotePciInfo_v2(nvmlDevice_t device, unsigned int link, nvmlPciInfo_t* pci) {
  const Call call("nvmlDeviceGetNvLinkRemotePciInfo_v2", device, pci != nullptr);
  if (call.fails()) return call.result();
  const NvLink* found = find(call, link);
  if (found == nullptr || !found->active) return NVML_ERROR_NOT_SUPPORTED;
  const int number = number_after_colon(found->to);
  standin::put_pci(found->to.starts_with("gpu")
                       ? Machine::instance().description().gpus.at(static_cast<std::size_t>(number)).pci
                       : switch_address(number),
                   *pci);
  return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetNvLinkErrorCounter(nvmlDevice_t device, unsigned int link,
                                             nvmlNvLinkErrorCounter_t counter, unsigned long long* count) {
  const Call call("nvmlDeviceGetNvLinkErrorCounter", device,
                  count != nullptr && counter < NVML_NVLINK_ERROR_COUNT);
  if (call.fails()) return call.result();
  *count = 0;
  for (const auto& told : key(call.json(), "nvlinks", nlohmann::json::array()))
    if (told.at("link") == link && counter == NVML_NVLINK_ERROR_DL_REPLAY)
      *count = key(told, "errors", 0).get<unsigned long long>();
  return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetFieldValues(nvmlDevice_t device, int count, nvmlFieldValue_t* values) {
  const Call call("nvmlDeviceGetFieldValues", device, values != nullptr && count > 0);
  if (call.fails()) return call.result();
  for (int i = 0; i < count; ++i) answer(call, values[i]);
  return NVML_SUCCESS;
}
