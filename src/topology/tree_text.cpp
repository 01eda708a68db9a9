// SPDX-License-Identifier: Apache-2.0
#include "topology/tree_text.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>

#include "topology/graph_builder.hpp"
#include "topology/mounts.hpp"
#include "topology/nvml/gpu_text.hpp"
#include "topology/text_layout.hpp"
#include "topology/usable_cpus.hpp"
#include "units/quantity.hpp"

namespace millrace::topology {
namespace {

using Rows = std::vector<std::vector<std::string>>;

// "0-3,8-11"
std::string ranges(const std::vector<int>& numbers) {
  std::vector<std::string> runs;
  for (std::size_t i = 0; i < numbers.size();) {
    std::size_t last = i;
    while (last + 1 < numbers.size() && numbers[last + 1] == numbers[last] + 1) ++last;
    runs.push_back(last == i ? fmt::format("{}", numbers[i])
                             : fmt::format("{}-{}", numbers[i], numbers[last]));
    i = last + 1;
  }
  return fmt::format("{}", fmt::join(runs, ","));
}

std::string after_colon(const std::string& id) { return id.substr(id.find(':') + 1); }

// "nvme0n1 (SAMSUNG …, 3.84 TB)" beside the id "storage:nvme0n1" -> "SAMSUNG …, 3.84 TB"
std::string name_beside_id(const Endpoint& endpoint) {
  const std::string start = after_colon(endpoint.id) + " (";
  if (!endpoint.name.starts_with(start) || !endpoint.name.ends_with(")")) return endpoint.name;
  return endpoint.name.substr(start.size(), endpoint.name.size() - start.size() - 1);
}

class Tree {
 public:
  Tree(const Machine& machine, const View& view) : machine_(machine), view_(view) {
    for (const Link& link : machine.graph.links) {
      const Endpoint* from = find_endpoint(machine.graph, link.from);
      const Endpoint* to = find_endpoint(machine.graph, link.to);
      if (from == nullptr || to == nullptr) continue;
      if (crosses(*to) && depth(*from) > depth(*to)) below_[to->id].push_back({from, link.resource});
      if (is_stack_of(*from, *to)) members_[from->id].push_back(after_colon(to->id));
    }
    for (const Endpoint& e : machine.graph.endpoints)
      if (memory_.empty() && e.kind == "memory") memory_ = e.id;
  }

  Rows rows() {
    rows_ = {{"", "", "NUMA", "link", "at most"}};
    for (const Endpoint& e : machine_.graph.endpoints) {
      if (e.kind != "socket") continue;
      rows_.push_back({e.name});
      add_below(e.id, 1);
    }
    for (const Endpoint& e : machine_.graph.endpoints)
      if (members_.contains(e.id)) add_stack(e);
    return rows_;
  }
  [[nodiscard]] int left_out() const { return left_out_; }

 private:
  struct Child {
    const Endpoint* endpoint;
    std::string resource;
  };
  static bool crosses(const Endpoint& e) {
    return e.kind == "socket" || e.kind == "pci_bridge" || e.kind == "pci_device";
  }
  // Sockets lie below everything, then switches, functions, and what bytes start at.
  static int depth(const Endpoint& e) {
    if (e.kind == "socket") return 0;
    if (e.kind == "pci_bridge") return 1;
    return e.kind == "pci_device" ? 2 : 3;
  }
  static bool is_stack_of(const Endpoint& a, const Endpoint& b) {
    const auto files = [](const Endpoint& e) { return e.kind == "storage" || e.kind == "file_system"; };
    return files(a) && files(b);
  }

  void add_below(const std::string& id, std::size_t indent) {
    auto children = below_[id];
    const auto order = [this](const Child& c) {
      constexpr std::array<std::string_view, 7> kOrder{"memory",  "gpu",        "rdma",       "nic",
                                                       "storage", "pci_device", "file_system"};
      return std::find(kOrder.begin(), kOrder.end(), first_kind(c)) - kOrder.begin();  // switches last
    };
    std::stable_sort(children.begin(), children.end(),
                     [&](const Child& a, const Child& b) { return order(a) < order(b); });
    for (const Child& child : children) add(child, indent, "");
  }

