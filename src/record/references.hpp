// SPDX-License-Identifier: Apache-2.0
// Whether the ids that a document names exist in it, and stand for one thing each.
#pragma once

#include <optional>
#include <string>
#include <unordered_set>

#include "record/read_json.hpp"
#include "record/result.hpp"

namespace millrace::record {

// Checked: ids are unique among endpoints, resources and measurements; host indices; the ends and resources
// of links; a measurement's ends, path and participants' hosts; and wherever a measurement is named
// (concurrent_with, interference, capacities, evidence, explanation, proof). Not checked: what a finding or a
// diagnosis says of resources, since it may speak of what the topology does not hold. A resource that a
// measurement's own stages[] name counts as existing ("cpu:prep"). In an incomplete document a measurement
// may name another that the killed run never reached.
std::optional<Fault> check_references(const Document& document);

// The same for one measurement against the topology that it was taken on: a journal's lines, checked one by
// one.
class TopologyIds {
 public:
  TopologyIds(const topology::Topology& topology, std::size_t hosts);
  // Links, and ids that stand for two things.
  [[nodiscard]] const std::optional<Fault>& fault() const { return fault_; }
  [[nodiscard]] std::optional<Fault> check(const Measurement& measurement, const std::string& pointer) const;

 private:
  std::size_t hosts_;
  std::unordered_set<std::string> endpoints_, resources_;
  std::optional<Fault> fault_;
};

}  // namespace millrace::record
