// SPDX-License-Identifier: Apache-2.0
// The JSON keys of the documents as wholes; the visitor is explained in fields.hpp. The key "schema" is not
// among them: it is written and read before all others.
#pragma once

#include "record/fields_diagnosis.hpp"
#include "record/fields_measurement.hpp"
#include "record/journal.hpp"

namespace millrace::record {

inline constexpr const char* kTopologySchema = "millrace.topology/1";
inline constexpr const char* kJournalSchema = "millrace.journal/1";

template <typename V, Is<Document> T>
void fields(V& v, T& d) {
  v.required("tool", d.tool);
  v.required("started", d.started);
  v.required("hosts", d.hosts);
  v.required("topology", d.topology);
  v.required("findings", d.findings);
  v.required("measurements", d.measurements);
  v.required("interference", d.interference);
  v.optional("capacities", d.capacities);
  v.required("diagnoses", d.diagnoses);
  v.optional("complete", d.complete);
}

template <typename V, Is<JournalHeader> T>
void fields(V& v, T& header) {
  v.required("tool", header.document.tool);
  v.required("started", header.document.started);
  v.required("hosts", header.document.hosts);
  v.required("topology", header.document.topology);
  v.required("findings", header.document.findings);
  v.required("fingerprint", header.fingerprint);
  v.required("settings", header.settings);
}

// A topology on its own: the parts of a Document that it holds.
template <typename V, typename Hosts, typename Topology, typename Findings>
void topology_fields(V& v, Hosts& hosts, Topology& topology, Findings& findings) {
  v.required("hosts", hosts);
  v.required("topology", topology);
  v.required("findings", findings);
}

}  // namespace millrace::record