  // A function stands where the first thing on it would.
  std::string_view first_kind(const Child& child) {
    const std::string& kind = child.endpoint->kind;
    if (kind != "pci_device" || below_[child.endpoint->id].empty()) return kind;
    std::string_view best = below_[child.endpoint->id].front().endpoint->kind;
    for (const Child& user : below_[child.endpoint->id])
      if (user.endpoint->kind == "rdma") best = "rdma";
    return best;
  }

  // `link`: the resource of the function's PCIe link, where the device has a function of its own.
  void add(const Child& child, std::size_t indent, const std::string& link) {
    const Endpoint& e = *child.endpoint;
    if (e.kind == "pci_device") {
      const auto& users = below_[e.id];
      if (users.empty()) ++left_out_;
      for (const Child& user : users) add(user, indent, child.resource);
      return;
    }
    if (e.kind == "pci_bridge") {
      // Nothing of interest behind it: a management controller's bridge.
      if (!carries(e.id)) {
        ++left_out_;
        return;
      }
      row(indent, "switch " + e.pci, e.name, e, link_text(child.resource), limit_of_resource(child.resource));
      add_below(e.id, indent + 1);
      return;
    }
    if (e.kind == "nic" && shares_port_with_rdma(e)) return;
    const std::string shown = e.kind == "gpu" ? child.resource : link;
    row(indent, e.id, describe_device(e), e, link_text(shown), limit_to_memory(e));
  }

  bool carries(const std::string& id) {
    const auto& children = below_[id];
    return std::any_of(children.begin(), children.end(),
                       [&](const Child& c) { return !crosses(*c.endpoint) || carries(c.endpoint->id); });
  }

  void add_stack(const Endpoint& e) {
    if (!heading_) rows_.push_back({"stacked on the above"});
    heading_ = true;
    row(1, e.id, fmt::format("{}, over {}", describe_device(e), fmt::join(members_[e.id], ", ")), e, "",
        limit_to_memory(e));
  }

  void row(std::size_t indent, const std::string& id, const std::string& name, const Endpoint& e,
           const std::string& link, const std::string& limit) {
    rows_.push_back(
        {std::string(2 * indent, ' ') + id, name, e.numa ? fmt::format("{}", *e.numa) : "-", link, limit});
  }

  std::string describe_device(const Endpoint& e) const {
    std::string text = name_beside_id(e);
    if (e.kind == "memory")
      for (const NumaNode& node : machine_.host.numa)
        if (e.numa == node.index)
          text = fmt::format("{}{}", to_binary(Bytes{node.memory_bytes}),
                             node.cpus.empty() ? ", no CPUs" : ", CPUs " + ranges(node.cpus));
    if (e.kind == "rdma")
      for (const Endpoint& nic : machine_.graph.endpoints)
        if (nic.kind == "nic" && resource_from(nic.id) == resource_from(e.id))
          text += ", interface " + after_colon(nic.id);
    const auto mounts = view_.mounts.find(e.id);
    if (mounts != view_.mounts.end() && e.kind == "storage")
      text += fmt::format(", on {}{}", mounts->second.front(), mounts->second.size() > 1 ? " …" : "");
    return text;
  }

  std::string resource_from(const std::string& id) const {
    for (const Link& link : machine_.graph.links)
      if (link.from == id) return link.resource;
    return {};
  }

  bool shares_port_with_rdma(const Endpoint& nic) const {
    const std::string port = resource_from(nic.id);
    return std::any_of(machine_.graph.endpoints.begin(), machine_.graph.endpoints.end(),
                       [&](const Endpoint& e) { return e.kind == "rdma" && resource_from(e.id) == port; });
  }

  // "40:00.0" of a limit's source "PCIe 16 GT/s x4, …, at root port 0000:40:00.0": where the link hangs.
  static std::string port_text(const Resource& link) {
    const auto at = link.limit_source.find(" port ");
    if (at == std::string::npos) return "";
    std::string port = link.limit_source.substr(at + 6);
    port = port.substr(0, port.find(": "));
    return port.starts_with("0000:") ? port.substr(5) : port;
  }

