// SPDX-License-Identifier: Apache-2.0
// The JSON keys of a measurement and its parts; the visitor is explained in fields.hpp.
#pragma once

#include "record/fields.hpp"

namespace millrace::record {

template <typename V, Is<Estimate> T>
void fields(V& v, T& estimate) {
  v.required("mean", estimate.mean);
  v.required("ci95_low", estimate.ci95_low);
  v.required("ci95_high", estimate.ci95_high);
  v.required("p5", estimate.p5);
  v.required("p50", estimate.p50);
  v.required("p95", estimate.p95);
}

template <typename V, Is<Latency> T>
void fields(V& v, T& latency) {
  v.required("p50", latency.p50);
  v.required("p90", latency.p90);
  v.required("p99", latency.p99);
  v.required("p999", latency.p999);
  v.required("max", latency.max);
  v.required("resolved_to", latency.resolved_to);
  v.optional("count", latency.count);
}

template <typename V, Is<LatencyHistogram> T>
void fields(V& v, T& histogram) {
  v.required("unit", histogram.unit);
  v.required("sub_bits", histogram.sub_bits);
  v.required("buckets", histogram.buckets);
}

template <typename V, Is<Repeat> T>
void fields(V& v, T& repeat) {
  v.required("throughput_bytes_per_s", repeat.throughput_bytes_per_s);
  v.required("operations_per_s", repeat.operations_per_s);
  v.required("begin_ns", repeat.begin_ns);
  v.required("end_ns", repeat.end_ns);
  v.required("stop_reason", repeat.stop_reason);
  v.optional("warm_up_cut_s", repeat.warm_up_cut_s);
  v.optional("flags", repeat.flags);
  v.optional("counters", repeat.counters);
}

template <typename V, Is<Participant> T>
void fields(V& v, T& participant) {
  v.required("rank", participant.rank);
  v.required("host", participant.host);
  v.required("role", participant.role);
  v.required("throughput_bytes_per_s", participant.throughput_bytes_per_s);
  v.required("skew_s", participant.skew_s);
}

template <typename V, Is<Slices> T>
void fields(V& v, T& slices) {
  v.required("period_s", slices.period_s);
  v.required("bytes", slices.bytes);
  v.required("operations", slices.operations);
}

template <typename V, Is<Stage> T>
void fields(V& v, T& stage) {
  v.required("name", stage.name);
  v.required("threads", stage.threads);
  v.required("busy_share", stage.busy_share);
  v.required("blocked_on_input_share", stage.blocked_on_input_share);
  v.required("blocked_on_output_share", stage.blocked_on_output_share);
  v.required("cpu_s", stage.cpu_s);
  v.required("bytes", stage.bytes);
  v.required("output_queue_fill", stage.output_queue_fill);
  v.required("resource", stage.resource);
}

template <typename V, Is<MetricSummary> T>
void fields(V& v, T& metric) {
  v.required("count", metric.count);
  v.nullable("mean", metric.mean);
  v.nullable("min", metric.min);
  v.nullable("p5", metric.p5);
  v.nullable("p50", metric.p50);
  v.nullable("p95", metric.p95);
  v.nullable("max", metric.max);
}

template <typename V, Is<MeasuredHop> T>
void fields(V& v, T& hop) {
  v.required("resource", hop.resource);
  v.required("units_per_byte", hop.units_per_byte);
}

template <typename V, Is<Measurement> T>
void fields(V& v, T& m) {
  v.required("id", m.id);
  v.required("probe", m.probe);
  v.one_of("status", m.status, {"ok", "failed", "skipped"});
  v.required("reason", m.reason);
  v.optional("hint", m.hint);
  v.optional("label", m.label);
  v.required("parameters", m.parameters);
  v.one_of("device", m.device, {"gpu", "host", "stand-in"});
  v.required("flags", m.flags);
  v.required("from", m.from);
  v.required("to", m.to);
  v.required("path", m.path);
  v.required("concurrent_with", m.concurrent_with);
  v.required("throughput_bytes_per_s", m.throughput_bytes_per_s);
  v.required("operations_per_s", m.operations_per_s);
  v.when_known("algorithm_bytes_per_s", m.algorithm_bytes_per_s);
  v.when_known("bus_bytes_per_s", m.bus_bytes_per_s);
  v.required("latency_s", m.latency_s);
  v.required("latency_histogram", m.latency_histogram);
  v.required("repeats", m.repeats);
  v.required("participants", m.participants);
  v.required("slices", m.slices);
  v.required("stages", m.stages);
  v.required("metrics", m.metrics);
  v.required("counters", m.counters);
  v.required("energy_j", m.energy_j);
  v.required("limit_bytes_per_s", m.limit_bytes_per_s);
  v.required("limit_source", m.limit_source);
  v.required("limit_fraction", m.limit_fraction);
  v.required("verified", m.verified);
  v.required("duration_s", m.duration_s);
}

}  // namespace millrace::record
