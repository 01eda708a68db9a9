// SPDX-License-Identifier: Apache-2.0
// What mending the binding hop gives, and what binds then.
#pragma once

#include <vector>

#include "diagnose/feed_path.hpp"
#include "diagnose/predict.hpp"

namespace millrace::diagnose {

struct ReliefStep {
  const Hop* hop = nullptr;   // mended
  double factor = 1;          // two digits, rounded up so that it holds
  double utilization = 0;     // with this and all steps before it
  const Hop* next = nullptr;  // binds then, if pushed further; null: the accelerators themselves
};

// A chain of up to `most` steps, each on top of those before it: the binding hop is raised by what the wanted
// utilization asks of that hop (were nothing else in the way), and the job solved again. The chain ends when
// the wanted utilization is reached. Empty when it is reached as things are.
std::vector<ReliefStep> relieve(const FeedPath& path, const Job& job, const Simulation& simulation,
                                double wanted, int most = 3);

// To two or three digits, so that it suffices: 1.803 is 1.81, 2.91 is 3.0, 41.2 is 42.
double rounded_up(double factor);

}  // namespace millrace::diagnose
