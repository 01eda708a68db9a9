// SPDX-License-Identifier: Apache-2.0
#include "machine/description.hpp"

#include <fstream>
#include <map>
#include <stdexcept>

namespace millrace::standin {
namespace {

using nlohmann::json;

NvLink to_nvlink(const json& from) {
  return {from.at("link"), from.at("to"), from.at("bytes_per_s"), from.value("state", "active") == "active"};
}

GpuDescription to_gpu(const json& from) {
  GpuDescription gpu;
  gpu.index = from.at("index");
  gpu.pci = from.at("pci");
  gpu.uuid = from.at("uuid");
  gpu.numa = from.value("numa", 0);
  gpu.pcie_switch = from.value("switch", "");
  gpu.memory_bytes = from.at("memory_bytes");
  gpu.pcie_bytes_per_s = from.at("pcie").at("bytes_per_s");
  gpu.memory_bytes_per_s = from.value("memory_bytes_per_s", 0.0);
  for (const json& link : from.value("nvlinks", json::array())) gpu.nvlinks.push_back(to_nvlink(link));
  const json latency = from.value("latency_ns", json::object());
  gpu.host_latency_ns = latency.value("host", 1000);
  gpu.peer_latency_ns = latency.value("peer", 700);
  gpu.memory_latency_ns = latency.value("memory", 400);
  return gpu;
}

FaultDescription to_fault(const json& from) {
  static const std::map<std::string, FaultKind> kinds{{"error", FaultKind::kError},
                                                      {"hang", FaultKind::kHang},
                                                      {"wrong-data", FaultKind::kWrongData},
                                                      {"lost", FaultKind::kLost},
                                                      {"slow", FaultKind::kSlow}};
  return {from.at("library"),       from.value("call", "*"),   from.value("from_call", std::uint64_t{1}),
          from.value("gpu", -1),    kinds.at(from.at("what")), from.value("error", ""),
          from.value("factor", 1.0)};
}

Description to_description(json document) {
  Description machine;
  if (document.at("schema") != "standin.machine/1")
    throw std::runtime_error("its schema is not standin.machine/1");
  machine.driver_version = document.at("driver").at("version");
  machine.driver_name = document.at("driver").at("name");
  const json cpus = document.value("cpus", json::object());
  machine.numa_nodes = cpus.value("numa_nodes", 1);
  machine.inter_socket_bytes_per_s = cpus.value("inter_socket_bytes_per_s", 0.0);
  for (const json& gpu : document.at("gpus")) machine.gpus.push_back(to_gpu(gpu));
  for (std::size_t i = 0; i < machine.gpus.size(); ++i)
    if (machine.gpus[i].index != static_cast<int>(i))
      throw std::runtime_error("gpus[] are not in order of index");
  for (const json& one : document.value("switches", json::array()))
    machine.switches.push_back(
        {one.at("id"), one.at("pci"), one.value("numa", 0), one.at("uplink_bytes_per_s")});
  machine.cufile_direct = document.value("cufile", json::object()).value("direct", true);
  for (const json& fault : document.value("faults", json::array())) machine.faults.push_back(to_fault(fault));
  machine.document = std::move(document);
  return machine;
}

}  // namespace

Description read_description(const std::string& file) {
  try {
    std::ifstream stream(file);
    if (!stream) throw std::runtime_error("it cannot be read");
    return to_description(json::parse(stream));
  } catch (const std::exception& error) {
    throw std::runtime_error("the stand-in machine " + file + ": " + error.what());
  }
}

}  // namespace millrace::standin
