// SPDX-License-Identifier: Apache-2.0
// How several jobs share resources: the lexicographic max-min allocation of step rates.
#pragma once

#include <cstdint>
#include <limits>
#include <vector>

namespace millrace::allocate {

// What one step of a job costs one resource (bytes, or CPU-seconds); at least 0.
struct Use {
  std::uint32_t resource = 0;  // index into Problem::capacity
  double per_step = 0;
};

struct Job {
  double most_steps_per_s = std::numeric_limits<double>::infinity();  // what its own compute and phases allow
  double weight = 1;      // above 0; rates are fair in steps per second ÷ weight
  std::vector<Use> uses;  // several of one resource add up
};

struct Problem {
  std::vector<double> capacity;  // per second, of each resource; infinity: no bound
  std::vector<Job> jobs;
};

inline constexpr std::uint32_t kOwnPace = std::numeric_limits<std::uint32_t>::max();

struct Allocation {
  std::vector<double> steps_per_s;      // of each job; infinity where nothing at all bounds it
  std::vector<std::uint32_t> bound_by;  // of each job: the resource that froze it, or kOwnPace
  std::vector<double> utilization;      // of each resource: used ÷ capacity; 0 of one without a bound
};

// Progressive filling: all jobs grow together until a resource is full or a job has all it can use; those
// freeze, the rest goes on (Bertsekas & Gallager, "Data Networks", 2nd ed., section 6.5.2). Exact, since a
// step's cost is fixed. O(uses × log resources), and O(uses) for a single job. Throws std::invalid_argument
// (a bug of the caller) at a resource that does not exist, a weight that is not above 0 or a cost below 0.
Allocation max_min(const Problem& problem);

}  // namespace millrace::allocate
