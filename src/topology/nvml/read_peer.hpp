// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "topology/gpu_facts.hpp"
#include "topology/nvml/library.hpp"

namespace millrace::topology::nvml {

// How one GPU reaches another, which is called by its PCI address.
GpuPeer read_peer(const Library& nvml, nvmlDevice_t from, nvmlDevice_t to, const std::string& pci);

}  // namespace millrace::topology::nvml
