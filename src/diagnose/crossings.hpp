// SPDX-License-Identifier: Apache-2.0
// Which flow of which set crossed which resource, and the classes that follow from it.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "diagnose/simultaneous.hpp"
#include "topology/graph.hpp"

namespace millrace::diagnose {

struct Crossing {
  std::size_t node = 0, flow = 0;  // flow: index of the set's member
  double units = 1;                // bytes through the node for each byte moved
};

// A resource for one class of operation (see ResourceCapacity).
struct CrossedNode {
  std::string resource, operation, kind;
};

struct Crossings {
  std::vector<CrossedNode> nodes;
  std::vector<std::vector<Crossing>> of_set;      // for each set
  std::vector<std::vector<std::size_t>> classes;  // of nodes
  std::vector<std::size_t> class_of;              // of each node
};

Crossings crossings_of(const topology::Topology& topology, const std::vector<SimultaneousSet>& sets);

// A flow that some probe could send between two endpoints of one host, and the resources that it would cross.
struct PossibleFlow {
  std::string from, to;
  std::vector<std::string> crosses;  // sorted
};
// Into or out of some memory, since that is where probes' bytes are. None for a topology of thousands of
// endpoints, whose pairs would take minutes.
std::vector<PossibleFlow> possible_flows(const topology::Topology& topology);

// The measurement that would tell the resources of a class apart, as "from storage:b to memory:0": a flow
// that crosses some of them and not the others. Where there is none: empty, and no measurement at endpoints
// can.
std::string what_splits(const std::vector<PossibleFlow>& flows, const std::vector<std::string>& resources);

}  // namespace millrace::diagnose
