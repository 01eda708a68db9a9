// SPDX-License-Identifier: Apache-2.0
// Which GPUs the user named, and what discovery calls them and the host memory near to and far from them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "millrace/probe.hpp"
#include "modules/cuda/driver.hpp"
#include "units/result.hpp"

namespace millrace::gpu {

// "all", or names of GPUs with commas between them (index, PCI address, UUID), as indices in ascending order,
// each once. Errors as of cuda::find_device.
Result<std::vector<int>> chosen_gpus(const std::vector<cuda::Device>& devices, std::string_view text);

const cuda::Device& device_of(const std::vector<cuda::Device>& devices, int index);  // which must be there

// --- in describe ---
std::string endpoint_of(const sdk::Host& host, const cuda::Device& device);  // "gpu:2"
int node_of_gpu(const sdk::Host& host, const cuda::Device& device);          // -1: unknown

// "memory:1": on the GPU's node; or, far, on another. Error (Exit::kInconclusive): there is no other.
Result<std::string> host_memory_for(const sdk::Host& host, const cuda::Device& device, bool far);

// --- in a worker ---
// The NUMA node whose memory is near to the GPU, or the first other that has memory. -1: not known, or a
// stand-in's, whose nodes need not be this machine's.
int node_for(const cuda::Device& device, bool far);

// Whether host memory of `node`, of node_for, is where it should be: where the machine has one node, all is.
bool is_placed(const cuda::Device& device, int node);

// Whether `bytes` fit each GPU's memory: refuses what is larger than the whole, and asks the driver what is
// free when it is more than a quarter of it. Error: Exit::kUsage, with how much is free and the flag to
// change.
Result<void> fits(const cuda::Device& device, std::uint64_t bytes);

}  // namespace millrace::gpu
