// SPDX-License-Identifier: Apache-2.0
// How long a step of a job takes on a fabric, what it waits for, and what mending that gives.
#pragma once

#include <span>
#include <vector>

#include "diagnose/fabric/load.hpp"

namespace millrace::diagnose {

// Of each of a job's classes, in the order of JobLoad::classes, what one link carries (bytes/s; infinity:
// unknown).
using ClassRates = std::vector<double>;
ClassRates best_rates(const fabric::Resources& resources, const JobLoad& job);

// T = max(compute, overlapping traffic) + Σ traffic that is waited for, each phase as long as its slowest
// class takes (design: "How a diagnosis is reached", 3).
struct Pace {
  double compute_s = 0, step_s = 0;
  std::vector<double> phases_s;

  // Computing ÷ step; of a job that does not compute 0.
  [[nodiscard]] double utilization() const { return step_s > 0 ? compute_s / step_s : 1; }
  // What a phase adds to the step.
  [[nodiscard]] double lost_s(std::size_t phase) const;
  // The phase that adds most; phases_s.size() where none adds anything.
  [[nodiscard]] std::size_t worst_phase() const;
};
Pace pace_of(const JobLoad& job, std::span<const double> rates);

// The classes that set how long a phase takes: the slowest and those within one part in a hundred of it,
// which is as well as anybody knows. Indices into JobLoad::classes, the slowest first; empty where the phase
// takes no time.
std::vector<std::size_t> slowest(const JobLoad& job, std::span<const double> rates, std::size_t phase);

// One step of relief: everything that sets the worst phase's time (alike classes together, since mending one
// of them mends nothing) as many times as fast as the wanted utilization asks of it, were it the only thing
// in the way.
struct FabricRelief {
  std::vector<std::size_t> classes;  // mended
  double factor = 1;                 // rounded up so that it holds; twice where nothing it could do suffices
  double step_s = 0;                 // with this and all steps before it
  std::vector<std::size_t> next;     // what sets the pace then; empty: the accelerators themselves
};
std::vector<FabricRelief> relieve(const fabric::Resources& resources, const JobLoad& job, ClassRates rates,
                                  double goal_s, int most = 4);

}  // namespace millrace::diagnose
