// SPDX-License-Identifier: Apache-2.0
#include "diagnose/shared_hops.hpp"

#include <fmt/core.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <string>

#include "diagnose/crossings.hpp"
#include "diagnose/explanation.hpp"
#include "diagnose/spread.hpp"
#include "units/quantity.hpp"

namespace millrace::diagnose {
namespace {

struct SharedKind {
  const char* kind;    // of the resource
  const char* of_hop;  // record::Bottleneck's
  const char* for_people;
};
constexpr SharedKind kSharedKinds[] = {
    {"pcie_switch_uplink", "pcie", "the switch uplink"},
    {"pcie_link", "pcie", "the link"},
    {"inter_socket", "memory", "the link between the sockets"},
    {"memory_controller", "memory", "the memory"},
    {"nic", "network", "the port"},
    {"network_link", "network", "the network link"},
    {"file_system", "storage", "the file system"},
    {"drive", "storage", "the drive"},
};

const SharedKind* shared_kind(const std::string& kind) {
  const auto* found = std::find_if(std::begin(kSharedKinds), std::end(kSharedKinds),
                                   [&](const SharedKind& one) { return kind == one.kind; });
  return found == std::end(kSharedKinds) ? nullptr : found;
}

// What is only presumed may be one of several, and no hop is made of a guess.
bool filled_by_several(const Inference& inference, const ResourceCapacity& one) {
  return one.seen == Seen::kSaturated && one.by_several &&
         inference.classes[one.in_class].front() ==
             static_cast<std::size_t>(&one - inference.resources.data());
}

// How much of a record's byte crosses each resource on the way into memory: by where the data lie, else by
// what each member of the set moved.
std::map<std::string, double> crossed_per_byte(const record::Document& document,
                                               const StorageEvidence& evidence) {
  std::map<std::string, double> units;
  const auto add = [&](const record::Measurement& m, double share) {
    for (const record::MeasuredHop& hop : m.path) units[hop.resource] += share * hop.units_per_byte;
  };
  if (const auto spread = spread_of(document, evidence)) {
    for (const SpreadPart& part : spread->parts) add(*part.beside, part.share);
    return units;
  }
  double total = 0;
  for (const auto* m : evidence.set) total += m->throughput_bytes_per_s.mean;
  for (const auto* m : evidence.set) add(*m, m->throughput_bytes_per_s.mean / total);
  return units;
}

std::string name_of(const record::Document& document, const std::string& id) {
  const auto* resource = topology::find_resource(document.topology, id);
  return resource != nullptr && !resource->name.empty() ? resource->name : id;
}

// "the switch uplink pcie:1:read"; of "drive vda" just "the drive vda".
std::string noun_of(const SharedKind& kind, const std::string& name) {
  const std::string words = kind.for_people;
  const std::string last = words.substr(words.rfind(' ') + 1);
  return name.starts_with(last) ? "the " + name : words + " " + name;
}

// Of what ran together, only what crossed it is evidence of what it carries.
bool crosses(const record::Document& document, const std::string& id, const Hop& hop) {
  for (const record::Measurement& m : document.measurements)
    if (m.id == id)
      return std::any_of(m.path.begin(), m.path.end(), [&](const record::MeasuredHop& crossed) {
        return std::find(hop.resources.begin(), hop.resources.end(), crossed.resource) != hop.resources.end();
      });
  return false;
}

// "m4 + m5", or where chance had another set before it in a repeat "m4 + m5, m4 + m5, m3".
std::string moved_by(const ResourceCapacity& one) {
  const auto& draws = one.draws_of;
  const bool all_one = std::adjacent_find(draws.begin(), draws.end(), std::not_equal_to<>()) == draws.end();
  return all_one && !draws.empty() ? draws.front() : fmt::format("{}", fmt::join(draws, ", "));
}

std::vector<record::ExplanationStep> derivation_of(const ResourceCapacity& one,
                                                   const std::vector<std::string>& evidence, double units) {
  std::vector<record::ExplanationStep> steps;
  const double carried = one.capacity.measured->mean;
  if (one.capacity.repeats.size() > 1)
    steps.push_back(
        {part::kCapacity,
         fmt::format("what went through it at the same time, repeat by repeat, by the set that moved most "
                     "in the other repeats: {}",
                     moved_by(one)),
         Sum(figure::sum_of_rates(one.capacity.repeats))
             .over(figure::count(static_cast<double>(one.capacity.repeats.size())))
             .equals(figure::rate(carried)),
         evidence});
  if (std::fabs(units - 1) > 1e-9)
    steps.push_back(
        {part::kCapacity,
         "so many bytes cross it for each byte of the records",
         Sum(figure::rate(carried)).over(figure::count(units)).equals(figure::rate(carried / units)),
         {}});
  return steps;
}

Hop shared_hop_of(const record::Document& document, const Inference& inference, const ResourceCapacity& one,
                  const SharedKind& kind, double units) {
  Hop hop;
  for (const std::size_t i : inference.classes[one.in_class])
    hop.resources.push_back(inference.resources[i].resource);
  hop.kind = kind.of_hop;
  hop.noun = noun_of(kind, name_of(document, one.resource));
  hop.name = fmt::format("reading through {}", hop.noun);
  hop.capacity = one.capacity;
  std::erase_if(hop.capacity.evidence, [&](const std::string& id) { return !crosses(document, id, hop); });
  hop.derivation = derivation_of(one, hop.capacity.evidence, units);
  MeasuredRate& measured = *hop.capacity.measured;
  measured.mean /= units, measured.ci95_low /= units, measured.ci95_high /= units;
  for (double& repeat : hop.capacity.repeats) repeat /= units;
  if (hop.capacity.limit) *hop.capacity.limit /= units;
  return hop;
}

// What told it apart from a drive does so in the drive's hop as well.
void leave_other_classes(const Hop& hop, FeedPath& path) {
  for (Hop& other : path.hops)
    std::erase_if(other.resources, [&](const std::string& resource) {
      return other.resources.front() != resource &&
             std::find(hop.resources.begin(), hop.resources.end(), resource) != hop.resources.end();
    });
  // A hop of the link's limit alone says less than what it was seen to carry.
  std::erase_if(path.hops, [&](const Hop& other) {
    return !other.capacity.measured && other.resources.size() == 1 &&
           other.resources.front() == hop.resources.front();
  });
}

// "memory:0" and "memory_controller:0" are of one NUMA node.
bool same_memory(const Hop& a, const Hop& b) {
  const auto node = [](const std::string& id) { return id.substr(std::min(id.find(':'), id.size())); };
  return a.kind == "memory" && b.kind == "memory" && node(a.resources.front()) == node(b.resources.front());
}

// A hop of what a drive does alone, for the part of the data in one folder, does not speak of what it does
// for several.
bool is_spoken_of(const FeedPath& path, const Hop& hop, bool of_drive) {
  return std::any_of(path.hops.begin(), path.hops.end(), [&](const Hop& other) {
    if (!other.capacity.measured || other.resources.empty()) return false;
    const bool is_among =
        std::find(hop.resources.begin(), hop.resources.end(), other.resources.front()) != hop.resources.end();
    const auto rests_on = [&](const std::string& id) {
      const auto& evidence = other.capacity.evidence;
      return std::find(evidence.begin(), evidence.end(), id) != evidence.end();
    };
    const auto& evidence = hop.capacity.evidence;
    const bool same_evidence = !of_drive || std::all_of(evidence.begin(), evidence.end(), rests_on);
    return (is_among && same_evidence) || same_memory(other, hop);
  });
}

void add_notes(const record::Document& document, const ResourceCapacity& one, const Hop& hop,
               FeedPath& path) {
  path.notes.push_back(
      fmt::format("{} went through {} at the same time ({}), less than everything else on the way allows: "
                  "that is what it carries",
                  to_text(BytesPerSecond{one.capacity.measured->mean}), hop.noun,
                  fmt::join(hop.capacity.evidence, ", ")));
  if (hop.resources.size() < 2) return;
  const std::string split = what_splits(possible_flows(document.topology), hop.resources);
  path.notes.push_back(fmt::format(
      "{} were crossed by the same measurements alone and cannot be told apart{}",
      fmt::join(hop.resources, ", "), split.empty() ? "" : fmt::format(": one {} would split them", split)));
}

}  // namespace

bool shares_are_known(const Inference& inference, const MeasuredSet& set) {
  return std::all_of(set.begin(), set.end(), [&](const record::Measurement* m) {
    return std::any_of(m->path.begin(), m->path.end(), [&](const record::MeasuredHop& hop) {
      return std::any_of(inference.resources.begin(), inference.resources.end(),
                         [&](const ResourceCapacity& one) {
                           return one.resource == hop.resource && shared_kind(one.kind) != nullptr &&
                                  filled_by_several(inference, one);
                         });
    });
  });
}

void add_shared_hops(const record::Document& document, const Inference& inference,
                     const StorageEvidence& evidence, double memory_crossings, FeedPath& path) {
  if (evidence.set.empty()) return;
  const auto crossed = crossed_per_byte(document, evidence);
  const std::string operation = operation_of(*evidence.set.front());
  for (const ResourceCapacity& one : inference.resources) {
    const SharedKind* kind = shared_kind(one.kind);
    const auto at = crossed.find(one.resource);
    if (kind == nullptr || at == crossed.end() || at->second <= 0 || !filled_by_several(inference, one))
      continue;
    const bool by_operation = one.kind == std::string("drive") || one.kind == std::string("file_system");
    if (by_operation && one.operation != operation) continue;
    // Once in memory, a record's byte crosses it again and again.
    const double units = one.kind == "memory_controller" ? at->second * memory_crossings : at->second;
    Hop hop = shared_hop_of(document, inference, one, *kind, units);
    if (is_spoken_of(path, hop, by_operation)) continue;
    leave_other_classes(hop, path);
    add_notes(document, one, hop, path);
    const auto memory = std::find_if(path.hops.begin(), path.hops.end(),
                                     [](const Hop& other) { return other.kind == "memory"; });
    path.hops.insert(memory, std::move(hop));
  }
}

}  // namespace millrace::diagnose
