// SPDX-License-Identifier: Apache-2.0
#include "topology/nvml/read_samples.hpp"

#include <ctime>

#include "topology/nvml/clock_reasons.hpp"
#include "topology/nvml/library.hpp"

namespace millrace::topology::nvml {
namespace {

// Clocks and throttling change within tens of milliseconds; a reading of a GPU costs up to some milliseconds
// of CPU.
constexpr Duration kPeriod{200'000'000};

std::int64_t monotonic_ns() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1'000'000'000LL + now.tv_nsec;
}

std::optional<double> scaled(std::optional<unsigned> value, double by) {
  return value ? std::optional(*value * by) : std::nullopt;
}

GpuSample read_sample(const Library& nvml, const std::string& pci, nvmlDevice_t device) {
  const Calls& calls = nvml.calls();
  GpuSample sample;
  sample.pci = pci;
  sample.at_ns = monotonic_ns();
  if (const auto energy = nvml.value<unsigned long long>(calls.energy, device))
    sample.energy_j = static_cast<double>(*energy) * 1e-3;
  unsigned clock = 0;
  const nvmlReturn_t alive =
      calls.clock == nullptr ? NVML_ERROR_FUNCTION_NOT_FOUND : calls.clock(device, NVML_CLOCK_SM, &clock);
  if (alive == NVML_SUCCESS) sample.sm_clock_mhz = clock;
  if (alive == NVML_ERROR_GPU_IS_LOST || alive == NVML_ERROR_RESET_REQUIRED) {
    sample.lost = nvml.words(alive);
    return sample;
  }
  sample.memory_clock_mhz = scaled(nvml.value<unsigned>(calls.clock, device, NVML_CLOCK_MEM), 1);
  sample.power_w = scaled(nvml.value<unsigned>(calls.power, device), 1e-3);
  sample.temperature_c = temperature(nvml, device);
  sample.pcie_generation = scaled(nvml.value<unsigned>(calls.pcie_generation, device), 1);
  sample.pcie_width = scaled(nvml.value<unsigned>(calls.pcie_width, device), 1);
  sample.clocks_held_by = words_of(clock_reasons(nvml, device).value_or(0));
  return sample;
}

}  // namespace

std::vector<GpuSample> read_samples(const std::vector<std::string>& pci,
                                    const std::function<bool(Duration)>& asked_to_end) {
  std::vector<GpuSample> samples;
  const auto nvml = Library::open();
  if (!nvml || nvml->calls().by_pci == nullptr) return samples;
  std::vector<std::pair<std::string, nvmlDevice_t>> devices;
  for (const std::string& address : pci) {
    nvmlDevice_t device = nullptr;
    const nvmlReturn_t code = nvml->calls().by_pci(address.c_str(), &device);
    if (code == NVML_SUCCESS) devices.emplace_back(address, device);
    if (code == NVML_ERROR_GPU_IS_LOST)
      samples.push_back({address, monotonic_ns(), nvml->words(code), {}, {}, {}, {}, {}, {}, {}, {}});
  }
  const auto read_all = [&] {
    for (const auto& [address, device] : devices) samples.push_back(read_sample(*nvml, address, device));
  };
  do read_all();
  while (!asked_to_end(kPeriod));
  read_all();
  return samples;
}

}  // namespace millrace::topology::nvml
