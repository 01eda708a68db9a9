// SPDX-License-Identifier: Apache-2.0
#include "topology/nvml/read_peer.hpp"

#include <optional>

namespace millrace::topology::nvml {
namespace {

std::string p2p_words(std::optional<nvmlGpuP2PStatus_t> status) {
  switch (status.value_or(NVML_P2P_STATUS_UNKNOWN)) {
    case NVML_P2P_STATUS_OK:
      return "ok";
    case NVML_P2P_STATUS_CHIPSET_NOT_SUPPORTED:
      return "chipset not supported";
    case NVML_P2P_STATUS_GPU_NOT_SUPPORTED:
      return "GPU not supported";
    case NVML_P2P_STATUS_IOH_TOPOLOGY_NOT_SUPPORTED:
      return "not across these host bridges";
    case NVML_P2P_STATUS_DISABLED_BY_REGKEY:
      return "disabled by a setting of the driver";
    case NVML_P2P_STATUS_NOT_SUPPORTED:
      return "not supported";
    default:
      return "unknown";
  }
}

std::string level_words(std::optional<nvmlGpuTopologyLevel_t> level) {
  if (!level) return {};
  switch (*level) {
    case NVML_TOPOLOGY_INTERNAL:
      return "board";
    case NVML_TOPOLOGY_SINGLE:
      return "PCIe switch";
    case NVML_TOPOLOGY_MULTIPLE:
      return "PCIe switches";
    case NVML_TOPOLOGY_HOSTBRIDGE:
      return "host bridge";
    case NVML_TOPOLOGY_NODE:
      return "NUMA node";
    default:
      return "system";
  }
}

}  // namespace

GpuPeer read_peer(const Library& nvml, nvmlDevice_t from, nvmlDevice_t to, const std::string& pci) {
  const Calls& calls = nvml.calls();
  const auto status = [&](nvmlGpuP2PCapsIndex_t index) {
    return nvml.value<nvmlGpuP2PStatus_t>(calls.p2p_status, from, to, index);
  };
  return {pci, p2p_words(status(NVML_P2P_CAPS_INDEX_READ)), p2p_words(status(NVML_P2P_CAPS_INDEX_WRITE)),
          status(NVML_P2P_CAPS_INDEX_NVLINK) == NVML_P2P_STATUS_OK,
          level_words(nvml.value<nvmlGpuTopologyLevel_t>(calls.common_ancestor, from, to))};
}

}  // namespace millrace::topology::nvml
