// SPDX-License-Identifier: Apache-2.0
#include "topology/nvml/gpu_sample.hpp"

#include <nlohmann/json.hpp>

namespace millrace::topology::nvml {
namespace {

using SampleJson = nlohmann::json;

// Applies `act` to each optional figure of a sample, with its key.
template <typename Sample, typename Act>
void for_each_figure(Sample& sample, const Act& act) {
  act("sm_clock_mhz", sample.sm_clock_mhz);
  act("memory_clock_mhz", sample.memory_clock_mhz);
  act("power_w", sample.power_w);
  act("temperature_c", sample.temperature_c);
  act("energy_j", sample.energy_j);
  act("pcie_generation", sample.pcie_generation);
  act("pcie_width", sample.pcie_width);
}

}  // namespace

std::string to_text(const std::vector<GpuSample>& samples) {
  SampleJson all = SampleJson::array();
  for (const GpuSample& sample : samples) {
    SampleJson& out = all.emplace_back(SampleJson{{"pci", sample.pci},
                                                  {"at_ns", sample.at_ns},
                                                  {"lost", sample.lost},
                                                  {"clocks_held_by", sample.clocks_held_by}});
    for_each_figure(sample, [&out](const char* key, const std::optional<double>& figure) {
      if (figure) out[key] = *figure;
    });
  }
  return all.dump(-1, ' ', false, SampleJson::error_handler_t::replace);
}

std::vector<GpuSample> samples_from_text(std::string_view text) {
  try {
    std::vector<GpuSample> samples;
    for (const SampleJson& in : SampleJson::parse(text)) {
      GpuSample& sample = samples.emplace_back();
      sample.pci = in.at("pci");
      sample.at_ns = in.at("at_ns");
      sample.lost = in.at("lost");
      in.at("clocks_held_by").get_to(sample.clocks_held_by);
      for_each_figure(sample, [&in](const char* key, std::optional<double>& figure) {
        if (in.contains(key)) figure = in.at(key).get<double>();
      });
    }
    return samples;
  } catch (const SampleJson::exception&) {
    return {};
  }
}

}  // namespace millrace::topology::nvml
