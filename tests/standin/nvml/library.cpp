// SPDX-License-Identifier: Apache-2.0
#include "nvml/library.hpp"

#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>

namespace millrace::standin::nvml {
namespace {

std::atomic<int> starts{0};
std::array<char, kMostGpus> handles;  // their addresses are the handles

const std::map<std::string, nvmlReturn_t>& results() {
  static const std::map<std::string, nvmlReturn_t> all{
      {"NVML_ERROR_NOT_SUPPORTED", NVML_ERROR_NOT_SUPPORTED},
      {"NVML_ERROR_NO_PERMISSION", NVML_ERROR_NO_PERMISSION},
      {"NVML_ERROR_DRIVER_NOT_LOADED", NVML_ERROR_DRIVER_NOT_LOADED},
      {"NVML_ERROR_GPU_IS_LOST", NVML_ERROR_GPU_IS_LOST},
      {"NVML_ERROR_RESET_REQUIRED", NVML_ERROR_RESET_REQUIRED},
      {"NVML_ERROR_LIB_RM_VERSION_MISMATCH", NVML_ERROR_LIB_RM_VERSION_MISMATCH},
      {"NVML_ERROR_FUNCTION_NOT_FOUND", NVML_ERROR_FUNCTION_NOT_FOUND},
      {"NVML_ERROR_UNKNOWN", NVML_ERROR_UNKNOWN},
  };
  return all;
}

nvmlReturn_t play(const std::optional<FaultDescription>& fault) {
  if (!fault) return NVML_SUCCESS;
  if (fault->what == FaultKind::kHang)
    for (;;) pause();
  if (fault->what == FaultKind::kLost) return NVML_ERROR_GPU_IS_LOST;
  if (fault->what == FaultKind::kSlow) {
    sleep_until(now_ns() + static_cast<std::int64_t>(fault->factor * 1e6));  // factor: milliseconds
    return NVML_SUCCESS;
  }
  const auto named = results().find(fault->error);
  return named == results().end() ? NVML_ERROR_UNKNOWN : named->second;
}

}  // namespace

void started() { ++starts; }

bool stopped() {
  if (starts == 0) return false;
  --starts;
  return true;
}

nlohmann::json key(const nlohmann::json& object, const char* name, nlohmann::json otherwise) {
  const auto found = object.find(name);
  return found == object.end() ? std::move(otherwise) : *found;
}

nvmlDevice_t handle_of(int gpu) {
  return reinterpret_cast<nvmlDevice_t>(&handles.at(static_cast<std::size_t>(gpu)));
}

int gpu_of(nvmlDevice_t device) {
  const auto gpus = Machine::instance().description().gpus.size();
  for (std::size_t gpu = 0; gpu < gpus; ++gpu)
    if (handle_of(static_cast<int>(gpu)) == device) return static_cast<int>(gpu);
  return -1;
}

Call::Call(const char* name, nvmlDevice_t device, bool arguments_ok) : gpu_(-1) {
  result_ = NVML_ERROR_UNINITIALIZED;
  if (starts == 0) return;
  gpu_ = gpu_of(device);
  result_ = NVML_ERROR_INVALID_ARGUMENT;
  if (gpu_ < 0 || !arguments_ok) return;
  result_ = play(Machine::instance().fault("nvml", name, gpu_));
  if (result_ == NVML_SUCCESS && Machine::instance().is_lost(gpu_)) result_ = NVML_ERROR_GPU_IS_LOST;
}

const GpuDescription& Call::description() const {
  return Machine::instance().description().gpus.at(static_cast<std::size_t>(gpu_));
}

const nlohmann::json& Call::json() const {
  return Machine::instance().description().document.at("gpus").at(static_cast<std::size_t>(gpu_));
}

nvmlReturn_t of_machine(const char* name, bool arguments_ok) {
  if (starts == 0) return NVML_ERROR_UNINITIALIZED;
  if (!arguments_ok) return NVML_ERROR_INVALID_ARGUMENT;
  return play(Machine::instance().fault("nvml", name, -1));
}

nvmlReturn_t put_text(const std::string& text, char* into, unsigned length) {
  if (text.size() + 1 > length) return NVML_ERROR_INSUFFICIENT_SIZE;
  std::memcpy(into, text.c_str(), text.size() + 1);
  return NVML_SUCCESS;
}

void put_pci(const std::string& address, nvmlPciInfo_t& into) {
  into = {};
  unsigned function = 0;
  std::sscanf(address.c_str(), "%x:%x:%x.%x", &into.domain, &into.bus, &into.device, &function);
  std::snprintf(into.busId, sizeof into.busId, NVML_DEVICE_PCI_BUS_ID_FMT, into.domain, into.bus,
                into.device);
  std::snprintf(into.busIdLegacy, sizeof into.busIdLegacy, NVML_DEVICE_PCI_BUS_ID_LEGACY_FMT,
                into.domain & 0xFFFFU, into.bus, into.device);
  into.pciDeviceId = 0x233010DE;
}

}  // namespace millrace::standin::nvml

