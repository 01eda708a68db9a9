// SPDX-License-Identifier: Apache-2.0
// Reading result documents, beside nlohmann/json parsing the same text into its tree (which is less work: it
// checks no field and fills no struct), and writing them.
#include <benchmark/benchmark.h>
#include <stdlib.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <random>

#include "record/document.hpp"

namespace {

using namespace millrace::record;

// As a run on one host leaves it: a thousand slices, a few hundred buckets and some repeats for each
// measurement.
Document document_of(int measurements) {
  std::mt19937_64 random(1);
  std::lognormal_distribution<double> rate(21.0, 0.1);
  Document document;
  document.hosts.resize(1);
  document.topology.resources.push_back(
      {"drive:vda:read", "drive", "vda", 0, 7.88e9, "PCIe 16 GT/s x4", 0, ""});
  for (int i = 0; i < measurements; ++i) {
    Measurement m;
    m.id = "m" + std::to_string(i);
    m.probe = "storage.read";
    m.parameters = {{"block_size", std::int64_t{4096}}, {"pattern", "random"}, {"direct", true}};
    m.path = {{"drive:vda:read", 1}};
    m.throughput_bytes_per_s = {rate(random), 1e9, 2e9, rate(random), rate(random), rate(random)};
    m.latency_s = Latency{1e-4, 2e-4, 3e-4, 4e-4, 5e-4, "p99.9", 1000000};
    m.latency_histogram.emplace();
    for (std::uint32_t bucket = 1000; bucket < 1400; ++bucket) {
      m.latency_histogram->buckets.emplace_back(bucket, random() % 100000);
    }
    for (int r = 0; r < 3; ++r) m.repeats.push_back({rate(random), rate(random), 1000, 2000, "converged"});
    m.slices.emplace();
    m.slices->period_s = 0.01;
    for (int s = 0; s < 1000; ++s) {
      m.slices->bytes.push_back(static_cast<std::uint64_t>(rate(random) / 100));
      m.slices->operations.push_back(m.slices->bytes.back() / 4096);
    }
    for (int c = 0; c < 20; ++c) m.counters["block:vda:counter_" + std::to_string(c)] = rate(random);
    document.measurements.push_back(std::move(m));
  }
  return document;
}

void report_bytes(benchmark::State& state, std::size_t size) {
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(size));
  state.counters["document_bytes"] = static_cast<double>(size);
}

void read_by_millrace(benchmark::State& state) {
  const std::string json = to_json(document_of(static_cast<int>(state.range(0))));
  for (auto _ : state) {
    auto document = parse_document(json, "benchmark");
    if (!document) state.SkipWithError(document.error().what.c_str());
    benchmark::DoNotOptimize(document);
  }
  report_bytes(state, json.size());
}

// A document as a run of three workloads on one host leaves it: a few hundred kB, a third of it words.
Document document_of_a_host(int host) {
  Document document = document_of(0);
  document.hosts.front().name = "node" + std::to_string(host);
  for (int i = 0; i < 60; ++i)
    document.topology.resources.push_back({"pcie:" + std::to_string(i), "pcie",
                                           "PCIe link " + std::to_string(i), 0, 31.5e9 + i,
                                           "32 GT/s x16, 128b/130b", 0, "0000:17:00.0"});
  std::mt19937_64 random(static_cast<std::uint64_t>(host));
  Document measured = document_of(21);
  for (Measurement& m : measured.measurements) {
    m.throughput_bytes_per_s.mean += host;
    m.latency_histogram->buckets.resize(40);
    m.slices->bytes.resize(300);
    m.slices->operations.resize(300);
    for (auto& bytes : m.slices->bytes) bytes += random() % 1000;
    document.measurements.push_back(std::move(m));
  }
  for (int d = 0; d < 9; ++d) {
    Diagnosis diagnosis;
    diagnosis.workload = "unet3d-h100";
    diagnosis.accelerator = "h100";
    diagnosis.verdict = "starved";
    diagnosis.sentence = std::string(400, 's');
    diagnosis.bottlenecks.push_back({{"drive:vda:read"}, "storage", 3.18e9, 1e9 + d, {"m0"}});
    for (int hop = 0; hop < 6; ++hop)
      diagnosis.ranking.push_back({"pcie:" + std::to_string(hop),
                                   "pcie",
                                   "PCIe link",
                                   0.5,
                                   3.18e9,
                                   1e9,
                                   9e8,
                                   1.1e9,
                                   31.5e9,
                                   {"m1", "m2"}});
    diagnosis.relief.push_back({"drive:vda:read", 2.8, "pcie:1", 0.9});
    diagnosis.notes.assign(3, std::string(120, 'n'));
    document.diagnoses.push_back(std::move(diagnosis));
  }
  return document;
}

// The result documents of 16,384 hosts, file by file; 64 different ones stand for all (5 GB would fill the
// memory that others need). Wanted are 200 MB/s of JSON.
void read_the_documents_of_16384_hosts(benchmark::State& state) {
  namespace fs = std::filesystem;
  constexpr int kHosts = 16384, kFiles = 64;
  std::string folder = (fs::temp_directory_path() / "millrace-record-bench-XXXXXX").string();
  if (mkdtemp(folder.data()) == nullptr) return state.SkipWithError("no temporary folder");
  std::size_t size = 0;
  for (int file = 0; file < kFiles; ++file) {
    const fs::path path = fs::path(folder) / (std::to_string(file) + ".json");
    if (!write_document(document_of_a_host(file), path)) state.SkipWithError("cannot write");
    size += fs::file_size(path);
  }
  for (auto _ : state) {
    std::size_t measurements = 0;
    for (int host = 0; host < kHosts; ++host) {
      const auto document = read_document(fs::path(folder) / (std::to_string(host % kFiles) + ".json"));
      if (!document) return state.SkipWithError(document.error().what.c_str());
      measurements += document->measurements.size();
    }
    if (measurements != std::size_t{kHosts} * 21) state.SkipWithError("documents came back incomplete");
  }
  report_bytes(state, size * (kHosts / kFiles));
  fs::remove_all(folder);
}

void parse_by_nlohmann(benchmark::State& state) {
  const std::string json = to_json(document_of(static_cast<int>(state.range(0))));
  for (auto _ : state) benchmark::DoNotOptimize(nlohmann::json::parse(json));
  report_bytes(state, json.size());
}

void write_by_millrace(benchmark::State& state) {
  const Document document = document_of(static_cast<int>(state.range(0)));
  std::size_t size = 0;
  for (auto _ : state) size = to_json(document).size();
  report_bytes(state, size);
}

BENCHMARK(read_by_millrace)->Arg(10)->Arg(1000);
BENCHMARK(read_the_documents_of_16384_hosts)->Iterations(1)->Unit(benchmark::kMillisecond);
BENCHMARK(parse_by_nlohmann)->Arg(10)->Arg(1000);
BENCHMARK(write_by_millrace)->Arg(10)->Arg(100);

}  // namespace
