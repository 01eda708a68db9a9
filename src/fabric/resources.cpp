// SPDX-License-Identifier: Apache-2.0
#include "fabric/resources.hpp"

#include <algorithm>
#include <cstdlib>
#include <limits>
#include <map>
#include <set>
#include <tuple>

namespace millrace::fabric {
namespace {

constexpr double kUnbounded = std::numeric_limits<double>::infinity();

// Links of one bundle of a kind.
std::int64_t bundled(const Fabric& fabric, Kind kind) {
  const StorageNetwork* own = fabric.storage_network();
  switch (kind) {
    case Kind::kLeafUp:
    case Kind::kLeafDown:
      return std::max<std::int64_t>(1, fabric.leaf.uplinks);
    case Kind::kSpineUp:
    case Kind::kSpineDown:
      return fabric.spine ? std::max<std::int64_t>(1, fabric.spine->switches * fabric.spine->uplinks) : 1;
    case Kind::kStorageNicUp:
    case Kind::kStorageNicDown:
      return own != nullptr ? own->nics_per_host : 1;
    case Kind::kStorageLeafUp:
    case Kind::kStorageLeafDown:
      return own != nullptr ? std::max<std::int64_t>(1, own->leaf.uplinks) : 1;
    case Kind::kStorageSpineUp:
    case Kind::kStorageSpineDown:
      return own != nullptr && own->spine
                 ? std::max<std::int64_t>(1, own->spine->switches * own->spine->uplinks)
                 : 1;
    case Kind::kCore:
    case Kind::kStorageCore:
    case Kind::kStorageRead:
    case Kind::kStorageWrite:
    case Kind::kStorageOut:
    case Kind::kStorageIn:
      return std::max<std::int64_t>(1, fabric.count(kind));
    default:
      return 1;
  }
}

Limit limit_of(const Fabric& fabric, const HostKind& host, Kind kind) {
  const StorageNetwork* own = fabric.storage_network();
  switch (kind) {
    case Kind::kNvlinkOut:
    case Kind::kNvlinkIn:
      return host.nvlink;
    case Kind::kPcieOut:
    case Kind::kPcieIn:
      return host.pcie;
    case Kind::kNicUp:
    case Kind::kNicDown:
      return host.nic;
    case Kind::kDriveRead:
      return host.drive_read;
    case Kind::kDriveWrite:
      return host.drive_write;
    case Kind::kLeafUp:
    case Kind::kLeafDown:
      return fabric.leaf.uplink;
    case Kind::kSpineUp:
    case Kind::kSpineDown:
      return fabric.spine ? fabric.spine->uplink : std::nullopt;
    case Kind::kCore:
      return fabric.core ? fabric.core->throughput : std::nullopt;
    case Kind::kStorageRead:
      return fabric.storage ? fabric.storage->read : std::nullopt;
    case Kind::kStorageWrite:
      return fabric.storage ? fabric.storage->write : std::nullopt;
    case Kind::kStorageOut:
    case Kind::kStorageIn:
      return fabric.storage ? fabric.storage->link : std::nullopt;
    case Kind::kStorageNicUp:
    case Kind::kStorageNicDown:
      return host.storage_nic;
    case Kind::kStorageLeafUp:
    case Kind::kStorageLeafDown:
      return own != nullptr ? own->leaf.uplink : std::nullopt;
    case Kind::kStorageSpineUp:
    case Kind::kStorageSpineDown:
      return own != nullptr && own->spine ? own->spine->uplink : std::nullopt;
    case Kind::kStorageCore:
      return own != nullptr && own->core ? own->core->throughput : std::nullopt;
  }
  return std::nullopt;
}

bool of_hosts(Kind kind) {
  return kind <= Kind::kNicDown || kind == Kind::kDriveRead || kind == Kind::kDriveWrite ||
         kind == Kind::kStorageNicUp || kind == Kind::kStorageNicDown;
}

std::int64_t per_host(const Fabric& fabric, const HostKind& host, Kind kind) {
  switch (kind) {
    case Kind::kNicUp:
    case Kind::kNicDown:
      return fabric.nics_of(host);
    case Kind::kDriveRead:
    case Kind::kDriveWrite:
      return 1;
    case Kind::kStorageNicUp:
    case Kind::kStorageNicDown:
      return fabric.storage_network() != nullptr ? fabric.storage_network()->nics_per_host : 0;
    default:
      return fabric.gpus_of(host);
  }
}

using Figures = std::tuple<double, double, double, double, std::string, bool, bool>;
Figures figures_of(const Class& one) {
  const Measured measured = one.measured.value_or(Measured{-1, -1, -1});
  return {one.limit.value_or(-1), measured.mean,  measured.ci95_low, measured.ci95_high, one.source,
          one.overridden,         one.discredited};
}

// Where runs of one kind may begin, in order, with what holds from there on: the description's limits, and
// overrides that begin (1 + index) or end (−1 − index).
struct Cut {
  std::int64_t at = 0;
  bool describes = false;
  Limit described;
  std::int64_t override_change = 0;
};

std::vector<Cut> cuts_of(const Fabric& fabric, Kind kind) {
  const std::int64_t count = fabric.count(kind);
  std::vector<Cut> cuts;
  if (of_hosts(kind)) {
    std::int64_t at = 0;
    for (const HostKind& host : fabric.kinds) {
      cuts.push_back({at, true, limit_of(fabric, host, kind), 0});
      at += host.hosts * per_host(fabric, host, kind);
    }
  } else {
    cuts.push_back({0, true, limit_of(fabric, fabric.kinds.front(), kind), 0});
  }
  for (std::size_t i = 0; i < fabric.overrides.size(); ++i) {
    const Override& one = fabric.overrides[i];
    if (one.resource != kind) continue;
    const auto change = static_cast<std::int64_t>(i) + 1;
    cuts.push_back({one.first, false, {}, change});
    if (one.last + 1 < count) cuts.push_back({one.last + 1, false, {}, -change});
  }
  std::stable_sort(cuts.begin(), cuts.end(), [](const Cut& a, const Cut& b) { return a.at < b.at; });
  return cuts;
}

// What holds at one place of a sweep over the cuts.
class Sweep {
 public:
  explicit Sweep(const Fabric& fabric) : fabric_(fabric) {}
  void pass(const Cut& cut) {
    if (cut.describes) described_ = cut.described;
    if (cut.override_change == 0) return;
    const auto index = static_cast<std::size_t>(std::abs(cut.override_change) - 1);
    const bool begins = cut.override_change > 0;
    begins ? void(in_force_.insert(index)) : void(in_force_.erase(index));
    if (fabric_.overrides[index].limit)
      begins ? void(with_limit_.insert(index)) : void(with_limit_.erase(index));
  }
  [[nodiscard]] Class here(Kind kind) const {
    Class one;
    one.kind = kind;
    one.limit = with_limit_.empty() ? described_ : fabric_.overrides[*with_limit_.rbegin()].limit;
    if (in_force_.empty()) return one;
    const Override& last = fabric_.overrides[*in_force_.rbegin()];
    one.measured = last.measured;  // what was measured of others is not true of one that differs
    one.source = last.source;
    one.overridden = true;
    if (one.measured && one.limit && one.measured->ci95_low > *one.limit) {
      one.limit.reset();
      one.discredited = true;
    }
    return one;
  }

