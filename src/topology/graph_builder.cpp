// SPDX-License-Identifier: Apache-2.0
#include "topology/graph_builder.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstdlib>
#include <set>

#include "topology/host_facts.hpp"
#include "units/quantity.hpp"

namespace millrace::topology {
namespace {

class GraphBuilder {
 public:
  GraphBuilder(const FileRoot& root, const Inventory& have, const PciNames& names)
      : root_(root), have_(have), names_(names), tree_(have.pci, have.virtual_machine) {}

  Topology build() {
    add_sockets_and_memory();
    find_gpus();
    for (const PcieLink& link : tree_.links()) add_pcie_link(link);
    add_unlinked_gpus();
    add_file_systems();
    add_storage();
    for (const NetworkPort& port : have_.ports) add_network_port(port);
    return std::move(graph_);
  }

 private:
  void add_sockets_and_memory();
  void find_gpus();
  void add_pcie_link(const PcieLink& link);
  void add_unlinked_gpus();
  void add_file_systems();
  void add_storage();
  void add_drive(const BlockDevice& device);
  void add_stack(const BlockDevice& device);
  void add_network_port(const NetworkPort& port);

  // A device's NUMA node: what the kernel tells, or the only one that there is.
  [[nodiscard]] std::optional<int> numa_of(std::optional<int> told) const {
    if (told) return told;
    return have_.cpus.nodes.size() == 1 ? std::optional(have_.cpus.nodes.front().index) : std::nullopt;
  }
  [[nodiscard]] std::string socket_of(std::optional<int> numa) const {
    const auto socket = numa ? have_.cpus.socket_of_node.find(*numa) : have_.cpus.socket_of_node.end();
    return fmt::format("socket:{}", socket == have_.cpus.socket_of_node.end() ? 0 : socket->second);
  }
  [[nodiscard]] std::optional<int> pci_numa(const std::string& address) const {
    const auto device = have_.pci.find(address);
    return numa_of(device == have_.pci.end() ? std::nullopt : device->second.numa);
  }
  [[nodiscard]] std::string link_vertex(const PcieLink& link) const {
    const auto gpu = gpu_of_link_.find(link.child);
    return gpu == gpu_of_link_.end() ? "pci:" + link.child : gpu->second;
  }
  // The vertex that a function's bytes are at before they cross its PCIe link; the socket without one.
  [[nodiscard]] std::string vertex_of(const std::string& address, std::optional<int> numa) const {
    if (const PcieLink* link = tree_.link_of(address); link != nullptr) return link_vertex(*link);
    if (const std::string above = tree_.switch_above(address); !above.empty()) return "pci:" + above;
    return socket_of(numa);
  }
  [[nodiscard]] std::string pci_name(const std::string& address) const {
    const auto device = have_.pci.find(address);
    return device == have_.pci.end() ? std::string()
                                     : names_.name(device->second.vendor, device->second.device);
  }
  // What people call the thing at a link's lower end: "gpu:0", "nvme0n1", "mlx5_0", or its PCI name.
  [[nodiscard]] std::string user_of(const PcieLink& link, const std::string& vertex) const {
    if (vertex.starts_with("gpu:")) return vertex;
    std::vector<std::string> users;
    for (const auto& [name, device] : have_.blocks)
      if (device.partition_of.empty() && tree_.link_of(device.pci) == &link) users.push_back(name);
    for (const NetworkPort& port : have_.ports)
      if (tree_.link_of(port.pci) == &link) users.push_back(port.name());
    return users.empty() ? pci_name(link.child) : fmt::format("{}", fmt::join(users, ", "));
  }
  void link_both(const std::string& a, const std::string& b, const std::string& a_to_b,
                 const std::string& b_to_a) {
    graph_.links.push_back({a, b, a_to_b});
    graph_.links.push_back({b, a, b_to_a});
  }
  void attach(const std::string& a, const std::string& b, const std::string& resource) {
    link_both(a, b, resource, resource);
  }

