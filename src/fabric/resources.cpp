// SPDX-License-Identifier: Apache-2.0
#include "fabric/resources.hpp"

#include <algorithm>
#include <limits>
#include <map>
#include <tuple>

namespace millrace::fabric {
namespace {

constexpr double kUnbounded = std::numeric_limits<double>::infinity();

// Links of one bundle of a kind.
std::int64_t bundled(const Fabric& fabric, Kind kind) {
  switch (kind) {
    case Kind::kLeafUp:
    case Kind::kLeafDown:
      return std::max<std::int64_t>(1, fabric.leaf.uplinks);
    case Kind::kSpineUp:
    case Kind::kSpineDown:
      return fabric.spine ? std::max<std::int64_t>(1, fabric.spine->switches * fabric.spine->uplinks) : 1;
    case Kind::kCore:
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
  }
  return std::nullopt;
}

bool of_hosts(Kind kind) {
  return kind <= Kind::kNicDown || kind == Kind::kDriveRead || kind == Kind::kDriveWrite;
}

using Figures = std::tuple<double, double, double, double, std::string, bool>;
Figures figures_of(const Class& one) {
  const Measured measured = one.measured.value_or(Measured{-1, -1, -1});
  return {one.limit.value_or(-1), measured.mean, measured.ci95_low,
          measured.ci95_high,     one.source,    one.overridden};
}

// The links of one kind cut into runs of the same figures, each beginning at its key.
using Cuts = std::map<std::int64_t, Class>;

void cut(Cuts& cuts, std::int64_t at) {
  const auto after = cuts.upper_bound(at);
  if (after == cuts.begin()) return;
  const auto before = std::prev(after);
  if (before->first != at) cuts.emplace_hint(after, at, before->second);
}

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
  const std::int64_t count = fabric_.count(kind);
  Cuts cuts;
  if (of_hosts(kind)) {
    const std::int64_t per_host = count / fabric_.hosts();
    std::int64_t at = 0;
    for (const HostKind& host : fabric_.kinds) {
      cuts[at].limit = limit_of(fabric_, host, kind);
      at += host.hosts * per_host;
    }
  } else {
    cuts[0].limit = limit_of(fabric_, fabric_.kinds.front(), kind);
  }
  for (const Override& one : fabric_.overrides) {
    if (one.resource != kind) continue;
    if (one.last + 1 < count) cut(cuts, one.last + 1);
    cut(cuts, one.first);
    for (auto run = cuts.find(one.first); run != cuts.end() && run->first <= one.last; ++run) {
      Class& of = run->second;
      if (one.limit) of.limit = one.limit;
      of.measured = one.measured;  // what was measured of others is not true of one that differs
      of.source = one.source;
      of.overridden = true;
    }
  }
  std::map<Figures, std::uint32_t> known;
  auto& runs = runs_[index(kind)];
  for (auto run = cuts.begin(); run != cuts.end(); ++run) {
    const auto next = std::next(run);
    const std::int64_t last = (next == cuts.end() ? count : next->first) - 1;
    const auto [found, added] =
        known.emplace(figures_of(run->second), static_cast<std::uint32_t>(classes_.size()));
    if (added) {
      classes_.push_back(run->second);
      classes_.back().kind = kind;
      if (Class& of = classes_.back(); of.measured && of.limit && of.measured->ci95_low > *of.limit) {
        of.limit.reset();
        of.discredited = true;
      }
    }
    classes_[found->second].members += last - run->first + 1;
    if (!runs.empty() && runs.back().of == found->second)
      runs.back().last = last;
    else
      runs.push_back({run->first, last, found->second});
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
