// SPDX-License-Identifier: Apache-2.0
// The topology of one host (later: a fabric of hosts): a directed graph whose vertices are endpoints and
// whose links each cross one resource, the thing that can saturate. The same structs stand in the result
// document.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace millrace::topology {

// A vertex. Kinds that bytes start or end at: "storage" (a block device), "file_system" (a mount), "memory"
// (a NUMA node's memory), "gpu", "nic", "rdma". Kinds that bytes only cross: "pci_bridge" (a PCIe switch),
// "pci_device" (a function behind its link), "socket" (a CPU package with its root complexes).
struct Endpoint {
  std::string
      id;  // unique in the document: "storage:vda", "memory:0", "gpu:0", "nic:eth0", "pci:0000:40:00.0"
  std::string kind;
  std::string name;         // for people: "nvme0n1 (Samsung PM1743)", "NUMA node 0"
  int host = 0;             // index into hosts[]
  std::optional<int> numa;  // null: unknown
  std::string pci;          // "0000:41:00.0" or empty
  std::string device;       // "/dev/nvme0n1", "/dev/infiniband/uverbs0", mount point; or empty
  // "memory": a block device whose bytes lie in memory (a loop device over a file on tmpfs), so that reading
  // it copies from memory; empty: none such.
  std::string backing = {};
  bool operator==(const Endpoint&) const = default;
};

// What can saturate. Each direction of a link is a resource of its own ("…:read" is towards memory).
// Kinds: "drive", "file_system", "pcie_link", "pcie_switch_uplink", "memory_controller", "inter_socket",
// "nic", "network_link", "nvlink", "cpu_stage". limit is null where nothing on the machine tells it: never a
// guess.
struct Resource {
  std::string id;
  std::string kind;
  std::string name;
  int host = 0;
  std::optional<double> limit_bytes_per_s;
  std::string limit_source;  // how the limit was derived: "PCIe 16 GT/s x4, 128b/130b, MaxPayload 256"; or
                             // why unknown
  std::optional<int> numa;
  std::string pci;
  bool operator==(const Resource&) const = default;
};

// One direction between two vertices, crossing one resource. A link between two endpoints of kind "storage"
// or "file_system" means that the first is stacked on the second (md, dm, loop, btrfs); several mean that
// bytes spread over them evenly. Stacking has this one direction in the document and serves both.
struct Link {
  std::string from, to;  // endpoint ids
  std::string resource;  // resource id
  bool operator==(const Link&) const = default;
};

struct Topology {
  std::vector<Endpoint> endpoints;
  std::vector<Resource> resources;
  std::vector<Link> links;
  bool operator==(const Topology&) const = default;
};

// A resource on a path, and how many bytes cross it for each byte delivered (a copy crosses memory twice).
struct Hop {
  std::string resource;
  double units_per_byte = 1.0;
  bool operator==(const Hop&) const = default;
};

// Something wrong or spoiling about the machine, and its remedy. severity: "error" | "warning" | "note".
struct Finding {
  std::string id;  // stable, for gates: "pcie-link-below-maximum", "governor-not-performance"
  std::string severity;
  std::string resource;  // resource or endpoint id, or empty (the whole machine)
  std::string what;
  std::string remedy;
  bool operator==(const Finding&) const = default;
};

const Endpoint* find_endpoint(const Topology& topology, std::string_view id);
const Resource* find_resource(const Topology& topology, std::string_view id);

// The end of a measurement's path may be several endpoints, their ids with " + " between them (as
// MILLRACE_SEVERAL of the module contract has it).
std::vector<std::string> ends_of(std::string_view several);

// The path with the fewest links from one endpoint to another, ends included; empty where there is none or
// where both are the same. A resource that the path crosses twice has units_per_byte 2. Through a device made
// of n others (md, striped dm) each member's hops carry 1/n; a mirror's writes cost more than that, so its
// limit is generous. From or to several ends each one's path carries its share alike. Bytes never pass
// through storage, a file system, memory or a GPU on their way elsewhere.
std::vector<Hop> path_between(const Topology& topology, std::string_view from, std::string_view to);

// Of the bytes at an endpoint (or at several in equal parts), the share that lies in memory: all of them at
// memory itself (files on tmpfs) and at a device that is backed by it, of a stacked device as much as of its
// members together.
double share_in_memory(const Topology& topology, std::string_view endpoints);

// The lowest known limit along a path, counting units_per_byte; null when no hop's limit is known.
struct PathLimit {
  std::optional<double> bytes_per_s;
  std::string source;  // "pcie 0000:41:00.0: PCIe 16 GT/s x4 …"
};
PathLimit limit_of(const Topology& topology, const std::vector<Hop>& path);

}  // namespace millrace::topology
