// SPDX-License-Identifier: Apache-2.0
// What the flows of a set could have moved through a resource if that resource were endless: the yardstick
// for whether it held them back.
#pragma once

#include <cstddef>
#include <vector>

namespace millrace::diagnose {

// A flow through the resource in question: `units` of it for each byte, and what else it crosses.
struct HeldFlow {
  double units = 1;
  std::vector<std::pair<std::size_t, double>> crosses;  // (constraint, units for each byte)
};

struct Constraint {
  double capacity = 0;        // left for these flows
  double standard_error = 0;  // of that
};

struct Allowed {
  double total = 0;           // through the resource in question; infinite where a flow crosses nothing else
  double standard_error = 0;  // of that, from those of the constraints that end a flow's growth
};

// By progressive filling: all flows grow alike until a constraint is full, its flows stop, and the rest goes
// on (Bertsekas & Gallager, "Data Networks", 2nd ed., section 6.5.2). Where paths join like the branches of a
// tree, the total is the largest possible, however the flows in truth share what they share; elsewhere it is
// a lower bound of that, so that less is blamed on the resource, not more.
Allowed others_allow(const std::vector<HeldFlow>& flows, const std::vector<Constraint>& constraints);

}  // namespace millrace::diagnose
