// SPDX-License-Identifier: Apache-2.0
#include "sample.hpp"

#include <cstdlib>
#include <fstream>
#include <sstream>
#include <stdexcept>

namespace millrace::record {
namespace {

Measurement full_measurement() {
  Measurement m;
  m.id = "m1";
  m.probe = "ingest.pipeline";
  m.status = "failed";
  m.reason = "worker 3 got signal 11: \"quoted\"\n\tand a tab, and ünïcode";
  m.hint = "see its log";
  m.label = "unet3d-h100";
  m.parameters = {
      {"direct", true}, {"block_size", std::int64_t{1} << 40}, {"scale", 2.0}, {"pattern", "random"}};
  m.device = "stand-in";
  m.flags = {"unsteady", "throttled"};
  m.from = "storage:vda";
  m.to = "memory:0";
  m.path = {{"drive:vda:read", 1}, {"memory:0", 2.5}};
  m.concurrent_with = {"m2"};
  m.throughput_bytes_per_s = {3.25e9, 3.1e9, 3.4e9, 2.9e9, 3.2e9, 1.0 / 3.0};
  m.operations_per_s = {1e6, 9e5, 1.1e6, std::nullopt, 1e6, std::nullopt};
  m.latency_s = Latency{1e-4, 2e-4, 3.3e-4, std::nullopt, 5e-3, "p99", 12345};
  m.latency_histogram = LatencyHistogram{"ns", 7, {{0, 1}, {300, 18446744073709551615ULL}, {4607, 2}}};
  m.repeats = {{3.2e9, 1e6, -5, 9007199254740993, "converged"}, {3.3e9, 1.1e6, 7, 8, "time limit"}};
  m.repeats[0].counters = {{"worker:bytes", 4096.0}, {"stage:prep:cpu_s", 0.75}};
  m.participants = {{1, 0, "reader", 1.6e9, 0.001}, {2, 0, "consumer", 1.7e9, -0.5}};
  m.slices = Slices{0.01, {1, 2, 18446744073709551615ULL}, {4, 5, 6}};
  m.stages = {{"read", 4, 0.5, 0.25, 0.125, 3.5, 1000, 0.75, "cpu:read"},
              {"compute", 1, 0.9, 0.05, 0.01, 0.1, 999, std::nullopt, "gpu"}};
  m.metrics = {{"step_s", {10, 0.3, 0.2, 0.21, 0.29, 0.4, 0.5}}, {"queue/depth~1", {1, 2, 3, 4, 5, 6, 7}}};
  m.counters = {{"block:vda:read_bytes", 4096.0}, {"psi:io:full_s", 1e-9}};
  m.energy_j = 12.5;
  m.limit_bytes_per_s = 7.88e9;
  m.limit_source = "PCIe 16 GT/s x4, 128b/130b";
  m.limit_fraction = 0.41;
  m.verified = true;
  m.duration_s = 5.5;
  m.algorithm_bytes_per_s = Estimate{1, 0.5, 1.5, std::nullopt, std::nullopt, std::nullopt};
  m.bus_bytes_per_s = Estimate{2, 1.5, 2.5, std::nullopt, std::nullopt, std::nullopt};
  return m;
}

Measurement second_measurement() {
  Measurement m;  // most of it stays at its default: nulls and empty lists
  m.id = "m2";
  m.probe = "memory.copy";
  m.status = "skipped";
  m.verified = false;
  return m;
}

Diagnosis full_diagnosis() {
  Diagnosis d;
  d.workload = "unet3d-h100";
  d.accelerator = "h100";
  d.accelerators = 8;
  d.verdict = "starved";
  d.sentence = "vda delivers 1.1 GB/s of the 3.18 GB/s that are needed";
  d.undecided = "measure memory.copy alone";
  d.utilization = 0.35;
  d.utilization_ci95_low = 0.33;
  d.utilization_ci95_high = 0.37;
  d.utilization_wanted = 0.9;
  d.step_compute_s = 0.323;
  d.step_predicted_s = 0.93;
  d.lost_input = 0.6;
  d.lost_collective = 0.01;
  d.lost_checkpoint = 0.02;
  d.bottlenecks = {{{"drive:vda:read", "file_system:/"}, "storage", 3.18e9, 1.1e9, {"m1"}}};
  d.ranking = {
      {"drive:vda:read", "storage", "read from vda", 2.9, 3.18e9, 1.1e9, 1.0e9, 1.2e9, 7.88e9, {"m1", "m2"}}};
  d.relief = {{"drive:vda:read", 2.9, "memory:0", 0.95, 0.019}};
  d.measured = MeasuredUtilization{0.34, 0.01, "m2"};
  d.latency = LatencyDiagnosis{
      0.1, 0.02, 0.05, 0.08, {{"storage", 0.01, 0.02, true, "805 MB ÷ 1 GB/s", {"m1"}}}, "storage"};
  d.notes = {"host memory stands in for GPU memory"};
  d.explanation = {{"demand", "what 8 accelerators take", "8 × 0.398 GB/s = 3.18 GB/s", {"m1"}}};
  return d;
}

topology::GpuFacts full_gpu() {
  topology::GpuFacts gpu;
  gpu.gpu = "gpu:0";
  gpu.name = "H100";
  gpu.uuid = "GPU-1";
  gpu.pci = "0000:17:00.0";
  gpu.memory_bytes = 80ULL << 30;
  gpu.memory_used_bytes = 1ULL << 30;
  gpu.pcie_generation = 1;
  gpu.pcie_width = 8;
  gpu.pcie_generation_possible = 5;
  gpu.pcie_width_possible = 16;
  gpu.sm_clock_mhz = 345;
  gpu.sm_clock_most_mhz = 1980;
  gpu.memory_clock_mhz = 2618;
  gpu.memory_clock_most_mhz = 2619;
  gpu.clocks_held_by = {"idle"};
  gpu.power_w = 71.5;
  gpu.power_limit_w = 700;
  gpu.temperature_c = 31;
  gpu.slowdown_temperature_c = 87;
  gpu.persistence = true;
  gpu.ecc = false;
  gpu.ecc_corrected = 3;
  gpu.ecc_uncorrected = 1;
  gpu.remapped_rows = 2;
  gpu.remapping_pending = true;
  gpu.remapping_failed = false;
  gpu.nvlinks = {{0, true, 26562e6, "switch", "0000:c0:00.0", 4}, {1, false, 0.0, "", "", 0}};
  gpu.peers = {{"gpu:1", "ok", "not supported", true, "NUMA node"}};
  return gpu;
}

}  // namespace

topology::Machine full_machine() {
  topology::Machine machine;
  topology::HostFacts& host = machine.host;  // field by field: GCC 12 misjudges the nested initialiser
  host.name = "node1";
  host.kernel = "6.1.0";
  host.cpu.model = "Xeon";
  host.cpu.sockets = 2;
  host.cpu.cores = 64;
  host.cpu.threads = 128;
  host.cpu.usable_threads = 1.5;
  host.cpu.limited_by = "quota";
  host.memory_bytes = 1ULL << 40;
  host.numa = {{0, 1ULL << 39, {0, 1}}, {1, 1ULL << 39, {2}}};
  host.drivers = {{"nvme", "1.0"}};
  host.settings = {{"governor", "performance"}};
  host.gpus = {full_gpu()};
  machine.graph.endpoints = {{"storage:vda", "storage", "vda (virtio)", 0, 1, "0000:00:05.0", "/dev/vda"},
                             {"memory:0", "memory", "NUMA node 0", 0, std::nullopt, "", ""}};
  machine.graph.endpoints[0].backing = "memory";
  machine.graph.resources = {
      {"drive:vda:read", "drive", "vda", 0, 7.88e9, "PCIe 16 GT/s x4", 1, "0000:00:05.0"},
      {"memory:0", "memory_controller", "memory of node 0", 0, std::nullopt, "unknown", std::nullopt, ""}};
  machine.graph.links = {{"storage:vda", "memory:0", "drive:vda:read"}};
  return machine;
}

Document full_document() {
  const topology::Machine machine = full_machine();
  Document d;
  d.tool = {"millrace-test", "0.1.0", "abcdef"};
  d.started = "2026-11-05T12:00:00Z";
  d.hosts = {machine.host};
  d.hosts[0].clock_offset_s = topology::ClockOffset{0.25, 0.25001, 15e-6};  // as of one that was a peer
  d.topology = machine.graph;
  d.findings = {
      {"governor-not-performance", "warning", "cpu", "powersave", "cpupower frequency-set -g performance"}};
  d.measurements = {full_measurement(), second_measurement()};
  d.interference = {{"m1", "m2", 0.5, 3.5, 2.5e-4}};
  d.capacities = {{{"drive:vda:read", "pcie:1:read"},
                   "storage.read 1 MiB × 8",
                   1.1e9,
                   1.0e9,
                   1.2e9,
                   7.88e9,
                   "PCIe 16 GT/s x4",
                   true,
                   {"m1", "m2"},
                   "a read from a second drive behind pcie:1:read"}};
  d.diagnoses = {full_diagnosis()};
  d.complete = false;
  return d;
}

JournalHeader full_header() {
  JournalHeader header;
  header.document = full_document();
  header.document.measurements.clear();
  header.document.interference.clear();
  header.document.diagnoses.clear();
  header.fingerprint = "f00d";
  header.settings = {{"path", "/data"}, {"for", "unet3d-h100"}};
  return header;
}

TemporaryFolder::TemporaryFolder() {
  std::string name = (std::filesystem::temp_directory_path() / "millrace-record-XXXXXX").native();
  if (mkdtemp(name.data()) == nullptr) throw std::runtime_error("cannot make a temporary folder");
  path_ = name;
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::string content_of(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

void put_content(const std::filesystem::path& file, const std::string& text) {
  std::filesystem::remove(
      file);  // ext4 flushes a file that is truncated and written again: slow, a thousand times
  std::ofstream(file, std::ios::binary) << text;
}

}  // namespace millrace::record
