// SPDX-License-Identifier: Apache-2.0
// The driver and the devices that it shows to this process.
#pragma once

#include <cuda.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "units/result.hpp"

namespace millrace::cuda {

struct Device {
  CUdevice handle = 0;
  int ordinal = 0;          // as CUDA counts, after CUDA_VISIBLE_DEVICES
  int index = 0;            // N of "gpu:N": GPUs of this host in order of their PCI address, hidden ones too
  std::string pci;          // "0000:17:00.0"
  std::string name, uuid;   // "NVIDIA H100 80GB HBM3", "GPU-8a6f…"
  int numa_node = -1;       // -1: unknown
  std::uint64_t bytes = 0;  // of its memory
  int multiprocessors = 0;
  bool stand_in = false;  // a stand-in of Millrace's tests plays it
  [[nodiscard]] std::string id() const { return "gpu:" + std::to_string(index); }
};

// Initialises the driver, once for a process. Errors (all Exit::kInconclusive): no device,
// CUDA_VISIBLE_DEVICES hides them all, a driver of an older major version than the toolkit that this was
// built with (whose libraries and kernels it cannot load: CUDA Compatibility, "minor version compatibility"),
// no permission.
Result<void> start();

// "13.0" of 13000, as cuDriverGetVersion and CUDA_VERSION count.
std::string version_text(int version);

// In order of their index; at least one.
Result<std::vector<Device>> devices();

// The one that "2", "gpu:2", "0000:41:00.0" (case and a domain of any length do not matter; "41:00.0" is in
// domain 0) or "GPU-8a6f…" names. Errors: Exit::kUsage, with those that there are.
Result<Device> find_device(const std::vector<Device>& devices, std::string_view name);

// "0000:17:00.0" from what a user, CUDA ("00000000:17:00.0") or sysfs writes; empty: it is no PCI address.
std::string canonical_pci(std::string_view text);

// Addresses of this host's display controllers and accelerators as sysfs lists them, in order: what discovery
// numbers as gpu:0, gpu:1 …. Empty where sysfs tells none.
std::vector<std::string> pci_gpus();

}  // namespace millrace::cuda
