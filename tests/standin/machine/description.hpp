// SPDX-License-Identifier: Apache-2.0
// The machine that stand-in drivers play, as its JSON file says (schema standin.machine/1). Rates are in
// bytes per second and direction, addresses as sysfs writes them. Keys that only one stand-in reads stay in
// `document`.
//
// Besides the keys that the structs below name:
//   cpus.inter_socket_bytes_per_s   the link between NUMA nodes, each direction; absent: no limit
//   gpus[].memory_bytes_per_s       reads and writes of the GPU's own memory, together; absent: no limit
//   gpus[].latency_ns               {"host": n, "peer": n, "memory": n}: one access of a pointer chase
//   links[]                         {"id": "nvme0", "bytes_per_s": n}: anything else that transfers may cross
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace millrace::standin {

struct NvLink {
  int link = 0;
  std::string to;  // "nvswitch:0", "gpu:3"
  double bytes_per_s = 0;
  bool active = true;
};

struct GpuDescription {
  int index = 0;
  std::string pci, uuid;  // "0000:17:00.0", "GPU-xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx"
  int numa = 0;
  std::string pcie_switch;  // id of one of switches; empty: at a root port
  std::uint64_t memory_bytes = 0;
  double pcie_bytes_per_s = 0;
  double memory_bytes_per_s = 0;  // 0: no limit
  std::vector<NvLink> nvlinks;
  std::int64_t host_latency_ns = 0, peer_latency_ns = 0, memory_latency_ns = 0;
};

struct SwitchDescription {
  std::string id, pci;
  int numa = 0;
  double uplink_bytes_per_s = 0;
};

enum class FaultKind { kError, kHang, kWrongData, kLost, kSlow };

struct FaultDescription {
  std::string library, call;    // "cuda", "cuMemcpyAsync"; call "*": each
  std::uint64_t from_call = 1;  // counted from 1, over all processes of the machine, calls of this GPU alone
  int gpu = -1;                 // -1: any
  FaultKind what = FaultKind::kError;
  std::string error;  // "CUDA_ERROR_ECC_UNCORRECTABLE"; empty: what fits the kind
  double factor = 1;  // of a slow one: how many times longer it takes
};

struct Description {
  nlohmann::json document;
  int driver_version = 0;   // 13000
  std::string driver_name;  // "580.00"
  int numa_nodes = 1;
  double inter_socket_bytes_per_s = 0;  // 0: no limit
  std::vector<GpuDescription> gpus;     // gpus[i].index is i
  std::vector<SwitchDescription> switches;
  bool cufile_direct = true;
  std::vector<FaultDescription> faults;
};

// Throws std::runtime_error that names the file and what is wrong in it.
Description read_description(const std::string& file);

}  // namespace millrace::standin
