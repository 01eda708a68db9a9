// SPDX-License-Identifier: Apache-2.0
// The JSON keys of a diagnosis and its parts; the visitor is explained in fields.hpp. What a diagnosis
// computes may divide by a rate of zero, so its figures are nullable.
#pragma once

#include "record/fields.hpp"

namespace millrace::record {

template <typename V, Is<Interference> T>
void fields(V& v, T& interference) {
  v.required("victim", interference.victim);
  v.required("aggressor", interference.aggressor);
  v.nullable("throughput_kept", interference.throughput_kept);
  v.nullable("p99_ratio", interference.p99_ratio);
  v.optional("p99_added_s", interference.p99_added_s);
}

template <typename V, Is<SharedCapacity> T>
void fields(V& v, T& capacity) {
  v.required("resources", capacity.resources);
  v.required("operation", capacity.operation);
  v.nullable("carried_bytes_per_s", capacity.carried_bytes_per_s);
  v.required("carried_low", capacity.carried_low);
  v.required("carried_high", capacity.carried_high);
  v.required("limit_bytes_per_s", capacity.limit_bytes_per_s);
  v.optional("limit_source", capacity.limit_source);
  v.required("saturated", capacity.saturated);
  v.required("evidence", capacity.evidence);
  v.optional("split_by", capacity.split_by);
}

template <typename V, Is<Bottleneck> T>
void fields(V& v, T& bottleneck) {
  v.required("resources", bottleneck.resources);
  v.required("kind", bottleneck.kind);
  v.nullable("needed_bytes_per_s", bottleneck.needed_bytes_per_s);
  v.nullable("available_bytes_per_s", bottleneck.available_bytes_per_s);
  v.required("evidence", bottleneck.evidence);
}

template <typename V, Is<RankedHop> T>
void fields(V& v, T& hop) {
  v.required("resource", hop.resource);
  v.optional("kind", hop.kind);
  v.optional("name", hop.name);
  v.nullable("utilization", hop.utilization);
  v.nullable("needed_bytes_per_s", hop.needed_bytes_per_s);
  v.optional("available_bytes_per_s", hop.available_bytes_per_s);
  v.optional("available_low", hop.available_low);
  v.optional("available_high", hop.available_high);
  v.optional("limit_bytes_per_s", hop.limit_bytes_per_s);
  v.optional("evidence", hop.evidence);
}

template <typename V, Is<Relief> T>
void fields(V& v, T& relief) {
  v.required("resource", relief.resource);
  v.nullable("factor", relief.factor);
  v.required("next_bottleneck", relief.next_bottleneck);
  v.nullable("accelerator_utilization", relief.accelerator_utilization);
  v.when_known("latency_s", relief.latency_s);
}

template <typename V, Is<LatencyPart> T>
void fields(V& v, T& part) {
  v.required("name", part.name);
  v.nullable("p50_s", part.p50_s);
  v.nullable("p99_s", part.p99_s);
  v.required("measured", part.measured);
  v.optional("source", part.source);
  v.optional("evidence", part.evidence);
}

template <typename V, Is<LatencyDiagnosis> T>
void fields(V& v, T& latency) {
  v.nullable("budget_s", latency.budget_s);
  v.nullable("p50_s", latency.p50_s);
  v.nullable("p99_s", latency.p99_s);
  v.nullable("bound_p99_s", latency.bound_p99_s);
  v.required("parts", latency.parts);
  v.optional("mend", latency.mend);
}

template <typename V, Is<MeasuredUtilization> T>
void fields(V& v, T& measured) {
  v.nullable("accelerator_utilization", measured.accelerator_utilization);
  v.nullable("residual", measured.residual);
  v.optional("measurement", measured.measurement);
}

template <typename V, Is<ExplanationStep> T>
void fields(V& v, T& step) {
  v.required("part", step.part);
  v.required("claim", step.claim);
  v.required("arithmetic", step.arithmetic);
  v.required("evidence", step.evidence);
}

template <typename V, Is<Diagnosis> T>
void fields(V& v, T& d) {
  v.required("workload", d.workload);
  v.required("accelerator", d.accelerator);
  v.required("accelerators", d.accelerators);
  v.one_of("verdict", d.verdict, {"fed", "starved", "inconclusive"});
  v.optional("sentence", d.sentence);
  v.optional("undecided", d.undecided);
  v.group("accelerator_utilization", [&](auto& group) {
    group.nullable("value", d.utilization);
    group.nullable("ci95_low", d.utilization_ci95_low);
    group.nullable("ci95_high", d.utilization_ci95_high);
  });
  v.nullable("utilization_wanted", d.utilization_wanted);
  v.group("step_s", [&](auto& group) {
    group.nullable("compute", d.step_compute_s);
    group.nullable("predicted", d.step_predicted_s);
  });
  v.group("lost", [&](auto& group) {
    group.nullable("input", d.lost_input);
    group.nullable("collective", d.lost_collective);
    group.nullable("checkpoint", d.lost_checkpoint);
  });
  v.required("bottlenecks", d.bottlenecks);
  v.required("ranking", d.ranking);
  v.required("relief", d.relief);
  v.required("measured", d.measured);
  v.required("latency", d.latency);
  v.optional("notes", d.notes);
  v.optional("explanation", d.explanation);
}

}  // namespace millrace::record
