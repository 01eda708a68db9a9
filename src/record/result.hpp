// SPDX-License-Identifier: Apache-2.0
// The result document (millrace.result/1) as plain structs: what run writes and diagnose, check, size and
// report read. Field names are the document's; optional fields are null in JSON when unknown. Rates are bytes
// per second, times seconds unless the name says _ns. The JSON Schema stands in
// reports/schema/result.schema.json.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "topology/discover.hpp"
#include "topology/graph.hpp"

namespace millrace::record {

inline constexpr const char* kSchema = "millrace.result/1";

// A mean with its 95 % confidence interval (over repeats where there are several, else within the repeat by
// batch means), and the percentiles of the slices. A run too short for an interval has none: null, not an
// interval of width zero.
struct Estimate {
  double mean = 0;
  std::optional<double> ci95_low, ci95_high;  // one of them alone is no interval
  std::optional<double> p5, p50, p95;
  bool operator==(const Estimate&) const = default;
};

struct Latency {  // seconds; a percentile that the count of operations cannot resolve is null
  std::optional<double> p50, p90, p99, p999;
  std::optional<double> max;
  std::string resolved_to;  // "p99.9": the highest percentile that the count resolves, or "" for none
  std::uint64_t count = 0;
  bool operator==(const Latency&) const = default;
};

struct LatencyHistogram {  // layout: include/millrace/latency_buckets.h
  std::string unit = "ns";
  int sub_bits = 7;
  std::vector<std::pair<std::uint32_t, std::uint64_t>> buckets;  // index, count; only the non-empty ones
  bool operator==(const LatencyHistogram&) const = default;
};

struct Repeat {
  double throughput_bytes_per_s = 0, operations_per_s = 0;
  std::int64_t begin_ns = 0, end_ns = 0;  // CLOCK_MONOTONIC of its host, after the warm-up cut
  std::string stop_reason;                // "converged" | "time limit" | "completed" | "cancelled"
  double warm_up_cut_s = 0;               // left out before begin_ns
  std::vector<std::string> flags = {};    // "throttled": of this repeat alone
  // What of the measurement's counters and stages[] is this repeat's alone, warm-up included: "worker:bytes",
  // "worker:user_s", "worker:system_s", and for each stage "stage:prep:bytes" and "stage:prep:cpu_s". Empty
  // in documents that know the sums only.
  std::map<std::string, double> counters = {};
  bool operator==(const Repeat&) const = default;
};

struct Participant {  // one worker
  int rank = 0;
  int host = 0;
  std::string role;
  double throughput_bytes_per_s = 0;
  double skew_s = 0;  // its start after the first worker's start
  bool operator==(const Participant&) const = default;
};

struct Slices {  // of the last repeat, warm-up included, on one time grid
  double period_s = 0;
  std::vector<std::uint64_t> bytes, operations;
  bool operator==(const Slices&) const = default;
};

// A stage of a pipeline: shares are of wall time, averaged over its threads; fill is the mean share of its
// output queue's slots that held something (null: it has no output queue).
struct Stage {
  std::string name;  // "read", "prep", "copy", "compute"
  int threads = 0;
  double busy_share = 0, blocked_on_input_share = 0, blocked_on_output_share = 0;
  double cpu_s = 0;         // CPU time that its threads used
  std::uint64_t bytes = 0;  // that it worked on
  std::optional<double> output_queue_fill;
  std::string resource;  // the resource that it occupies: "cpu:prep", or empty
  bool operator==(const Stage&) const = default;
};

struct MetricSummary {
  std::uint64_t count = 0;
  double mean = 0, min = 0, p5 = 0, p50 = 0, p95 = 0, max = 0;
  bool operator==(const MetricSummary&) const = default;
};

struct MeasuredHop {
  std::string resource;
  double units_per_byte = 1;
  bool operator==(const MeasuredHop&) const = default;
};

using ParameterValue = std::variant<bool, std::int64_t, double, std::string>;

struct Measurement {
  std::string id;                                    // unique in the document: "m3"
  std::string probe;                                 // "storage.read"
  std::string status = "ok";                         // "ok" | "failed" | "skipped"
  std::string reason;                                // why, when it is not ok
  std::string hint;                                  // the way out, when it is not ok
  std::string label;                                 // what the plan calls it: "unet3d input", or empty
  std::map<std::string, ParameterValue> parameters;  // name -> value; sizes in bytes, durations in seconds
  std::string device = "host";                       // where it ended: "gpu" | "host" | "stand-in"
  std::vector<std::string>
      flags;             // "unsteady", "throttled", "limit-discredited", "cache-not-bypassed", "overslept",
                         // "pcie-link-below-maximum" and "gpu-lost": by NVML, while it ran
  std::string from, to;  // endpoint ids; several: with " + " between them
  std::vector<MeasuredHop> path;
  std::vector<std::string> concurrent_with;  // measurement ids
  Estimate throughput_bytes_per_s;
  Estimate operations_per_s;
  std::optional<Latency> latency_s;
  std::optional<LatencyHistogram> latency_histogram;
  std::vector<Repeat> repeats;
  std::vector<Participant> participants;
  std::optional<Slices> slices;
  std::vector<Stage> stages;
  std::map<std::string, MetricSummary> metrics;  // "step_s", "accelerator_utilization_share"
  std::map<std::string, double> counters;  // "block:vda:read_bytes", "psi:io:full_s", "worker:user_s", ...
  std::optional<double> energy_j;
  std::optional<double> limit_bytes_per_s;
  std::string limit_source;
  std::optional<double> limit_fraction;
  std::optional<bool> verified;
  double duration_s = 0;                                           // all repeats, set-up excluded
  std::optional<Estimate> algorithm_bytes_per_s, bus_bytes_per_s;  // of collectives only; else no such keys
  bool operator==(const Measurement&) const = default;
};

struct Interference {
  std::string victim, aggressor;              // measurement ids
  double throughput_kept = 1, p99_ratio = 1;  // not a number: unknown
  std::optional<double> p99_added_s = {};     // 99th percentile beside the aggressor less that alone
  bool operator==(const Interference&) const = default;
};

// What simultaneous measurements say about one resource, or about a class of them that every measured set
// crossed together.
struct SharedCapacity {
  std::vector<std::string> resources;
  std::string operation;  // "storage.read 1 MiB × 8", or "any": bytes of whatever kind
  // The mean total over repeats of the set that moved most, with its 95 % interval: the floor is its low end.
  double carried_bytes_per_s = 0;
  std::optional<double> carried_low, carried_high;
  std::optional<double> limit_bytes_per_s;  // the ceiling; null: unknown, or discredited by what was carried
  std::string limit_source;
  bool saturated = false;             // it held its flows back; false: it carries this much at least
  std::vector<std::string> evidence;  // measurement ids
  std::string split_by;               // of a class of several: the measurement that would tell them apart
  bool operator==(const SharedCapacity&) const = default;
};

struct Bottleneck {
  std::vector<std::string> resources;  // one, or a class that cannot be told apart
  std::string kind;  // "storage" | "pcie" | "memory" | "cpu" | "copy" | "network" | "gpu" | "compute"
  double needed_bytes_per_s = 0,
         available_bytes_per_s = 0;   // of the workload's bytes, all accelerators together
  std::vector<std::string> evidence;  // measurement ids
  bool operator==(const Bottleneck&) const = default;
};

struct RankedHop {  // every hop of the feed path, most used first
  std::string resource;
  std::string kind;
  std::string name;               // for people: "read from vda (virtio)", "prepare on the CPU: normalize"
  double utilization = 0;         // share of it that the workload needs when fed at full speed
  double needed_bytes_per_s = 0;  // of the workload's bytes
  std::optional<double> available_bytes_per_s, available_low, available_high;  // measured, with interval
  std::optional<double> limit_bytes_per_s;
  std::vector<std::string> evidence;
  bool operator==(const RankedHop&) const = default;
};

struct Relief {  // mend `resource` by `factor`: what results, with this and all before it, and what binds
                 // next
  std::string resource;         // resource id, or the name of a part of a latency
  double factor = 1;            // times as fast; of a queue, times the replicas
  std::string next_bottleneck;  // as `resource`; empty: nothing, the accelerators compute all the time
  double accelerator_utilization = 0;
  std::optional<double>
      latency_s{};  // of what is judged by its time: an answer's p99, the whole of a loading
  bool operator==(const Relief&) const = default;
};

struct LatencyPart {  // not a number: the count of operations does not resolve it
  std::string name;
  double p50_s = 0, p99_s = 0;
  bool measured = false;              // else given by the profile, or computed from what it gives
  std::string source;                 // where the figures are from, with the sum where there is one
  std::vector<std::string> evidence;  // measurement ids
  bool operator==(const LatencyPart&) const = default;
};

struct LatencyDiagnosis {
  double budget_s = 0, p50_s = 0, p99_s = 0, bound_p99_s = 0;
  std::vector<LatencyPart> parts;
  std::string mend;  // the part that takes most, where the budget is not kept; else empty
  bool operator==(const LatencyDiagnosis&) const = default;
};

struct MeasuredUtilization {
  double accelerator_utilization = 0;
  double residual = 0;      // predicted − measured, in points of utilization as a share
  std::string measurement;  // its id
  bool operator==(const MeasuredUtilization&) const = default;
};

// One line of the sum that a verdict stands on, to be checked with a calculator.
struct ExplanationStep {
  // "demand" | "path" | "capacity" | "utilization" | "binding" | "prediction" | "verdict" | "relief" |
  // "proof" | "latency": what the line belongs to. Lines of one part stand together.
  std::string part;
  std::string claim;                  // for people
  std::string arithmetic;             // "7 × 0.1466 GB ÷ 0.323 s = 3.177 GB/s"; empty: nothing is computed
  std::vector<std::string> evidence;  // measurement ids
  bool operator==(const ExplanationStep&) const = default;
};

struct Diagnosis {
  std::string workload, accelerator;
  int accelerators = 1;
  std::string verdict;    // "fed" | "starved" | "inconclusive"
  std::string sentence;   // the verdict for people
  std::string undecided;  // when inconclusive: the measurement that would decide
  double utilization = 0, utilization_ci95_low = 0, utilization_ci95_high = 0;  // accelerator_utilization
  double utilization_wanted = 0;
  double step_compute_s = 0, step_predicted_s = 0;
  double lost_input = 0, lost_collective = 0, lost_checkpoint = 0;  // shares of the step
  std::vector<Bottleneck> bottlenecks;
  std::vector<RankedHop> ranking;
  std::vector<Relief> relief;
  std::optional<MeasuredUtilization> measured;
  std::optional<LatencyDiagnosis> latency;
  std::vector<std::string> notes;  // what was assumed, scaled or stood in: said aloud in every output
  std::vector<ExplanationStep> explanation;
  bool operator==(const Diagnosis&) const = default;
};

struct Tool {
  std::string name = "millrace", version, commit;
  bool operator==(const Tool&) const = default;
};

struct Document {
  Tool tool;
  std::string started;  // RFC 3339, UTC
  std::vector<topology::HostFacts> hosts;
  topology::Topology topology;
  std::vector<topology::Finding> findings;
  std::vector<Measurement> measurements;
  std::vector<Interference> interference;
  std::vector<SharedCapacity> capacities;
  std::vector<Diagnosis> diagnoses;
  bool complete = true;  // false: from a journal that a killed or interrupted run left
};

}  // namespace millrace::record