  std::string link_text(const std::string& resource) const {
    const Resource* link = find_resource(machine_.graph, resource);
    if (link == nullptr) return "";
    const std::string port = port_text(*link);
    const std::string rate = rate_text(*link);
    return rate + (port.empty() ? "" : rate.empty() ? "at " + port : ", at " + port);
  }

  // "16 GT/s x4", "16 GT/s x2 of x4", "2.5 of 32 GT/s x16"; empty where unknown
  std::string rate_text(const Resource& link) const {
    if (!link.limit_bytes_per_s) return "";
    for (const LinkState& s : view_.links) {
      if (s.resource != link.id || s.width <= 0 || s.speed_gt_per_s <= 0) continue;
      const std::string speed =
          s.speed_gt_per_s < s.possible_speed_gt_per_s
              ? fmt::format("{:g} of {:g} GT/s", s.speed_gt_per_s, s.possible_speed_gt_per_s)
              : fmt::format("{:g} GT/s", s.speed_gt_per_s);
      return s.width < s.possible_width ? fmt::format("{} x{} of x{}", speed, s.width, s.possible_width)
                                        : fmt::format("{} x{}", speed, s.width);
    }
    const std::string& source = link.limit_source;  // "PCIe 16 GT/s x4, 128b/130b, …"
    return source.starts_with("PCIe ") ? source.substr(5, source.find(',') - 5) : "";
  }

  std::string limit_of_resource(const std::string& id) const {
    const Resource* resource = find_resource(machine_.graph, id);
    return resource == nullptr || !resource->limit_bytes_per_s
               ? "not told"
               : to_text(BytesPerSecond{*resource->limit_bytes_per_s});
  }

  std::string limit_to_memory(const Endpoint& e) const {
    if (e.kind == "memory") return limit_of_resource("memory_controller:" + after_colon(e.id));
    const std::string beside = e.numa ? fmt::format("memory:{}", *e.numa) : memory_;
    const auto path =
        path_between(machine_.graph, e.id, find_endpoint(machine_.graph, beside) ? beside : memory_);
    // The memory's own limit says nothing about the device.
    std::vector<Hop> device_hops;
    for (const Hop& hop : path)
      if (!hop.resource.starts_with("memory_controller:")) device_hops.push_back(hop);
    const PathLimit limit = limit_of(machine_.graph, device_hops);
    return limit.bytes_per_s ? to_text(BytesPerSecond{*limit.bytes_per_s}) : "not told";
  }

