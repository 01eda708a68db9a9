// SPDX-License-Identifier: Apache-2.0
#include "modules/gpu/places.hpp"

#include <fmt/format.h>
#include <numa.h>

#include <algorithm>
#include <cstring>

#include "modules/cuda/context.hpp"
#include "units/quantity.hpp"

namespace millrace::gpu {
namespace {

const millrace_endpoint* find_endpoint(const sdk::Host& host, const auto& fits) {
  for (std::uint32_t i = 0; const millrace_endpoint* endpoint = host.endpoint(i); ++i)
    if (fits(*endpoint)) return endpoint;
  return nullptr;
}

bool is_kind(const millrace_endpoint& endpoint, const char* kind) {
  return std::strcmp(endpoint.kind, kind) == 0;
}

}  // namespace

Result<std::vector<int>> chosen_gpus(const std::vector<cuda::Device>& devices, std::string_view text) {
  std::vector<int> chosen;
  if (text == "all") {
    for (const cuda::Device& device : devices) chosen.push_back(device.index);
    return chosen;
  }
  while (!text.empty()) {
    const std::size_t end = text.find(',');
    const auto device = cuda::find_device(devices, text.substr(0, end));
    if (!device) return tl::unexpected(device.error());
    chosen.push_back(device->index);
    text = end == std::string_view::npos ? std::string_view{} : text.substr(end + 1);
  }
  std::sort(chosen.begin(), chosen.end());
  chosen.erase(std::unique(chosen.begin(), chosen.end()), chosen.end());
  return chosen;
}

const cuda::Device& device_of(const std::vector<cuda::Device>& devices, int index) {
  return *std::find_if(devices.begin(), devices.end(),
                       [index](const cuda::Device& d) { return d.index == index; });
}

std::string endpoint_of(const sdk::Host& host, const cuda::Device& device) {
  const millrace_endpoint* found = find_endpoint(host, [&](const millrace_endpoint& e) {
    return is_kind(e, "gpu") && cuda::canonical_pci(e.pci) == device.pci;
  });
  return found == nullptr ? device.id() : found->id;
}

int node_of_gpu(const sdk::Host& host, const cuda::Device& device) {
  const std::string id = endpoint_of(host, device);
  const millrace_endpoint* found =
      find_endpoint(host, [&](const millrace_endpoint& e) { return id == e.id; });
  return found != nullptr && found->numa_node >= 0 ? found->numa_node : device.numa_node;
}

Result<std::string> host_memory_for(const sdk::Host& host, const cuda::Device& device, bool far) {
  const int node = node_of_gpu(host, device);
  const millrace_endpoint* found = find_endpoint(host, [&](const millrace_endpoint& e) {
    return is_kind(e, "memory") && e.numa_node >= 0 && node >= 0 && (e.numa_node == node) != far;
  });
  if (found != nullptr) return std::string(found->id);
  if (!far) return std::string("memory:0");  // of a machine whose nodes are not known
  return failure(node < 0
                     ? fmt::format("the NUMA node of {} is not known, so none is far from it", device.id())
                     : fmt::format("no NUMA node but {}'s own ({}) has memory", device.id(), node),
                 "leave out --memory far", Exit::kInconclusive);
}

int node_for(const cuda::Device& device, bool far) {
  if (device.stand_in || device.numa_node < 0 || numa_available() < 0) return -1;
  if (!far) return device.numa_node;
  for (int node = 0; node <= numa_max_node(); ++node)
    if (node != device.numa_node && numa_node_size64(node, nullptr) > 0) return node;
  return -1;
}

bool is_placed(const cuda::Device& device, int node) {
  return node >= 0 || (!device.stand_in && (numa_available() < 0 || numa_max_node() == 0));
}

Result<void> fits(const cuda::Device& device, std::uint64_t bytes) {
  const auto refused = [&](std::uint64_t free) {
    return failure(fmt::format("--size needs {} of {}'s memory, of which {} are free (of {})",
                               to_binary({bytes}), device.id(), to_binary({free}), to_binary({device.bytes})),
                   "give a smaller --size, or free the GPU's memory (`nvidia-smi` shows who has it)");
  };
  if (bytes > device.bytes) return refused(device.bytes);
  if (bytes <= device.bytes / 4) return {};
  const auto context = cuda::Context::of(device);
  if (!context) return tl::unexpected(context.error());
  const auto memory = context->memory();
  if (!memory) return tl::unexpected(memory.error());
  return bytes > memory->free ? refused(memory->free) : Result<void>{};
}

}  // namespace millrace::gpu