using millrace::standin::Machine;
namespace standin = millrace::standin::nvml;

nvmlReturn_t nvmlInit_v2(void) {
  const auto& machine = Machine::instance();
  (void)machine;
  standin::started();
  const nvmlReturn_t result = standin::of_machine("nvmlInit_v2", true);
  if (result != NVML_SUCCESS) standin::stopped();
  return result;
}

nvmlReturn_t nvmlShutdown(void) { return standin::stopped() ? NVML_SUCCESS : NVML_ERROR_UNINITIALIZED; }

const char* nvmlErrorString(nvmlReturn_t result) {
  switch (result) {
    case NVML_SUCCESS:
      return "The operation was successful";
    case NVML_ERROR_UNINITIALIZED:
      return "Uninitialized";
    case NVML_ERROR_INVALID_ARGUMENT:
      return "Invalid Argument";
    case NVML_ERROR_NOT_SUPPORTED:
      return "Not Supported";
    case NVML_ERROR_NO_PERMISSION:
      return "Insufficient Permissions";
    case NVML_ERROR_DRIVER_NOT_LOADED:
      return "Driver Not Loaded";
    case NVML_ERROR_LIB_RM_VERSION_MISMATCH:
      return "Driver/library version mismatch";
    case NVML_ERROR_GPU_IS_LOST:
      return "GPU is lost";
    case NVML_ERROR_RESET_REQUIRED:
      return "GPU requires reset";
    default:
      return "Unknown Error";
  }
}

nvmlReturn_t nvmlSystemGetDriverVersion(char* version, unsigned int length) {
  const nvmlReturn_t result = standin::of_machine("nvmlSystemGetDriverVersion", version != nullptr);
  if (result != NVML_SUCCESS) return result;
  return standin::put_text(Machine::instance().description().driver_name, version, length);
}

nvmlReturn_t nvmlDeviceGetCount_v2(unsigned int* count) {
  const nvmlReturn_t result = standin::of_machine("nvmlDeviceGetCount_v2", count != nullptr);
  if (result == NVML_SUCCESS) *count = static_cast<unsigned>(Machine::instance().description().gpus.size());
  return result;
}

nvmlReturn_t nvmlDeviceGetHandleByIndex_v2(unsigned int index, nvmlDevice_t* device) {
  const auto gpus = Machine::instance().description().gpus.size();
  if (device == nullptr || index >= gpus) return NVML_ERROR_INVALID_ARGUMENT;
  *device = standin::handle_of(static_cast<int>(index));
  // A lost GPU still has a handle, as long as nothing is asked of it.
  const standin::Call call("nvmlDeviceGetHandleByIndex_v2", *device, true);
  return call.result() == NVML_ERROR_GPU_IS_LOST ? NVML_SUCCESS : call.result();
}

nvmlReturn_t nvmlDeviceGetHandleByPciBusId_v2(const char* address, nvmlDevice_t* device) {
  if (address == nullptr || device == nullptr) return NVML_ERROR_INVALID_ARGUMENT;
  nvmlPciInfo_t wanted;
  standin::put_pci(address, wanted);
  for (const auto& gpu : Machine::instance().description().gpus) {
    nvmlPciInfo_t has;
    standin::put_pci(gpu.pci, has);
    if (std::strcmp(has.busId, wanted.busId) != 0) continue;
    *device = standin::handle_of(gpu.index);
    return standin::Call("nvmlDeviceGetHandleByPciBusId_v2", *device, true).result();
  }
  return NVML_ERROR_NOT_FOUND;
}
