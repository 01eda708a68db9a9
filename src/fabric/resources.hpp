// SPDX-License-Identifier: Apache-2.0
// A fabric's resources as one row of numbers, as routing and solving want them.
//
// Links that carry the same because equal-cost paths share evenly are one bundle: the uplinks of a leaf
// switch, those of all spines of a pod, all core switches, all servers, all their links, and the
// NICs of a host into a storage network of its own. A bundle is as able
// as its links are many times the least able of them, since each gets an even part whether it keeps up or
// not.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "fabric/fabric.hpp"

namespace millrace::fabric {

// Alike resources: of one kind, with the same figures from the same source.
struct Class {
  Kind kind = Kind::kNvlinkOut;
  Limit limit;
  std::optional<Measured> measured;
  std::string source;  // of an override's figures; empty: from the description
  bool overridden = false;
  bool discredited = false;  // more was measured than the limit that was given, which was dropped
  std::int64_t members = 0;

  // The best single figure: what was measured (and no more than the limit), else the limit, else no bound at
  // all (infinity).
  [[nodiscard]] double rate() const;
};

class Resources {
 public:
  explicit Resources(const Fabric& fabric);

  [[nodiscard]] const Fabric& fabric() const { return fabric_; }
  [[nodiscard]] std::size_t size() const { return first_[kKinds]; }  // bundles in all
  [[nodiscard]] std::size_t first(Kind kind) const { return first_[index(kind)]; }
  [[nodiscard]] std::size_t bundles(Kind kind) const { return first_[index(kind) + 1] - first_[index(kind)]; }
  [[nodiscard]] std::int64_t links(Kind kind) const { return links_[index(kind)]; }  // of one bundle

  [[nodiscard]] const std::vector<Class>& classes() const { return classes_; }
  // A run of links of a kind that are of one class: [first, last], in order; together all of them.
  struct Run {
    std::int64_t first = 0, last = 0;
    std::uint32_t of = 0;  // index into classes()
  };
  [[nodiscard]] const std::vector<Run>& runs(Kind kind) const { return runs_[index(kind)]; }
  // Of each bundle, in bytes/s (infinity: unknown): what allocate::Problem takes. From what a link of each
  // class carries.
  [[nodiscard]] std::vector<double> capacities(std::span<const double> class_rates) const;
  [[nodiscard]] std::vector<double> rates() const;  // Class::rate() of each class
  // The class that makes a bundle as able as it is, given the same rates.
  [[nodiscard]] std::uint32_t class_of(std::size_t bundle, std::span<const double> class_rates) const;

 private:
  static std::size_t index(Kind kind) { return static_cast<std::size_t>(kind); }
  void add_runs(Kind kind);

  const Fabric& fabric_;
  std::array<std::size_t, kKinds + 1> first_{};
  std::array<std::int64_t, kKinds> links_{};
  std::array<std::vector<Run>, kKinds> runs_;
  std::vector<Class> classes_;
};

}  // namespace millrace::fabric
