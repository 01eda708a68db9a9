// SPDX-License-Identifier: Apache-2.0
// What a GPU is: names, memory, PCIe, and how it reaches others.
#include "nvml/library.hpp"

using millrace::standin::Machine;
using millrace::standin::nvml::Call;
using millrace::standin::nvml::key;
namespace standin = millrace::standin::nvml;

namespace {

// pcie.NAME of the machine's file.
nvmlReturn_t pcie(const char* name, nvmlDevice_t device, unsigned* into, const char* of_pcie) {
  const Call call(name, device, into != nullptr);
  if (call.fails()) return call.result();
  const auto told = key(call.json(), "pcie", nlohmann::json::object());
  if (!told.contains(of_pcie)) return NVML_ERROR_NOT_SUPPORTED;
  *into = told.at(of_pcie);
  return NVML_SUCCESS;
}

nvmlGpuP2PStatus_t status_of(const nlohmann::json& gpu, const char* way) {
  const auto told = key(key(gpu, "p2p", nlohmann::json::object()), way, "ok");
  return told == "ok" ? NVML_P2P_STATUS_OK : static_cast<nvmlGpuP2PStatus_t>(told.get<int>());
}

}  // namespace

nvmlReturn_t nvmlDeviceGetName(nvmlDevice_t device, char* name, unsigned int length) {
  const Call call("nvmlDeviceGetName", device, name != nullptr);
  return call.fails() ? call.result() : standin::put_text("Millrace stand-in GPU", name, length);
}

nvmlReturn_t nvmlDeviceGetUUID(nvmlDevice_t device, char* uuid, unsigned int length) {
  const Call call("nvmlDeviceGetUUID", device, uuid != nullptr);
  return call.fails() ? call.result() : standin::put_text(call.description().uuid, uuid, length);
}

// Known even of a lost GPU.
nvmlReturn_t nvmlDeviceGetPciInfo_v3(nvmlDevice_t device, nvmlPciInfo_t* pci) {
  const Call call("nvmlDeviceGetPciInfo_v3", device, pci != nullptr);
  if (call.fails() && call.result() != NVML_ERROR_GPU_IS_LOST) return call.result();
  standin::put_pci(call.description().pci, *pci);
  return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetMemoryInfo(nvmlDevice_t device, nvmlMemory_t* memory) {
  const Call call("nvmlDeviceGetMemoryInfo", device, memory != nullptr);
  if (call.fails()) return call.result();
  memory->total = call.description().memory_bytes;
  memory->used = 0;
  for (const auto& block : Machine::instance().gpu(call.gpu()).blocks) memory->used += block.size;
  memory->free = memory->total - memory->used;
  return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetCurrPcieLinkGeneration(nvmlDevice_t device, unsigned int* generation) {
  return pcie("nvmlDeviceGetCurrPcieLinkGeneration", device, generation, "now_generation");
}
nvmlReturn_t nvmlDeviceGetCurrPcieLinkWidth(nvmlDevice_t device, unsigned int* width) {
  return pcie("nvmlDeviceGetCurrPcieLinkWidth", device, width, "now_width");
}
nvmlReturn_t nvmlDeviceGetMaxPcieLinkGeneration(nvmlDevice_t device, unsigned int* generation) {
  return pcie("nvmlDeviceGetMaxPcieLinkGeneration", device, generation, "generation");
}
nvmlReturn_t nvmlDeviceGetMaxPcieLinkWidth(nvmlDevice_t device, unsigned int* width) {
  return pcie("nvmlDeviceGetMaxPcieLinkWidth", device, width, "width");
}

nvmlReturn_t nvmlDeviceGetP2PStatus(nvmlDevice_t from, nvmlDevice_t to, nvmlGpuP2PCapsIndex_t index,
                                    nvmlGpuP2PStatus_t* status) {
  const int other = standin::gpu_of(to);
  const Call call("nvmlDeviceGetP2PStatus", from, status != nullptr && other >= 0);
  if (call.fails()) return call.result();
  if (call.gpu() == other) return NVML_ERROR_INVALID_ARGUMENT;
  switch (index) {
    case NVML_P2P_CAPS_INDEX_READ:
      *status = status_of(call.json(), "read");
      return NVML_SUCCESS;
    case NVML_P2P_CAPS_INDEX_WRITE:
      *status = status_of(call.json(), "write");
      return NVML_SUCCESS;
    case NVML_P2P_CAPS_INDEX_NVLINK:
      *status = Machine::instance().nvlink_between(call.gpu(), other) ? NVML_P2P_STATUS_OK
                                                                      : NVML_P2P_STATUS_NOT_SUPPORTED;
      return NVML_SUCCESS;
    default:
      *status = NVML_P2P_STATUS_OK;
      return NVML_SUCCESS;
  }
}

nvmlReturn_t nvmlDeviceGetTopologyCommonAncestor(nvmlDevice_t from, nvmlDevice_t to,
                                                 nvmlGpuTopologyLevel_t* level) {
  const int other = standin::gpu_of(to);
  const Call call("nvmlDeviceGetTopologyCommonAncestor", from, level != nullptr && other >= 0);
  if (call.fails()) return call.result();
  const auto& a = call.description();
  const auto& b = Machine::instance().description().gpus.at(static_cast<std::size_t>(other));
  if (!a.pcie_switch.empty() && a.pcie_switch == b.pcie_switch)
    *level = NVML_TOPOLOGY_SINGLE;
  else
    *level = a.numa == b.numa ? NVML_TOPOLOGY_NODE : NVML_TOPOLOGY_SYSTEM;
  return NVML_SUCCESS;
}
