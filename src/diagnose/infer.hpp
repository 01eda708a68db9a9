// SPDX-License-Identifier: Apache-2.0
// Capacity inference: what all sets of simultaneous measurements say about every resource that they crossed
// (design: "How a diagnosis is reached", 1). A pure function of the document.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "diagnose/capacity.hpp"
#include "diagnose/simultaneous.hpp"

namespace millrace::diagnose {

// How a capacity is known.
enum class Seen {
  kFloor,      // it carried this much, and something else explains why no more: its own end was not seen
  kPresumed,   // something held its flows back, and of what may have, it came nearest to the most it ever
               // carried
  kSaturated,  // together its flows moved significantly less than everything else that they cross allows
  kLimit,      // nothing crossed it: its limit stands in
};

// One resource; a drive or file system once for each class of operation, since what it carries depends on
// that. Links, memory and CPU stages carry bytes of whatever kind ("any").
struct ResourceCapacity {
  std::string resource, operation = "any", kind;
  Capacity capacity;                       // bytes/s through it; `repeats` are the draws of cross_fit
  bool by_several = false;                 // the set that moved most had several members
  std::vector<std::string> draws_of = {};  // the members of the set that each draw is of: "m4 + m5"
  double standard_error = 0;               // of the mean; 0 and no freedom: unknown
  double freedom = 0;
  Seen seen = Seen::kFloor;
  std::size_t in_class = 0;
};

struct Inference {
  std::vector<ResourceCapacity> resources;
  // Indices of `resources` that the same flows of the same sets crossed, in one proportion: nothing that was
  // measured tells them apart. Most are alone in theirs.
  std::vector<std::vector<std::size_t>> classes;
  std::vector<SimultaneousSet> sets;
  std::vector<std::string> notes;
};

Inference infer(const record::Document& document);

// As the document has it: the resources of one class together, with the flow that would tell them apart;
// those that nothing crossed are left out.
std::vector<record::SharedCapacity> capacities_of(const record::Document& document,
                                                  const Inference& inference);

}  // namespace millrace::diagnose
