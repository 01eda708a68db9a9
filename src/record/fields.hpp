// SPDX-License-Identifier: Apache-2.0
// Which keys a struct has in JSON, in the order of the schema: said once, for the reader and for the writer.
//
// fields(visitor, struct) calls the visitor once a key with one of
//   required(key, member)      the key must be there; a std::optional member may be null
//   optional(key, member)      the key may be missing: the member keeps its default
//   when_known(key, member)    an optional member whose key is left out when it is empty
//   nullable(key, double)      a computed ratio: null stands for "not a number" (division by a rate of zero)
//   one_of(key, text, words)   required, and one of these words
//   group(key, function)       an object that is no struct of its own: function(visitor of its keys)
// The reader's structs are mutable, the writer's are const.
#pragma once

#include <concepts>
#include <type_traits>

#include "record/result.hpp"
#include "topology/gpu_fields.hpp"

namespace millrace::record {

template <typename T, typename U>
concept Is = std::same_as<std::remove_const_t<T>, U>;

template <typename V, Is<Tool> T>
void fields(V& v, T& tool) {
  v.required("name", tool.name);
  v.required("version", tool.version);
  v.required("commit", tool.commit);
}

template <typename V, Is<topology::Cpu> T>
void fields(V& v, T& cpu) {
  v.required("model", cpu.model);
  v.required("sockets", cpu.sockets);
  v.required("cores", cpu.cores);
  v.required("threads", cpu.threads);
  v.when_known("usable_threads", cpu.usable_threads);
  v.optional("limited_by", cpu.limited_by);
}

template <typename V, Is<topology::NumaNode> T>
void fields(V& v, T& node) {
  v.required("index", node.index);
  v.required("memory_bytes", node.memory_bytes);
  v.required("cpus", node.cpus);
}

template <typename V, Is<topology::ClockOffset> T>
void fields(V& v, T& offset) {
  v.required("start", offset.start);
  v.required("end", offset.end);
  v.required("error", offset.error);
}

template <typename V, Is<topology::HostFacts> T>
void fields(V& v, T& host) {
  v.required("name", host.name);
  v.required("kernel", host.kernel);
  v.required("cpu", host.cpu);
  v.required("memory_bytes", host.memory_bytes);
  v.optional("numa", host.numa);
  v.required("drivers", host.drivers);
  v.required("settings", host.settings);
  v.when_known("gpus", host.gpus);
  v.when_known("clock_offset_s", host.clock_offset_s);
}

template <typename V, Is<topology::Endpoint> T>
void fields(V& v, T& endpoint) {
  v.required("id", endpoint.id);
  v.required("kind", endpoint.kind);
  v.required("name", endpoint.name);
  v.required("host", endpoint.host);
  v.optional("numa", endpoint.numa);
  v.optional("pci", endpoint.pci);
  v.optional("device", endpoint.device);
  v.optional("backing", endpoint.backing);
}

template <typename V, Is<topology::Resource> T>
void fields(V& v, T& resource) {
  v.required("id", resource.id);
  v.required("kind", resource.kind);
  v.required("name", resource.name);
  v.required("host", resource.host);
  v.required("limit_bytes_per_s", resource.limit_bytes_per_s);
  v.required("limit_source", resource.limit_source);
  v.optional("numa", resource.numa);
  v.optional("pci", resource.pci);
}

template <typename V, Is<topology::Link> T>
void fields(V& v, T& link) {
  v.required("from", link.from);
  v.required("to", link.to);
  v.required("resource", link.resource);
}

template <typename V, Is<topology::Topology> T>
void fields(V& v, T& topology) {
  v.required("endpoints", topology.endpoints);
  v.required("resources", topology.resources);
  v.required("links", topology.links);
}

template <typename V, Is<topology::Finding> T>
void fields(V& v, T& finding) {
  v.required("id", finding.id);
  v.one_of("severity", finding.severity, {"error", "warning", "note"});
  v.required("resource", finding.resource);
  v.required("what", finding.what);
  v.required("remedy", finding.remedy);
}

}  // namespace millrace::record
