// SPDX-License-Identifier: Apache-2.0
#include <fmt/core.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "diagnose/conventions.hpp"
#include "diagnose/feed_path.hpp"
#include "diagnose/spread.hpp"
#include "units/quantity.hpp"

namespace millrace::diagnose {
namespace {

// A link this much above what was measured through it is not what held the measurement back.
constexpr double kWellAbove = 1.2;

struct Crossed {
  std::string id, kind, name;
  double units = 1;  // times that a byte of the set crosses it
  std::optional<double> limit;
  std::string limit_source;
};

std::string kind_of(const topology::Topology& topology, const std::string& id) {
  if (const auto* resource = topology::find_resource(topology, id)) return resource->kind;
  return id.starts_with("memory") ? "memory_controller" : "unknown";
}

// What the set's bytes cross but memory, which memory.copy answers for.
std::vector<Crossed> crossed_by(const topology::Topology& topology,
                                const std::vector<record::MeasuredHop>& path) {
  std::vector<Crossed> all;
  for (const auto& hop : path) {
    if (std::any_of(all.begin(), all.end(), [&](const Crossed& c) { return c.id == hop.resource; })) continue;
    Crossed one{hop.resource, kind_of(topology, hop.resource), hop.resource, hop.units_per_byte, {}, {}};
    if (one.kind == "memory_controller" || one.units <= 0) continue;
    if (const auto* resource = topology::find_resource(topology, hop.resource)) {
      if (!resource->name.empty()) one.name = resource->name;
      one.limit = resource->limit_bytes_per_s;
      one.limit_source = resource->limit_source;
    }
    all.push_back(std::move(one));
  }
  return all;
}

// Every byte of the set crosses some of its members' paths: shares by what each member moved.
std::vector<record::MeasuredHop> path_of(const MeasuredSet& set) {
  std::vector<record::MeasuredHop> path;
  double total = 0;
  for (const auto* m : set) total += m->throughput_bytes_per_s.mean;
  for (const auto* m : set)
    for (const auto& hop : m->path) {
      const double units = hop.units_per_byte * m->throughput_bytes_per_s.mean / total;
      const auto same =
          std::find_if(path.begin(), path.end(), [&](const auto& h) { return h.resource == hop.resource; });
      if (same == path.end())
        path.push_back({hop.resource, units});
      else
        same->units_per_byte += units;
    }
  return path;
}

// The most that any set of simultaneous reads moved through a resource, by the lower bound of its mean.
double carried(const record::Document& document, const std::string& resource) {
  double most = 0;
  for (const MeasuredSet& set : sets_of(document, conventions::kStorageRead)) {
    double through = 0;
    for (const auto* m : set)
      for (const auto& hop : m->path)
        if (hop.resource == resource)
          through += m->throughput_bytes_per_s.ci95_low.value_or(0) * hop.units_per_byte;
    most = std::max(most, through);
  }
  return most;
}

bool is_storage(const Crossed& crossed) { return crossed.kind == "drive" || crossed.kind == "file_system"; }

std::string from_where(const record::Document& document, const MeasuredSet& set) {
  std::vector<std::string> names;
  for (const auto* m : set) {
    const auto* endpoint = topology::find_endpoint(document.topology, m->from);
    std::string name = endpoint && !endpoint->name.empty() ? endpoint->name : m->from;
    if (name.empty()) name = "storage";
    if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
  }
  return fmt::format("{}", fmt::join(names, " and "));
}

// Where nothing was measured: every path that the topology knows from a drive to memory, and the best of
// them.
std::vector<topology::Hop> path_by_topology(const record::Document& document, std::string& from) {
  std::vector<topology::Hop> best;
  double best_limit = -1;
  for (const auto& drive : document.topology.endpoints) {
    if (drive.kind != "storage") continue;
    for (const auto& memory : document.topology.endpoints) {
      if (memory.kind != "memory") continue;
      auto path = topology::path_between(document.topology, drive.id, memory.id);
      const double limit = topology::limit_of(document.topology, path).bytes_per_s.value_or(0);
      if (path.empty() || limit <= best_limit) continue;
      best = std::move(path);
      best_limit = limit;
      from = drive.name.empty() ? drive.id : drive.name;
    }
  }
  return best;
}

// What a byte crosses besides the drives themselves, sorted: the drives' own resources and limits go to
// `storage`, links with a known limit to `links`, and to `inseparable` whatever was crossed by the same
// measurements alone and may as well be what held them back. `share`: of the workload's bytes that go this
// way.
struct Surroundings {
  std::vector<Hop> links;
  std::vector<std::string> inseparable;
};

Surroundings look_around(const record::Document& document, const std::vector<record::MeasuredHop>& hops,
                         double share, Hop& storage, std::vector<std::string>& notes) {
  Surroundings around;
  for (const Crossed& crossed : crossed_by(document.topology, hops)) {
    const double unit = crossed.units * share;
    bool limited = crossed.limit.has_value();
    if (limited && storage.capacity.measured && storage.capacity.measured->ci95_low > *crossed.limit / unit) {
      notes.push_back(
          fmt::format("{} moved {} over {}, more than its limit of {} ({}): the limit is discredited and "
                      "was dropped",
                      fmt::join(storage.capacity.evidence, ", "),
                      to_text(BytesPerSecond{storage.capacity.measured->mean * unit}), crossed.name,
                      to_text(BytesPerSecond{*crossed.limit}), crossed.limit_source));
      limited = false;
    }
    if (is_storage(crossed)) {
      storage.resources.push_back(crossed.id);
      if (limited) set_limit(storage.capacity, *crossed.limit / unit, crossed.limit_source);
      continue;
    }
    // Limits are of data sheets; what was carried is a lower bound, set against an upper one.
    const double high = storage.capacity.measured ? storage.capacity.measured->ci95_high : 0;
    const bool excluded =
        (limited && *crossed.limit / unit > kWellAbove * high) || carried(document, crossed.id) / unit > high;
    if (limited) {
      Hop link;
      link.resources = {crossed.id};
      link.kind = "pcie";
      link.name = crossed.name;
      link.noun = "the link " + crossed.name;
      set_limit(link.capacity, *crossed.limit / unit, crossed.limit_source);
      around.links.push_back(std::move(link));
    }
    if (storage.capacity.measured && !excluded) around.inseparable.push_back(crossed.id);
  }
  return around;
}

// What cannot be told from the drive joins its class, and is no hop beside it as well.
void join_class(Surroundings& around, Hop& storage, std::vector<std::string>& notes) {
  if (around.inseparable.empty()) return;
  notes.push_back(
      fmt::format("{} and {} were crossed by the same measurements alone and cannot be told apart: a read "
                  "from a second drive behind the same link, at the same time, would split them",
                  storage.resources.front(), fmt::join(around.inseparable, ", ")));
  storage.resources.insert(storage.resources.end(), around.inseparable.begin(), around.inseparable.end());
  std::erase_if(around.links, [&](const Hop& link) {
    const bool in_class = std::find(around.inseparable.begin(), around.inseparable.end(),
                                    link.resources.front()) != around.inseparable.end();
    if (in_class) set_limit(storage.capacity, *link.capacity.limit, link.capacity.limit_source);
    return in_class;
  });
}

Hop storage_hop(const std::string& from) {
  Hop storage;
  storage.kind = "storage";
  storage.noun = "storage";
  storage.essential = true;
  storage.name = "reading from " + from;
  return storage;
}

void name_something(Hop& storage, const std::string& instead) {
  if (storage.resources.empty()) storage.resources.push_back(instead.empty() ? "storage" : instead);
}

// Drives that hold equal parts and keep each other waiting equally are one hop: mending one of them alone
// would mend nothing.
constexpr double kAsFast = 1.15;

void merge_equals(std::vector<Hop>& drives) {
  std::stable_sort(drives.begin(), drives.end(),
                   [](const Hop& a, const Hop& b) { return a.capacity.rate() < b.capacity.rate(); });
  std::vector<Hop> merged;
  for (Hop& drive : drives) {
    if (merged.empty() || drive.capacity.rate() > kAsFast * merged.back().capacity.rate()) {
      merged.push_back(std::move(drive));
      continue;
    }
    Hop& into = merged.back();
    into.noun += " and " + drive.noun;
    into.name += drive.name.substr(drive.name.find(" from ") + 5).insert(0, " and");
    into.resources.insert(into.resources.end(), drive.resources.begin(), drive.resources.end());
    into.capacity.evidence.insert(into.capacity.evidence.end(), drive.capacity.evidence.begin(),
                                  drive.capacity.evidence.end());
  }
  drives = std::move(merged);
}

// The data are spread over several drives: each by itself, by what it delivers alone and the part of the
// bytes that it holds; and what they share, where together they deliver less than alone.
void add_spread(const record::Document& document, const Spread& spread, FeedPath& path) {
  Hop joint = storage_hop(from_where(document, spread.together));
  joint.capacity = sum_of(spread.together);
  Surroundings around = look_around(document, path_of(spread.together), 1, joint, path.notes);
  std::vector<Hop> drives;
  for (const SpreadPart& part : spread.parts) {
    Hop drive =
        storage_hop(fmt::format("{} ({:.0f} % of the data)", drive_name(*part.alone), 100 * part.share));
    drive.noun = drive_name(*part.alone);
    drive.capacity = capacity_from(part.alone->throughput_bytes_per_s, part.alone->repeats, 1 / part.share);
    drive.capacity.evidence = {part.alone->id};
    Surroundings own = look_around(document, part.alone->path, part.share, drive, path.notes);
    name_something(drive, part.alone->from);
    join_class(own, drive, path.notes);
    for (const std::string& link : own.inseparable)
      std::erase_if(around.links, [&](const Hop& hop) { return hop.resources.front() == link; });
    drives.push_back(std::move(drive));
  }
  merge_equals(drives);
  for (Hop& drive : drives) path.hops.push_back(std::move(drive));
  for (Hop& link : around.links) path.hops.push_back(std::move(link));
  if (auto shared = shared_hop(document, spread, path.notes)) path.hops.push_back(std::move(*shared));
  path.measured = true;
}

}  // namespace

void add_storage_hops(const record::Document& document, const workload::Profile& profile,
                      const StorageEvidence& evidence, FeedPath& path) {
  if (const auto spread = spread_of(document, evidence)) return add_spread(document, *spread, path);
  std::vector<record::MeasuredHop> hops;
  std::string from = "storage";
  if (!evidence.set.empty()) {
    from = from_where(document, evidence.set);
    hops = path_of(evidence.set);
  } else {
    for (const auto& hop : path_by_topology(document, from))
      hops.push_back({hop.resource, hop.units_per_byte});
  }
  Hop storage = storage_hop(from);
  if (!evidence.set.empty()) {
    storage.capacity = sum_of(evidence.set);
    path.measured = true;
    if (!evidence.as_model)
      path.notes.push_back(
          fmt::format("storage was measured with another access pattern than {} has ({}): take its rate "
                      "as a hint",
                      profile.model, storage.capacity.evidence.front()));
  }
  Surroundings around = look_around(document, hops, 1, storage, path.notes);
  name_something(storage, evidence.set.empty() ? "" : evidence.set.front()->from);
  join_class(around, storage, path.notes);
  path.hops.push_back(std::move(storage));
  for (Hop& link : around.links) path.hops.push_back(std::move(link));
}

}  // namespace millrace::diagnose