  const Machine& machine_;
  const View& view_;
  std::map<std::string, std::vector<Child>> below_;
  std::map<std::string, std::vector<std::string>> members_;
  std::string memory_;
  Rows rows_;
  int left_out_ = 0;
  bool heading_ = false;
};

std::string setting(const HostFacts& host, const std::string& key, const std::string& before) {
  const auto it = host.settings.find(key);
  return it == host.settings.end() ? std::string() : before + it->second;
}

std::string counted(int count, const std::string& what) {
  return fmt::format("{} {}{}", count, what, count == 1 ? "" : "s");
}

std::string threads_text(const Cpu& cpu) {
  const std::string all = counted(cpu.threads, "thread"), reason = cpu_limit_reason(cpu);
  return reason.empty() ? all : fmt::format("{} ({:.3g} usable: {})", all, usable_threads(cpu), reason);
}

}  // namespace

View look(const Machine& machine, const std::filesystem::path& root_path) {
  View view;
  view.links = link_states(machine, root_path);
  const FileRoot root(root_path);
  const std::vector<Mount> mounts = read_mounts(root);
  const BlockDevices blocks = read_block_devices(root);
  for (const Mount& mount : mounts) {
    if (is_kernel_interface(mount)) continue;
    const StorageBelow below = storage_below(root, mounts, blocks, mount);
    if (below.devices.size() != 1) continue;
    const auto device = blocks.find(below.devices.front());
    if (device == blocks.end()) continue;
    const std::string& whole = device->second.partition_of;
    auto& points = view.mounts["storage:" + (whole.empty() ? device->first : whole)];
    if (std::find(points.begin(), points.end(), mount.point) == points.end()) points.push_back(mount.point);
  }
  return view;
}

std::string describe(const Machine& machine, const View& view, int width) {
  const HostFacts& host = machine.host;
  std::string text = fmt::format("{}: Linux {}{}{}\n", host.name, host.kernel, setting(host, "os", ", "),
                                 host.settings.contains("hypervisor") ? ", a virtual machine" : "");
  text += fmt::format("{}: {}, {}, {}; {} in {}\n\n", host.cpu.model.empty() ? "CPU" : host.cpu.model,
                      counted(host.cpu.sockets, "socket"), counted(host.cpu.cores, "core"),
                      threads_text(host.cpu), to_binary(Bytes{host.memory_bytes}),
                      counted(static_cast<int>(host.numa.size()), "NUMA node"));
  Tree tree(machine, view);
  text += table(tree.rows(), 1, static_cast<std::size_t>(std::max(width, 60)));
  if (tree.left_out() > 0)
    text += fmt::format("and {} on PCIe links, in --json\n", counted(tree.left_out(), "other device"));
  return text + nvml::describe_gpus(host, width);
}

std::string describe_path(const Machine& machine, const std::string& path, const PathLocation& location,
                          int width) {
  std::string text = location.mount_point.empty()
                         ? fmt::format("{} is a block device, {}", path, location.endpoint)
                         : fmt::format("{} lies on {} ({} of {}), at {}", path, location.mount_point,
                                       location.file_system, location.source, location.endpoint);
  std::vector<std::string> drives;
  for (const std::string& drive : location.drives)
    if (drive != location.endpoint) drives.push_back(after_colon(drive));
  if (!drives.empty()) text += fmt::format(", over {}", fmt::join(drives, ", "));
  text += "\n";
  if (location.endpoint.starts_with("memory:"))
    return text + "It is memory: no drive and no link stands before it.\n";

  const Endpoint* start = find_endpoint(machine.graph, location.endpoint);
  std::string memory;
  for (const Endpoint& e : machine.graph.endpoints) {
    if (e.kind != "memory") continue;
    const bool beside = start != nullptr && start->numa && e.numa == start->numa;
    if (memory.empty() || beside) memory = e.id;
  }
  const auto hops = path_between(machine.graph, location.endpoint, memory);
  text += fmt::format("Hops to {}:\n", memory);
  Rows rows;
  for (const Hop& hop : hops) {
    const Resource* r = find_resource(machine.graph, hop.resource);
    if (r == nullptr) continue;
    const std::string share =
        hop.units_per_byte == 1 ? "" : fmt::format(" ({:.3g} of the bytes)", hop.units_per_byte);
    rows.push_back({"  " + r->id, r->limit_source + share,
                    r->limit_bytes_per_s ? to_text(BytesPerSecond{*r->limit_bytes_per_s}) : "not told"});
  }
  text += table(rows, 1, static_cast<std::size_t>(std::max(width, 60)));
  const PathLimit limit = limit_of(machine.graph, hops);
  return text + (limit.bytes_per_s ? fmt::format("At most {}, by {}\n",
                                                 to_text(BytesPerSecond{*limit.bytes_per_s}), limit.source)
                                   : std::string("No hop tells a limit: only measuring will.\n"));
}

std::string describe(const std::vector<Finding>& findings, int width) {
  if (findings.empty()) return "Nothing found that would spoil a measurement.\n";
  const auto count = [&](const char* severity) {
    return static_cast<int>(std::count_if(findings.begin(), findings.end(),
                                          [&](const Finding& f) { return f.severity == severity; }));
  };
  std::vector<std::string> counts;
  for (const char* severity : {"error", "warning", "note"})
    if (const int n = count(severity); n > 0) counts.push_back(counted(n, severity));
  std::string text = fmt::format("{}\n", fmt::join(counts, ", "));
  for (const Finding& f : findings) {
    text +=
        fmt::format("\n{:<8} {}{}\n", f.severity, f.id, f.resource.empty() ? "" : "  [" + f.resource + "]");
    text += wrap(f.what, 9, static_cast<std::size_t>(std::max(width, 60)));
    if (!f.remedy.empty()) text += fmt::format("         remedy: {}\n", f.remedy);
  }
  return text;
}

}  // namespace millrace::topology
