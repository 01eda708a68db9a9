// SPDX-License-Identifier: Apache-2.0
// What one step of a job asks of a fabric, class by class of alike resources.
#pragma once

#include <cstdint>
#include <vector>

#include "fabric/route.hpp"
#include "workload/traffic.hpp"

namespace millrace::diagnose {

// All figures are of a single link, server or device: the one of its class that carries most.
struct ClassLoad {
  std::uint32_t of = 0;            // index into fabric::Resources::classes()
  std::int64_t busiest = 0;        // its number within its kind, as fabric.hpp counts
  std::int64_t alike = 0;          // how many of the class carry as much
  double bytes = 0;                // per step
  std::vector<double> of_traffic;  // the same, traffic by traffic
  std::vector<double> phases;      // the most that any member carries in each phase
};

// Traffic that overlaps computing is one phase, the first; each that does not is one of its own.
struct JobLoad {
  workload::Step step;
  fabric::Placement placement;
  std::vector<std::vector<std::size_t>> phases;  // indices into step.traffic
  std::vector<ClassLoad> classes;                // those that carry something
  std::vector<double> bundles;                   // bytes per step, as fabric::Resources numbers them
};

JobLoad load_of(const fabric::Resources& resources, const workload::Step& step,
                const fabric::Placement& placement);

}  // namespace millrace::diagnose