 private:
  const Fabric& fabric_;
  Limit described_;
  std::set<std::size_t> in_force_, with_limit_;  // of overrides; the last of them wins
};

}  // namespace

double Class::rate() const {
  const double most = limit.value_or(kUnbounded);
  return measured ? std::min(measured->mean, most) : most;
}

Resources::Resources(const Fabric& fabric) : fabric_(fabric) {
  for (std::size_t k = 0; k < kKinds; ++k) {
    const auto kind = static_cast<Kind>(k);
    links_[k] = bundled(fabric, kind);
    first_[k + 1] = first_[k] + static_cast<std::size_t>(fabric.count(kind) / links_[k]);
    if (fabric.count(kind) > 0) add_runs(kind);
  }
}

void Resources::add_runs(Kind kind) {
  const std::vector<Cut> cuts = cuts_of(fabric_, kind);
  std::map<Figures, std::uint32_t> known;
  auto& runs = runs_[index(kind)];
  Sweep sweep(fabric_);
  for (std::size_t i = 0; i < cuts.size(); ++i) {
    sweep.pass(cuts[i]);
    const bool more_here = i + 1 < cuts.size() && cuts[i + 1].at == cuts[i].at;
    if (more_here) continue;
    const std::int64_t last = (i + 1 < cuts.size() ? cuts[i + 1].at : fabric_.count(kind)) - 1;
    Class one = sweep.here(kind);
    const auto [found, added] = known.emplace(figures_of(one), static_cast<std::uint32_t>(classes_.size()));
    if (added) classes_.push_back(std::move(one));
    classes_[found->second].members += last - cuts[i].at + 1;
    if (!runs.empty() && runs.back().of == found->second)
      runs.back().last = last;
    else
      runs.push_back({cuts[i].at, last, found->second});
  }
}

std::vector<double> Resources::rates() const {
  std::vector<double> all;
  for (const Class& one : classes_) all.push_back(one.rate());
  return all;
}

std::vector<double> Resources::capacities(std::span<const double> class_rates) const {
  std::vector<double> all(size(), kUnbounded);
  for (std::size_t k = 0; k < kKinds; ++k) {
    const auto links = links_[k];
    for (const Run& run : runs_[k]) {
      const double whole = class_rates[run.of] * static_cast<double>(links);
      for (std::int64_t bundle = run.first / links; bundle <= run.last / links; ++bundle) {
        double& capacity = all[first_[k] + static_cast<std::size_t>(bundle)];
        capacity = std::min(capacity, whole);
      }
    }
  }
  return all;
}

std::uint32_t Resources::class_of(std::size_t bundle, std::span<const double> class_rates) const {
  const auto after = std::upper_bound(first_.begin(), first_.end(), bundle);
  const auto k = static_cast<std::size_t>(after - first_.begin()) - 1;
  const auto at = static_cast<std::int64_t>(bundle - first_[k]);
  auto run = std::partition_point(runs_[k].begin(), runs_[k].end(),
                                  [&](const Run& one) { return one.last < at * links_[k]; });
  std::uint32_t least = run->of;
  for (; run != runs_[k].end() && run->first < (at + 1) * links_[k]; ++run)
    if (class_rates[run->of] < class_rates[least]) least = run->of;
  return least;
}

}  // namespace millrace::fabric
