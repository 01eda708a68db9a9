// SPDX-License-Identifier: Apache-2.0
// Which measurements run together, so that what they take from each other is known and not supposed: ingest
// beside a collective, ingest beside checkpoint writes, reading beside copies, the link to a peer beside all
// that is read.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "run/feed_plan.hpp"
#include "run/planner.hpp"

namespace millrace::run {

inline constexpr double kTogetherWeight = 0.4;   // of one repeat, in units of TimePlan
inline constexpr double kLeastTogether_s = 0.4;  // of one repeat
inline constexpr int kMostPairs = 8;

// What is written beside: a file of this size stands for a checkpoint. 0: the cap leaves no room for one
// worth writing. It takes half a second to write at the surveyed rate, and no more than an eighth of the cap.
std::uint64_t checkpoint_bytes(std::uint64_t cap, double surveyed_bytes_per_s);

// Nothing is written where only the user's own files are read.
inline bool may_write(const Job& job) { return job.datasets.empty(); }

struct Pair {
  std::size_t first = 0, second = 0;  // of the list of what is measured alone
  int shared = 0;                     // resources that both paths cross
  bool asked_for = false;             // with the link to a peer, which nobody need name
};

// Pairs of different kinds of traffic that a workload has at the same time, those first that were
// asked for, then those whose paths share most; of each kind the first measurement stands for all.
std::vector<Pair> pairs_that_share(const std::vector<Planned>& alone, const topology::Topology& topology);

// Adds the writing of a checkpoint, alone, and as many pairs as the time allows. What is left out, and why,
// is appended to left_out.
void add_pairs(const Job& job, const TimePlan& time, const topology::Machine& machine, Planner& planner,
               std::vector<std::string>& left_out);

}  // namespace millrace::run
