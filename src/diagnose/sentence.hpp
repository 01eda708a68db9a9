// SPDX-License-Identifier: Apache-2.0
// The verdict for a tired engineer: what binds, what it delivers, what was needed, what utilization results,
// what mending it gives, and what binds next.
#pragma once

#include <string>
#include <vector>

#include "diagnose/binding.hpp"
#include "diagnose/relief.hpp"
#include "diagnose/utilization.hpp"

namespace millrace::diagnose {

struct Finding {  // all that the sentence draws on
  std::string model, accelerator;
  int accelerators = 1;
  double demand_of_one = 0;  // bytes/s
  double wanted = 0;
  std::string verdict;
  Utilization utilization;
  std::vector<Load> binding;  // empty: the accelerators compute all the time
  std::vector<Load> loads;    // all, most used first
  std::vector<ReliefStep> relief;
  std::string undecided;
  bool measured = true;  // else from limits alone
  bool stand_in = false;
  bool in_gpu = false;  // it ended in GPU memory, also in a stand-in GPU's
};

std::string sentence(const Finding& finding);

}  // namespace millrace::diagnose
