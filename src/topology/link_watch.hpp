// SPDX-License-Identifier: Apache-2.0
// Link state read under load: idle devices train down, so only the best that a link showed while bytes
// crossed it says what it can do.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "topology/doctor.hpp"

namespace millrace::topology {

class LinkWatch {
 public:
  explicit LinkWatch(const Machine& machine, std::filesystem::path root = "/")
      : machine_(machine), root_(std::move(root)) {}

  // Reads all links; called now and then while a measurement runs. A few small reads per link.
  void sample();

  // For each link of the resources in `loaded` (ids, those that measurements crossed) that never ran at the
  // lesser maximum of its two ends: a finding "pcie-link-below-maximum". Nothing where no sample was taken.
  [[nodiscard]] std::vector<Finding> findings(const std::vector<std::string>& loaded) const;

 private:
  const Machine& machine_;
  std::filesystem::path root_;
  std::map<std::string, LinkState> best_;  // by resource
};

}  // namespace millrace::topology
