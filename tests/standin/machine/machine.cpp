// SPDX-License-Identifier: Apache-2.0
#include "machine/machine.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <set>
#include <stdexcept>

namespace millrace::standin {
namespace {

std::string gpu_link(int gpu, const std::string& what) { return "gpu" + std::to_string(gpu) + ":" + what; }

Machine* make() {
  const char* file = std::getenv("MILLRACE_STANDIN_MACHINE");
  const char* state = std::getenv("MILLRACE_STANDIN_STATE");
  try {
    if (file == nullptr)
      throw std::runtime_error("a stand-in driver was loaded without MILLRACE_STANDIN_MACHINE");
    return new Machine(read_description(file), state == nullptr ? "" : state);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "stand-in: %s\n", error.what());
    std::abort();
  }
}

}  // namespace

Path operator+(Path a, const Path& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

Machine& Machine::instance() {
  static Machine* const machine = make();  // never destroyed: threads may outlive main
  return *machine;
}

Machine::Machine(Description description, const std::string& state_file)
    : description_(std::move(description)), state_file_(state_file), state_(attach_state(state_file)) {
  if (description_.gpus.size() > kMostGpus || description_.faults.size() > kMostFaults)
    throw std::runtime_error("the stand-in plays 16 GPUs and 64 faults at most");
  for (const GpuDescription& gpu : description_.gpus) {
    add_link(gpu_link(gpu.index, "pcie:up"), gpu.pcie_bytes_per_s);
    add_link(gpu_link(gpu.index, "pcie:down"), gpu.pcie_bytes_per_s);
    if (gpu.memory_bytes_per_s > 0) add_link(gpu_link(gpu.index, "memory"), gpu.memory_bytes_per_s);
    for (const NvLink& nvlink : gpu.nvlinks)
      for (const char* way : {":out", ":in"})
        add_link(gpu_link(gpu.index, "nvlink" + std::to_string(nvlink.link) + way), nvlink.bytes_per_s);
  }
  for (const SwitchDescription& one : description_.switches)
    for (const char* way : {":up", ":down"}) add_link(one.id + way, one.uplink_bytes_per_s);
  for (int a = 0; a < description_.numa_nodes && description_.inter_socket_bytes_per_s > 0; ++a)
    for (int b = 0; b < description_.numa_nodes; ++b)
      if (a != b)
        add_link("numa" + std::to_string(a) + "-" + std::to_string(b), description_.inter_socket_bytes_per_s);
  for (const auto& extra : description_.document.value("links", nlohmann::json::array()))
    add_link(extra.at("id"), extra.at("bytes_per_s"));
}

int Machine::add_link(const std::string& name, double bytes_per_s) {
  if (rates_.size() == kMostLinks) throw std::runtime_error("the stand-in plays 1024 links at most");
  if (!(bytes_per_s > 0)) throw std::runtime_error("the link " + name + " has no rate");
  const auto [at, fresh] = links_.emplace(name, static_cast<int>(rates_.size()));
  if (!fresh) throw std::runtime_error("two links are named " + name);
  rates_.push_back(bytes_per_s);
  return at->second;
}

Path Machine::link(const std::string& name) const {
  const auto found = links_.find(name);
  if (found == links_.end()) throw std::runtime_error("the stand-in machine has no link " + name);
  return {{found->second, 1}};
}

Path Machine::across_sockets(int from, int to) const {
  if (from < 0 || to < 0 || from == to || description_.inter_socket_bytes_per_s <= 0) return {};
  return link("numa" + std::to_string(from) + "-" + std::to_string(to));
}

Path Machine::host_to_gpu(int gpu, int numa) const {
  const GpuDescription& g = description_.gpus.at(static_cast<std::size_t>(gpu));
  Path path = across_sockets(numa, g.numa);
  if (!g.pcie_switch.empty()) path = path + link(g.pcie_switch + ":down");
  return path + link(gpu_link(gpu, "pcie:down"));
}

Path Machine::gpu_to_host(int gpu, int numa) const {
  const GpuDescription& g = description_.gpus.at(static_cast<std::size_t>(gpu));
  Path path = link(gpu_link(gpu, "pcie:up"));
  if (!g.pcie_switch.empty()) path = path + link(g.pcie_switch + ":up");
  return path + across_sockets(g.numa, numa);
}

// All links to where both have some, each with its even share: addresses are spread over them, so that one
// that is slower holds the others up.
Path Machine::nvlinks(int from, int to) const {
  const GpuDescription& a = description_.gpus.at(static_cast<std::size_t>(from));
  const GpuDescription& b = description_.gpus.at(static_cast<std::size_t>(to));
  std::set<std::string> of_a, of_b;
  for (const NvLink& nvlink : a.nvlinks)
    if (nvlink.active) of_a.insert(nvlink.to);
  for (const NvLink& nvlink : b.nvlinks)
    if (nvlink.active) of_b.insert(nvlink.to);
  const auto leads_to = [](const NvLink& nvlink, const std::set<std::string>& other, int gpu) {
    return nvlink.active && (nvlink.to == "gpu:" + std::to_string(gpu) ||
                             (nvlink.to.starts_with("nvswitch") && other.contains(nvlink.to)));
  };
  Path out, in;
  for (const NvLink& nvlink : a.nvlinks)
    if (leads_to(nvlink, of_b, to))
      out = out + link(gpu_link(from, "nvlink" + std::to_string(nvlink.link) + ":out"));
  for (const NvLink& nvlink : b.nvlinks)
    if (leads_to(nvlink, of_a, from))
      in = in + link(gpu_link(to, "nvlink" + std::to_string(nvlink.link) + ":in"));
  if (out.empty() || in.empty()) return {};
  for (Hop& hop : out) hop.share = 1.0 / static_cast<double>(out.size());
  for (Hop& hop : in) hop.share = 1.0 / static_cast<double>(in.size());
  return out + in;
}

Path Machine::gpu_to_gpu(int from, int to) const {
  if (from == to) return gpu_memory(from) + gpu_memory(from);  // read and written
  if (Path path = nvlinks(from, to); !path.empty()) return path;
  const GpuDescription& a = description_.gpus.at(static_cast<std::size_t>(from));
  const GpuDescription& b = description_.gpus.at(static_cast<std::size_t>(to));
  if (!a.pcie_switch.empty() && a.pcie_switch == b.pcie_switch)
    return link(gpu_link(from, "pcie:up")) + link(gpu_link(to, "pcie:down"));
  return gpu_to_host(from, b.numa) + host_to_gpu(to);
}

Path Machine::gpu_memory(int gpu) const {
  const auto found = links_.find(gpu_link(gpu, "memory"));
  return found == links_.end() ? Path{} : Path{{found->second, 1}};
}

double Machine::rate(const Path& path) const {
  std::map<int, double> shares;
  for (const Hop& hop : path) shares[hop.link] += hop.share;
  double slowest = std::numeric_limits<double>::infinity();
  for (const auto& [at, share] : shares)
    slowest = std::min(slowest, rates_[static_cast<std::size_t>(at)] / share);
  return slowest;
}

std::uint64_t Machine::part_of(const Path& path) const {
  const double bytes = rate(path) * 4e-3;
  if (bytes > 64e6) return 64'000'000;
  return std::max<std::uint64_t>(static_cast<std::uint64_t>(bytes) / 1024 * 1024, 4096);
}

std::int64_t Machine::transfer(const Path& path, std::uint64_t bytes, std::int64_t ready_ns, double slower) {
  std::int64_t last_ns = ready_ns;
  for (const Hop& hop : path) {
    const auto at = static_cast<std::size_t>(hop.link);
    const double crossing = static_cast<double>(bytes) * hop.share;
    const auto length_ns = static_cast<std::int64_t>(crossing / rates_[at] * 1e9 * slower);
    std::atomic<std::int64_t>& free_at = state_->link_free_at_ns[at];
    std::int64_t before = free_at.load();
    while (!free_at.compare_exchange_weak(before, std::max(before, ready_ns) + length_ns)) {
    }
    state_->link_bytes[at] += static_cast<std::uint64_t>(crossing);
    last_ns = std::max(last_ns, std::max(before, ready_ns) + length_ns);
  }
  return last_ns;
}

std::optional<FaultDescription> Machine::fault(std::string_view library, std::string_view call, int gpu) {
  std::optional<FaultDescription> found;
  for (std::size_t i = 0; i < description_.faults.size(); ++i) {
    const FaultDescription& fault = description_.faults[i];
    if (fault.library != library || (fault.call != call && fault.call != "*")) continue;
    if (fault.gpu >= 0 && fault.gpu != gpu) continue;
    if (++state_->fault_calls[i] < fault.from_call || found) continue;
    found = fault;
    if (fault.what == FaultKind::kLost && gpu >= 0) this->gpu(gpu).is_lost = 1;
  }
  return found;
}

}  // namespace millrace::standin
