// SPDX-License-Identifier: Apache-2.0
#include "topology/nvml/read_facts.hpp"

#include <array>

#include "topology/nvml/clock_reasons.hpp"
#include "topology/nvml/library.hpp"
#include "topology/nvml/read_nvlinks.hpp"
#include "topology/nvml/read_peer.hpp"

namespace millrace::topology::nvml {
namespace {

template <typename To, typename From>
std::optional<To> as(std::optional<From> value) {
  return value ? std::optional(static_cast<To>(*value)) : std::nullopt;
}

std::optional<double> thousandth(std::optional<unsigned> milli) {
  return milli ? std::optional(*milli * 1e-3) : std::nullopt;
}

std::optional<bool> enabled(std::optional<nvmlEnableState_t> state) {
  return state ? std::optional(*state == NVML_FEATURE_ENABLED) : std::nullopt;
}

template <std::size_t kLength, typename Function>
std::string text(Function* call, nvmlDevice_t device) {
  std::array<char, kLength> buffer{};
  if (call == nullptr || call(device, buffer.data(), kLength) != NVML_SUCCESS) return {};
  buffer.back() = '\0';
  return buffer.data();
}

void read_memory(const Library& nvml, nvmlDevice_t device, GpuFacts& gpu) {
  if (const auto memory = nvml.value<nvmlMemory_t>(nvml.calls().memory_info, device)) {
    gpu.memory_bytes = memory->total;
    gpu.memory_used_bytes = memory->used;
  }
  const Calls& calls = nvml.calls();
  nvmlEnableState_t now{};
  nvmlEnableState_t pending{};
  if (calls.ecc_mode != nullptr && calls.ecc_mode(device, &now, &pending) == NVML_SUCCESS)
    gpu.ecc = now == NVML_FEATURE_ENABLED;
  using Count = unsigned long long;
  gpu.ecc_corrected = as<std::uint64_t>(
      nvml.value<Count>(calls.ecc_errors, device, NVML_MEMORY_ERROR_TYPE_CORRECTED, NVML_VOLATILE_ECC));
  gpu.ecc_uncorrected = as<std::uint64_t>(
      nvml.value<Count>(calls.ecc_errors, device, NVML_MEMORY_ERROR_TYPE_UNCORRECTED, NVML_VOLATILE_ECC));
  unsigned corrected = 0;
  unsigned uncorrected = 0;
  unsigned is_pending = 0;
  unsigned failed = 0;
  if (calls.remapped_rows == nullptr ||
      calls.remapped_rows(device, &corrected, &uncorrected, &is_pending, &failed) != NVML_SUCCESS)
    return;
  gpu.remapped_rows = static_cast<int>(corrected + uncorrected);
  gpu.remapping_pending = is_pending != 0;
  gpu.remapping_failed = failed != 0;
}

void read_pcie(const Library& nvml, nvmlDevice_t device, GpuFacts& gpu) {
  const Calls& calls = nvml.calls();
  gpu.pcie_generation = as<int>(nvml.value<unsigned>(calls.pcie_generation, device));
  gpu.pcie_width = as<int>(nvml.value<unsigned>(calls.pcie_width, device));
  gpu.pcie_generation_possible = as<int>(nvml.value<unsigned>(calls.pcie_generation_possible, device));
  gpu.pcie_width_possible = as<int>(nvml.value<unsigned>(calls.pcie_width_possible, device));
}

void read_clocks(const Library& nvml, nvmlDevice_t device, GpuFacts& gpu) {
  const Calls& calls = nvml.calls();
  gpu.sm_clock_mhz = as<int>(nvml.value<unsigned>(calls.clock, device, NVML_CLOCK_SM));
  gpu.sm_clock_most_mhz = as<int>(nvml.value<unsigned>(calls.clock_most, device, NVML_CLOCK_SM));
  gpu.memory_clock_mhz = as<int>(nvml.value<unsigned>(calls.clock, device, NVML_CLOCK_MEM));
  gpu.memory_clock_most_mhz = as<int>(nvml.value<unsigned>(calls.clock_most, device, NVML_CLOCK_MEM));
  gpu.clocks_held_by = words_of(clock_reasons(nvml, device).value_or(0));
}

void read_power_and_heat(const Library& nvml, nvmlDevice_t device, GpuFacts& gpu) {
  const Calls& calls = nvml.calls();
  gpu.power_w = thousandth(nvml.value<unsigned>(calls.power, device));
  gpu.power_limit_w = thousandth(nvml.value<unsigned>(calls.power_limit, device));
  gpu.persistence = enabled(nvml.value<nvmlEnableState_t>(calls.persistence, device));
  gpu.temperature_c = temperature(nvml, device);
  // From Ada on the distance is told, before that the threshold (nvml.h, nvmlDeviceGetTemperatureThreshold).
  nvmlMarginTemperature_t margin{nvmlMarginTemperature_v1, 0};
  if (calls.temperature_margin != nullptr && gpu.temperature_c &&
      calls.temperature_margin(device, &margin) == NVML_SUCCESS)
    gpu.slowdown_temperature_c = *gpu.temperature_c + margin.marginTemperature;
  else
    gpu.slowdown_temperature_c = as<double>(
        nvml.value<unsigned>(calls.temperature_threshold, device, NVML_TEMPERATURE_THRESHOLD_SLOWDOWN));
}

struct Opened {
  nvmlDevice_t device;
  std::size_t facts;  // index into the answer
};

}  // namespace

Answer read_facts() {
  Answer answer;
  auto nvml = Library::open();
  if (!nvml) {
    answer.problem = nvml.error().what;
    answer.present = answer.problem.find("cannot open shared object file") == std::string::npos;
    return answer;
  }
  const Calls& calls = nvml->calls();
  std::array<char, 80> driver{};
  if (calls.driver_version != nullptr && calls.driver_version(driver.data(), driver.size()) == NVML_SUCCESS)
    answer.driver = driver.data();
  unsigned count = 0;
  if (const nvmlReturn_t code = calls.count(&count); code != NVML_SUCCESS) {
    answer.problem = nvml->words(code);
    return answer;
  }
  std::vector<Opened> opened;
  for (unsigned index = 0; index < count; ++index) {
    nvmlDevice_t device = nullptr;
    // NO_PERMISSION: a GPU that this container may not use is none of this machine's.
    const nvmlReturn_t code = calls.by_index(index, &device);
    if (code == NVML_ERROR_NO_PERMISSION) continue;
    GpuFacts& gpu = answer.gpus.emplace_back();
    nvmlPciInfo_t pci{};
    const nvmlReturn_t reached = code == NVML_SUCCESS ? calls.pci_info(device, &pci) : code;
    if (pci.busId[0] != '\0') gpu.gpu = gpu.pci = pci_address(pci);
    if (reached != NVML_SUCCESS) {
      gpu.lost = nvml->words(reached);
      continue;
    }
    gpu.name = text<NVML_DEVICE_NAME_V2_BUFFER_SIZE>(calls.name, device);
    gpu.uuid = text<NVML_DEVICE_UUID_V2_BUFFER_SIZE>(calls.uuid, device);
    // Its identity is remembered even of a GPU that fell off the bus; a reading is not.
    unsigned clock = 0;
    if (calls.clock != nullptr)
      if (const nvmlReturn_t alive = calls.clock(device, NVML_CLOCK_SM, &clock);
          alive == NVML_ERROR_GPU_IS_LOST || alive == NVML_ERROR_RESET_REQUIRED) {
        gpu.lost = nvml->words(alive);
        continue;
      }
    read_memory(*nvml, device, gpu);
    read_pcie(*nvml, device, gpu);
    read_clocks(*nvml, device, gpu);
    read_power_and_heat(*nvml, device, gpu);
    gpu.nvlinks = read_nvlinks(*nvml, device);
    opened.push_back({device, answer.gpus.size() - 1});
  }
  for (const Opened& from : opened)
    for (const Opened& to : opened)
      if (from.device != to.device)
        answer.gpus[from.facts].peers.push_back(
            read_peer(*nvml, from.device, to.device, answer.gpus[to.facts].pci));
  return answer;
}

}  // namespace millrace::topology::nvml
