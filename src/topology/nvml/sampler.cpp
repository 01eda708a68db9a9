// SPDX-License-Identifier: Apache-2.0
#include "topology/nvml/sampler.hpp"

#include "topology/nvml/read_samples.hpp"

namespace millrace::topology::nvml {

Result<Sampler> Sampler::start(const std::vector<std::string>& pci) {
  auto child = GuardedChild::start([&pci](const GuardedChild::AskedToEnd& asked_to_end) {
    return to_text(read_samples(pci, asked_to_end));
  });
  if (!child) return tl::unexpected(child.error());
  return Sampler(std::move(*child));
}

Result<std::vector<GpuSample>> Sampler::finish() {
  constexpr Duration kPatience{5'000'000'000};
  const auto told = child_.finish(kPatience);
  if (!told) return failure("NVML " + told.error().what);
  return samples_from_text(*told);
}

}  // namespace millrace::topology::nvml
