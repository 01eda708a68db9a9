// SPDX-License-Identifier: Apache-2.0
// Reading result documents, beside nlohmann/json parsing the same text into its tree (which is less work: it
// checks no field and fills no struct), and writing them.
#include <benchmark/benchmark.h>

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
BENCHMARK(parse_by_nlohmann)->Arg(10)->Arg(1000);
BENCHMARK(write_by_millrace)->Arg(10)->Arg(100);

}  // namespace
