// SPDX-License-Identifier: Apache-2.0
#include "topology/nvml/read_nvlinks.hpp"

namespace millrace::topology::nvml {
namespace {

// Drivers before 530 tell it by a field for each link, of which there are two runs of numbers, or for all
// alike.
std::optional<double> rate_of(const Library& nvml, nvmlDevice_t device, unsigned link) {
  constexpr double kMega = 1e6;
  auto megabytes = nvml.field(device, NVML_FI_DEV_NVLINK_GET_SPEED, link);
  if (!megabytes && link < 6) megabytes = nvml.field(device, NVML_FI_DEV_NVLINK_SPEED_MBPS_L0 + link);
  if (!megabytes && link >= 6 && link < 12)
    megabytes = nvml.field(device, NVML_FI_DEV_NVLINK_SPEED_MBPS_L6 + link - 6);
  if (!megabytes) megabytes = nvml.field(device, NVML_FI_DEV_NVLINK_SPEED_MBPS_COMMON);
  return megabytes && *megabytes > 0 ? std::optional(*megabytes * kMega) : std::nullopt;
}

std::string remote_of(const Library& nvml, nvmlDevice_t device, unsigned link) {
  const auto type = nvml.value<nvmlIntNvLinkDeviceType_t>(nvml.calls().nvlink_remote_type, device, link);
  if (type == NVML_NVLINK_DEVICE_TYPE_GPU) return "gpu";
  if (type == NVML_NVLINK_DEVICE_TYPE_SWITCH) return "switch";
  return type == NVML_NVLINK_DEVICE_TYPE_IBMNPU ? "cpu" : "";
}

std::optional<std::uint64_t> errors_of(const Library& nvml, nvmlDevice_t device, unsigned link) {
  std::optional<std::uint64_t> all;
  for (const auto counter : {NVML_NVLINK_ERROR_DL_REPLAY, NVML_NVLINK_ERROR_DL_RECOVERY,
                             NVML_NVLINK_ERROR_DL_CRC_FLIT, NVML_NVLINK_ERROR_DL_CRC_DATA})
    if (const auto count = nvml.value<unsigned long long>(nvml.calls().nvlink_errors, device, link, counter))
      all = all.value_or(0) + *count;
  return all;
}

}  // namespace

std::vector<NvLink> read_nvlinks(const Library& nvml, nvmlDevice_t device) {
  std::vector<NvLink> links;
  const auto told = nvml.field(device, NVML_FI_DEV_NVLINK_LINK_COUNT);
  const auto most = told ? static_cast<unsigned>(*told) : static_cast<unsigned>(NVML_NVLINK_MAX_LINKS);
  for (unsigned number = 0; number < most && number < 64; ++number) {
    const auto state = nvml.value<nvmlEnableState_t>(nvml.calls().nvlink_state, device, number);
    if (!state) {
      if (told) continue;
      break;  // without a count, the first that there is not ends them
    }
    NvLink& link = links.emplace_back();
    link.link = static_cast<int>(number);
    link.active = *state == NVML_FEATURE_ENABLED;
    if (!link.active) continue;
    link.bytes_per_s = rate_of(nvml, device, number);
    link.remote = remote_of(nvml, device, number);
    if (const auto pci = nvml.value<nvmlPciInfo_t>(nvml.calls().nvlink_remote_pci, device, number);
        pci && pci->busId[0] != '\0')
      link.remote_pci = pci_address(*pci);
    link.errors = errors_of(nvml, device, number);
  }
  return links;
}

}  // namespace millrace::topology::nvml