  const FileRoot& root_;
  const Inventory& have_;
  const PciNames& names_;
  PcieTree tree_;
  Topology graph_;
  std::map<std::string, std::string> gpu_of_link_;  // the link's child -> "gpu:0"
  std::vector<std::string> gpus_;                   // addresses, in order
};

void GraphBuilder::add_sockets_and_memory() {
  std::set<int> sockets{0};
  for (const auto& [node, socket] : have_.cpus.socket_of_node) sockets.insert(socket);
  for (const int socket : sockets)
    graph_.endpoints.push_back({fmt::format("socket:{}", socket), "socket", fmt::format("socket {}", socket),
                                0, std::nullopt, "", ""});
  for (const NumaNode& node : have_.cpus.nodes) {
    if (node.memory_bytes == 0) continue;
    const std::string memory = fmt::format("memory:{}", node.index);
    const std::string controller = fmt::format("memory_controller:{}", node.index);
    MemoryRate rate = have_.memory_rate;
    if (node.cpus.empty())
      rate = {std::nullopt, "memory without CPUs (CXL or on-package): its rate is not told"};
    graph_.endpoints.push_back(
        {memory, "memory", fmt::format("NUMA node {}", node.index), 0, node.index, "", ""});
    graph_.resources.push_back({controller, "memory_controller",
                                fmt::format("memory of NUMA node {}", node.index), 0, rate.bytes_per_s,
                                rate.source, node.index, ""});
    attach(memory, socket_of(node.index), controller);
  }
  for (const int from : sockets) {
    for (const int to : sockets) {
      if (from == to) continue;
      const std::string id = fmt::format("inter_socket:{}-{}", from, to);
      graph_.resources.push_back({id, "inter_socket",
                                  fmt::format("link from socket {} to socket {}", from, to), 0, std::nullopt,
                                  "the kernel does not tell the rate of UPI or xGMI", std::nullopt, ""});
      graph_.links.push_back({fmt::format("socket:{}", from), fmt::format("socket:{}", to), id});
    }
  }
}

void GraphBuilder::find_gpus() {
  for (const auto& [address, device] : have_.pci)
    if (is_gpu(device)) gpus_.push_back(address);
  for (std::size_t i = 0; i < gpus_.size(); ++i)
    if (const PcieLink* link = tree_.link_of(gpus_[i]); link != nullptr)
      gpu_of_link_.emplace(link->child, fmt::format("gpu:{}", i));
}

std::string gpu_model(const FileRoot& root, const std::string& address) {
  // "Model: 		 NVIDIA H100 80GB HBM3"
  for (const std::string& line : root.lines("/proc/driver/nvidia/gpus/" + address + "/information")) {
    if (!line.starts_with("Model:")) continue;
    const auto start = line.find_first_not_of(" \t", 6);
    if (start != std::string::npos) return line.substr(start);
  }
  return root.text("/sys/bus/pci/devices/" + address + "/product_name").value_or("");  // amdgpu
}

Endpoint gpu_endpoint(const FileRoot& root, std::size_t index, const std::string& address,
                      std::optional<int> numa, const std::string& pci_name) {
  const std::string model = gpu_model(root, address);
  return {fmt::format("gpu:{}", index), "gpu", model.empty() ? pci_name : model, 0, numa, address, ""};
}

// "PCIe 16 GT/s x4, 128b/130b, MaxPayload 256, at root port 0000:40:00.0", or why there is no limit.
std::string link_source(const PcieLink& link) {
  const std::string port =
      link.port.empty() ? ""
                        : fmt::format("at {} port {}", link.port_is_of_switch ? "switch" : "root", link.port);
  if (!link.possible.known())
    return link.is_emulated ? "an emulated link " + port + ": what it says of its rate means nothing"
                            : "a link " + port + " that does not tell its rate";
  const std::string packets = link.max_payload
                                  ? fmt::format("MaxPayload {}", *link.max_payload)
                                  : "packet overhead not counted (only root may read MaxPayload)";
  const std::string encoding = link.possible.gt_per_s > 32.5  ? "236/256 flit"
                               : link.possible.gt_per_s > 5.5 ? "128b/130b"
                                                              : "8b/10b";
  return fmt::format("PCIe {}, {}, {}{}{}", to_text(link.possible), encoding, packets,
                     port.empty() ? "" : ", ", port);
}

void GraphBuilder::add_pcie_link(const PcieLink& link) {
  const std::string lower = link_vertex(link);
  const std::optional<int> numa = pci_numa(link.child);
  const std::string upper = link.above.empty() ? socket_of(numa) : "pci:" + link.above;
  if (gpu_of_link_.contains(link.child)) {
    const auto index = static_cast<std::size_t>(std::strtoul(lower.c_str() + 4, nullptr, 10));
    graph_.endpoints.push_back(gpu_endpoint(root_, index, gpus_[index], numa, pci_name(gpus_[index])));
  } else {
    const char* kind = link.is_switch_uplink ? "pci_bridge" : "pci_device";
    graph_.endpoints.push_back({lower, kind, pci_name(link.child), 0, numa, link.child, ""});
  }
  const std::string name =
      link.is_switch_uplink ? "uplink of PCIe switch " + link.child : "PCIe link of " + user_of(link, lower);
  const char* kind = link.is_switch_uplink ? "pcie_switch_uplink" : "pcie_link";
  const std::string source = link_source(link);
  std::string ids[2];
  struct Way {
    const char* id;
    const char* name;
    Direction direction;
  };
  const Way ways[] = {{"read", "towards memory", Direction::kTowardsMemory},
                      {"write", "from memory", Direction::kFromMemory}};
  for (std::size_t i = 0; i < 2; ++i) {
    ids[i] = fmt::format("pcie:{}:{}", link.child, ways[i].id);
    graph_.resources.push_back({ids[i], kind, fmt::format("{}, {}", name, ways[i].name), 0,
                                payload_rate(link.possible, ways[i].direction, link.max_payload), source,
                                numa, link.child});
  }
  link_both(lower, upper, ids[0], ids[1]);
}

void GraphBuilder::add_unlinked_gpus() {
  for (std::size_t i = 0; i < gpus_.size(); ++i) {
    const std::string id = fmt::format("gpu:{}", i);
    if (find_endpoint(graph_, id) != nullptr) continue;
    const std::optional<int> numa = pci_numa(gpus_[i]);
    graph_.endpoints.push_back(gpu_endpoint(root_, i, gpus_[i], numa, pci_name(gpus_[i])));
    const std::string resource = "pcie:" + gpus_[i];
    graph_.resources.push_back({resource, "pcie_link", "connection of " + graph_.endpoints.back().name, 0,
                                std::nullopt, "the device reports no PCIe link", numa, gpus_[i]});
    attach(id, vertex_of(gpus_[i], numa), resource);
  }
}

void GraphBuilder::add_file_systems() {
  std::set<std::string> made;
  for (const Mount& mount : have_.mounts) {
    if (is_kernel_interface(mount) || mount.file_system == "rootfs") continue;
    const StorageBelow below = storage_below(root_, have_.mounts, have_.blocks, mount);
    const bool own = below.backing == Backing::kFileSystem;
    if (!own && below.devices.size() < 2) continue;
    const Mount& real = *below.mount;
    const std::string id = file_system_id(have_.mounts, real);
    if (!made.insert(id).second) continue;
    const std::string point = id.substr(std::string_view("file_system:").size());
    graph_.endpoints.push_back({id, "file_system",
                                fmt::format("{} ({} of {})", point, real.file_system, real.source), 0,
                                std::nullopt, "", point});
    const std::string reason = own ? fmt::format("a {} file system tells no rate", real.file_system)
                                   : "what the devices below it deliver together";
    graph_.resources.push_back(
        {id, "file_system", fmt::format("file system {}", point), 0, std::nullopt, reason, std::nullopt, ""});
    if (own) attach(id, "socket:0", id);
    for (const std::string& device : below.devices) {
      const auto it = have_.blocks.find(device);
      if (it == have_.blocks.end()) continue;
      const std::string& whole = it->second.partition_of.empty() ? device : it->second.partition_of;
      graph_.links.push_back({id, "storage:" + whole, id});
    }
  }
}

void GraphBuilder::add_storage() {
  std::vector<const BlockDevice*> wholes;
  for (const auto& [name, device] : have_.blocks)
    if (device.partition_of.empty()) wholes.push_back(&device);
  std::sort(wholes.begin(), wholes.end(),
            [](const BlockDevice* a, const BlockDevice* b) { return natural_less(a->name, b->name); });
  for (const BlockDevice* device : wholes)
    if (device->is_drive()) add_drive(*device);
  for (const BlockDevice* device : wholes)
    if (!device->is_drive()) add_stack(*device);
}

std::string drive_name(const BlockDevice& device) {
  std::string what = device.model.empty() ? device.kind : device.model;
  if (device.kind == "md" || device.kind == "dm") what = device.detail.empty() ? device.kind : device.detail;
  if (device.kind == "loop") what = "loop over " + device.backing_file;
  return fmt::format("{} ({}, {})", device.name, what, to_si(Bytes{device.size_bytes}));
}

std::pair<std::optional<double>, std::string> drive_limit(const BlockDevice& device) {
  if (device.kind == "nvme") return {std::nullopt, "a drive does not tell its rate; its PCIe link bounds it"};
  if (device.kind == "virtio") return {std::nullopt, "a virtual drive: its host decides"};
  if (device.kind == "nvme-fabric") return {std::nullopt, "a drive across a network: " + device.detail};
  if (device.kind == "pmem") return {std::nullopt, "persistent memory does not tell its rate"};
  // "6.0 Gbps" counts 8b/10b symbols (Serial ATA 3.x).
  const double gigabits = std::strtod(device.detail.c_str(), nullptr);
  if (device.kind == "scsi" && gigabits > 0)
    return {gigabits * 1e9 / 8 * 0.8, "SATA " + device.detail + ", 8b/10b"};
  return {std::nullopt, "the drive does not tell its rate"};
}

void GraphBuilder::add_drive(const BlockDevice& device) {
  const std::string id = "storage:" + device.name;
  const std::string resource = "drive:" + device.name;
  const std::optional<int> numa = device.pci.empty() ? numa_of(device.numa) : pci_numa(device.pci);
  const auto [limit, source] = drive_limit(device);
  graph_.endpoints.push_back({id, "storage", drive_name(device), 0, numa, device.pci, device.node_path});
  graph_.resources.push_back({resource, "drive", "drive " + device.name, 0, limit, source, numa, device.pci});
  attach(id, vertex_of(device.pci, numa), resource);
}

void GraphBuilder::add_stack(const BlockDevice& device) {
  const std::string id = "storage:" + device.name;
  const std::string resource = "drive:" + device.name;
  graph_.endpoints.push_back(
      {id, "storage", drive_name(device), 0, numa_of(std::nullopt), "", device.node_path});
  graph_.resources.push_back({resource, "drive", "device " + device.name, 0, std::nullopt,
                              "what the devices below it deliver together", std::nullopt, ""});
  std::vector<std::string> below;
  const auto add_whole = [&](const std::string& name) {
    const auto it = have_.blocks.find(name);
    if (it == have_.blocks.end()) return;
    const std::string whole = "storage:" + (it->second.partition_of.empty() ? name : it->second.partition_of);
    if (whole != id && std::find(below.begin(), below.end(), whole) == below.end()) below.push_back(whole);
  };
  for (const std::string& member : device.members) add_whole(member);
  if (const Mount* mount = device.kind == "loop" ? mount_of(have_.mounts, device.backing_file) : nullptr) {
    const StorageBelow files = storage_below(root_, have_.mounts, have_.blocks, *mount);
    if (files.backing == Backing::kMemory) {
      graph_.endpoints.back().backing = "memory";
      graph_.resources.back().limit_source = "its file lies in memory: reading it copies from there";
    }
    if (files.backing == Backing::kFileSystem) below.push_back(file_system_id(have_.mounts, *files.mount));
    for (const std::string& name : files.devices) add_whole(name);
  }
  for (const std::string& member : below) graph_.links.push_back({id, member, resource});
  if (below.empty()) attach(id, "socket:0", resource);  // a loop device over a file in memory
}

void GraphBuilder::add_network_port(const NetworkPort& port) {
  const std::optional<int> numa = port.pci.empty() ? numa_of(std::nullopt) : pci_numa(port.pci);
  const std::string base = fmt::format("nic:{}", port.interface.empty() ? port.rdma : port.interface) +
                           (port.interface.empty() && port.port > 1 ? fmt::format("/{}", port.port) : "");
  const std::string vertex = vertex_of(port.pci, numa);
  std::string ids[2];
  for (std::size_t i = 0; i < 2; ++i) {
    const char* way = i == 0 ? "read" : "write";
    ids[i] = base + ":" + way;
    graph_.resources.push_back(
        {ids[i], "nic",
         fmt::format("{} port {}, {}", port.kind, base.substr(4), i == 0 ? "receiving" : "sending"), 0,
         port.bytes_per_s, port.rate_text + (port.bytes_per_s ? "" : " (" + port.state + ")"), numa,
         port.pci});
  }
  const std::string model = port.pci.empty() || port.kind == "virtio" ? port.kind : pci_name(port.pci);
  if (!port.interface.empty()) {
    graph_.endpoints.push_back(
        {"nic:" + port.interface, "nic",
         fmt::format("{} ({}, {}, {})", port.interface, model, port.rate_text, port.state), 0, numa, port.pci,
         ""});
    link_both("nic:" + port.interface, vertex, ids[0], ids[1]);
  }
  if (port.rdma.empty()) return;
  const std::string rdma = "rdma:" + port.rdma + (port.port > 1 ? fmt::format("/{}", port.port) : "");
  graph_.endpoints.push_back(
      {rdma, "rdma",
       fmt::format("{} ({}, {} {}, {})", port.rdma, model, port.kind, port.rate_text, port.state), 0, numa,
       port.pci, port.rdma_device});
  link_both(rdma, vertex, ids[0], ids[1]);
}

}  // namespace

std::string file_system_id(const std::vector<Mount>& mounts, const Mount& mount) {
  for (const Mount& other : mounts)
    if (other.number == mount.number && other.file_system == mount.file_system)
      return "file_system:" + other.point;
  return "file_system:" + mount.point;
}

Inventory read_inventory(const FileRoot& root, CpuLayout cpus) {
  Inventory have;
  int nodes_with_cpus = 0;
  for (const NumaNode& node : cpus.nodes) nodes_with_cpus += node.cpus.empty() ? 0 : 1;
  have.cpus = std::move(cpus);
  have.memory_rate = memory_rate_per_node(read_memory_modules(root), nodes_with_cpus);
  have.pci = read_pci_devices(root);
  have.blocks = read_block_devices(root);
  have.ports = read_network_ports(root);
  have.mounts = read_mounts(root);
  have.virtual_machine = !read_hypervisor(root).empty();
  return have;
}

Topology build_graph(const FileRoot& root, const Inventory& inventory, const PciNames& names) {
  return GraphBuilder(root, inventory, names).build();
}

}  // namespace millrace::topology
