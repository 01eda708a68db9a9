// SPDX-License-Identifier: Apache-2.0
#include "record/references.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace millrace::record {
namespace {

using Ids = std::unordered_set<std::string>;

template <typename T>
std::optional<Fault> collect(const std::vector<T>& items, const char* where, const char* what, Ids& ids) {
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (!ids.insert(items[i].id).second) {
      return Fault{fmt::format("{}/{}/id", where, i),
                   fmt::format("the {} \"{}\" is there twice", what, items[i].id)};
    }
  }
  return std::nullopt;
}

template <typename T>
std::optional<Fault> check_hosts(const std::vector<T>& items, const std::string& where, std::size_t hosts) {
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (items[i].host < 0 || static_cast<std::size_t>(items[i].host) >= hosts) {
      return Fault{fmt::format("{}/{}/host", where, i),
                   fmt::format("host {} is not one of the {} in /hosts", items[i].host, hosts)};
    }
  }
  return std::nullopt;
}

std::optional<Fault> missing(std::string pointer, const char* what, const std::string& id) {
  return Fault{std::move(pointer), fmt::format("no {} has the id \"{}\"", what, id)};
}

std::optional<Fault> check_all(const std::vector<std::string>& named, const Ids& ids,
                               const std::string& where) {
  for (std::size_t i = 0; i < named.size(); ++i) {
    if (!ids.contains(named[i])) return missing(fmt::format("{}/{}", where, i), "measurement", named[i]);
  }
  return std::nullopt;
}

std::optional<Fault> check_diagnosis(const Diagnosis& diagnosis, const Ids& ids, const std::string& where) {
  for (std::size_t i = 0; i < diagnosis.bottlenecks.size(); ++i) {
    const std::string evidence = fmt::format("{}/bottlenecks/{}/evidence", where, i);
    if (auto fault = check_all(diagnosis.bottlenecks[i].evidence, ids, evidence)) return fault;
  }
  for (std::size_t i = 0; i < diagnosis.ranking.size(); ++i) {
    const std::string evidence = fmt::format("{}/ranking/{}/evidence", where, i);
    if (auto fault = check_all(diagnosis.ranking[i].evidence, ids, evidence)) return fault;
  }
  for (std::size_t i = 0; i < diagnosis.explanation.size(); ++i) {
    const std::string evidence = fmt::format("{}/explanation/{}/evidence", where, i);
    if (auto fault = check_all(diagnosis.explanation[i].evidence, ids, evidence)) return fault;
  }
  if (diagnosis.measured && !diagnosis.measured->measurement.empty() &&
      !ids.contains(diagnosis.measured->measurement)) {
    return missing(where + "/measured/measurement", "measurement", diagnosis.measured->measurement);
  }
  return std::nullopt;
}

std::optional<Fault> check_named_measurements(const Document& document, const Ids& ids) {
  for (std::size_t i = 0; i < document.measurements.size(); ++i) {
    const std::string where = fmt::format("/measurements/{}/concurrent_with", i);
    if (auto fault = check_all(document.measurements[i].concurrent_with, ids, where)) return fault;
  }
  for (std::size_t i = 0; i < document.interference.size(); ++i) {
    const Interference& pair = document.interference[i];
    const std::string where = fmt::format("/interference/{}", i);
    if (!ids.contains(pair.victim)) return missing(where + "/victim", "measurement", pair.victim);
    if (!ids.contains(pair.aggressor)) return missing(where + "/aggressor", "measurement", pair.aggressor);
  }
  for (std::size_t i = 0; i < document.capacities.size(); ++i) {
    const std::string evidence = fmt::format("/capacities/{}/evidence", i);
    if (auto fault = check_all(document.capacities[i].evidence, ids, evidence)) return fault;
  }
  for (std::size_t i = 0; i < document.diagnoses.size(); ++i) {
    const std::string where = fmt::format("/diagnoses/{}", i);
    if (auto fault = check_diagnosis(document.diagnoses[i], ids, where)) return fault;
  }
  return std::nullopt;
}

}  // namespace

TopologyIds::TopologyIds(const topology::Topology& topology, std::size_t hosts) : hosts_(hosts) {
  fault_ = collect(topology.endpoints, "/topology/endpoints", "endpoint", endpoints_);
  if (!fault_) fault_ = collect(topology.resources, "/topology/resources", "resource", resources_);
  if (!fault_) fault_ = check_hosts(topology.endpoints, "/topology/endpoints", hosts);
  if (!fault_) fault_ = check_hosts(topology.resources, "/topology/resources", hosts);
  for (std::size_t i = 0; i < topology.links.size() && !fault_; ++i) {
    const topology::Link& link = topology.links[i];
    const std::string where = fmt::format("/topology/links/{}", i);
    if (!endpoints_.contains(link.from))
      fault_ = missing(where + "/from", "endpoint", link.from);
    else if (!endpoints_.contains(link.to))
      fault_ = missing(where + "/to", "endpoint", link.to);
    else if (!resources_.contains(link.resource))
      fault_ = missing(where + "/resource", "resource", link.resource);
  }
}

std::optional<Fault> TopologyIds::check(const Measurement& m, const std::string& pointer) const {
  const auto unknown_end = [&](const std::string& several) {
    const auto ends = topology::ends_of(several);
    return !several.empty() && std::any_of(ends.begin(), ends.end(),
                                           [&](const std::string& id) { return !endpoints_.contains(id); });
  };
  if (unknown_end(m.from)) return missing(pointer + "/from", "endpoint", m.from);
  if (unknown_end(m.to)) return missing(pointer + "/to", "endpoint", m.to);
  for (std::size_t i = 0; i < m.path.size(); ++i) {
    const std::string& id = m.path[i].resource;
    const auto is_stage = [&](const Stage& stage) { return !id.empty() && stage.resource == id; };
    if (!resources_.contains(id) && std::none_of(m.stages.begin(), m.stages.end(), is_stage)) {
      return missing(fmt::format("{}/path/{}/resource", pointer, i), "resource", id);
    }
  }
  return check_hosts(m.participants, pointer + "/participants", hosts_);
}

std::optional<Fault> check_references(const Document& document) {
  const TopologyIds topology(document.topology, document.hosts.size());
  if (topology.fault()) return topology.fault();
  Ids measurements;
  if (auto fault = collect(document.measurements, "/measurements", "measurement", measurements)) return fault;
  for (std::size_t i = 0; i < document.measurements.size(); ++i) {
    if (auto fault = topology.check(document.measurements[i], fmt::format("/measurements/{}", i)))
      return fault;
  }
  return document.complete ? check_named_measurements(document, measurements) : std::nullopt;
}

}  // namespace millrace::record
