// SPDX-License-Identifier: Apache-2.0
// Documents made by hand, whose diagnosis is plain arithmetic.
#pragma once

#include <string>
#include <vector>

#include "diagnose/diagnose.hpp"

namespace millrace::diagnose::testing {

// 10 records of 100 MB per step and 0.5 s of compute: 2 GB/s for each accelerator that never waits.
inline workload::Profile toy() {
  workload::Profile profile;
  profile.name = "toy-x1";
  profile.model = "toy";
  profile.accelerator = "x1";
  profile.input.record_bytes = 100e6;
  profile.input.batch_samples = 10;
  profile.input.prep = "normalize";
  profile.input.prep_threads = 4;
  profile.compute_s = 0.5;
  profile.utilization_wanted = 0.9;
  return profile;
}

inline record::Estimate about(double mean, double spread) {
  return {mean, mean - spread, mean + spread, {}, {}, {}};
}

// A machine with one drive behind one link, its memory, and 64 hardware threads.
class Machine {
 public:
  record::Document document;

  Machine() {
    document.hosts.emplace_back();
    document.hosts[0].cpu.threads = 64;
    auto& graph = document.topology;
    graph.endpoints = {{"storage:vda", "storage", "vda (virtio)", 0, 0, "", "/dev/vda"},
                       {"socket:0", "socket", "socket 0", 0, {}, "", ""},
                       {"memory:0", "memory", "NUMA node 0", 0, 0, "", ""}};
    graph.resources = {{"drive:vda", "drive", "vda", 0, {}, "a drive tells no rate", 0, ""},
                       {"pcie:1:read", "pcie_link", "PCIe 0000:01:00.0", 0, {}, "no link speed told", 0, ""},
                       {"memory_controller:0", "memory_controller", "memory of node 0", 0, {}, "", 0, ""}};
    graph.endpoints.push_back({"pci:1", "pci_bridge", "", 0, {}, "", ""});
    graph.links = {{"storage:vda", "pci:1", "drive:vda"},
                   {"pci:1", "socket:0", "pcie:1:read"},
                   {"socket:0", "memory:0", "memory_controller:0"}};
  }

  Machine& limit(const std::string& resource, double bytes_per_s) {
    for (auto& one : document.topology.resources)
      if (one.id == resource) one.limit_bytes_per_s = bytes_per_s, one.limit_source = "PCIe 8 GT/s x4";
    return *this;
  }

  // Three repeats: mean − spread, mean, mean + spread.
  Machine& storage(double mean, double spread = 0, const std::string& label = "toy") {
    record::Measurement& m = add("storage.read", label, mean, spread);
    m.from = "storage:vda";
    m.to = "memory:0";
    m.path = {{"drive:vda", 1}, {"pcie:1:read", 1}, {"memory_controller:0", 1}};
    return *this;
  }

  Machine& memory(double mean) {
    add("memory.copy", "", mean, 0).path = {{"memory_controller:0", 2}};
    return *this;
  }

  // The stages alone, each with the rate that it would reach if it never waited.
  Machine& stages(double prep, double copy, double spread = 0, double cpu_s_per_byte = 0) {
    const double rate = std::min(prep, copy);
    record::Measurement& m = add("ingest.pipeline", "toy", rate, spread);
    m.device = "stand-in";
    m.parameters = {{"source", "synthetic"}, {"compute", 0.0}, {"accelerators", std::int64_t{1}}};
    const auto bytes = static_cast<std::uint64_t>(rate * m.duration_s);
    m.stages = {
        {"prep", 4, rate / prep, 0, 0, cpu_s_per_byte * static_cast<double>(bytes), bytes, {}, "cpu:prep"},
        {"copy", 1, rate / copy, 0, 0, 0, bytes, {}, "cpu:copy"}};
    return *this;
  }

  // The pipeline's own run of toy-x1.
  Machine& proof(double utilization, double scale = 10, std::int64_t accelerators = 1) {
    record::Measurement& m = add("ingest.pipeline", "toy-x1", 1e9, 0);
    m.parameters = {{"source", "cold"}, {"compute", 0.05}, {"scale", scale}, {"accelerators", accelerators}};
    m.metrics["accelerator_utilization_share"].mean = utilization;
    m.metrics["step_s"].count = 300;
    return *this;
  }

  record::Measurement& add(const std::string& probe, const std::string& label, double mean, double spread) {
    record::Measurement& m = document.measurements.emplace_back();
    m.id = std::string("m").append(std::to_string(document.measurements.size()));
    m.probe = probe;
    m.label = label;
    m.duration_s = 6;
    m.throughput_bytes_per_s = about(mean, spread * 4.303 / 1.732);  // t(0.975, 2) ÷ √3
    for (int i = -1; i <= 1; ++i) m.repeats.push_back({mean + i * spread, 0, 0, 2'000'000'000, "converged"});
    return m;
  }

  [[nodiscard]] record::Diagnosis ask(int accelerators = 1, const workload::Profile& profile = toy()) const {
    return diagnose(document, {profile, accelerators, {}});
  }
};

}  // namespace millrace::diagnose::testing
