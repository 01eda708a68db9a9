// SPDX-License-Identifier: Apache-2.0
// Random machines with one planted bottleneck, and what a sensible plan measures of them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "queueing.hpp"
#include "record/result.hpp"

namespace millrace::planted {

struct Part {
  std::string id, kind;
  double bytes_per_s = 0;     // what it can carry
  double bytes_per_step = 0;  // what the job asks of it
};

// A way that some probe can move bytes.
struct Way {
  std::string probe, from, to;
  std::vector<Visit> crosses;  // servers are indices of parts
};

struct Machine {
  std::vector<Part> parts;
  std::vector<Way> ways;
  std::size_t planted = 0;
  int rivals = 0;  // parts that are the planted one's margin away, to the digit
};

inline constexpr double kMargin =
    1.10;  // how much more than the job takes the rivals can carry at the bottleneck's pace
inline constexpr int kMostRivals = 15;

// One or two sockets with memory and a CPU stage each; drives and NICs with links of their own, directly at
// the socket or behind switches with uplinks; GPUs likewise, in the other direction; data that cross to the
// other socket. The job takes bytes from every source in uneven shares through memory and CPU into the GPUs.
// Capacities follow from what the job asks at one common pace: the planted part can carry just that, its
// rivals a tenth more, the rest from a tenth to three times more.
Machine random_machine(std::uint64_t seed);

// Every way alone, and for every part that several ways cross all of those together; each five repeats, each
// repeat of each measurement with 3 % normal noise. What chunks did in `simulate` is all that goes into the
// document.
record::Document measure(const Machine& machine, std::uint64_t seed);

// For each part a number: two have the same where every way of the machine, measured or not, crosses both or
// neither, in one proportion. No measurement between endpoints can tell such parts apart.
std::vector<std::size_t> told_apart(const Machine& machine);

}  // namespace millrace::planted
