// SPDX-License-Identifier: Apache-2.0
// Of resources with inferred capacities: which bind a job whose step costs each of them so many bytes.
#pragma once

#include <limits>
#include <span>
#include <string>
#include <vector>

#include "diagnose/infer.hpp"

namespace millrace::diagnose {

struct ResourceDemand {
  std::string resource;
  double bytes_per_step = 0;  // × how often each byte crosses it
  std::string operation =
      {};  // of a drive: the class of operation; empty, or not measured: whichever carries most
};

// A resource, or a class of them, by what of a step it takes.
struct ClassUse {
  std::vector<std::string> resources;  // the most used one first
  double seconds_per_step = 0;         // bytes per step ÷ capacity: the step can take no less
  double low = 0, high = std::numeric_limits<double>::infinity();  // over the capacity's interval
  Seen seen = Seen::kFloor;
  std::vector<std::string> evidence;
  std::size_t in_class = 0;
};

// All classes that the demand crosses, the most used first. The order is that of best figures; a floor and a
// limit are taken for the capacity where nothing better is known.
std::vector<ClassUse> uses_of(const Inference& inference, std::span<const ResourceDemand> demands);

// Which of them bind: the most used one that was seen at its end, and those that bind instead of it, or
// within 1 % of it, in at least one of twenty draws of the capacities (by Student's t around each mean). What
// only ever carried "at least so much" is named where by that floor it is the most used in nineteen of twenty
// draws: then nobody has seen whether it carries enough. What only has a limit is named where even that is
// the most used.
std::vector<ClassUse> binding_set(const Inference& inference, std::span<const ResourceDemand> demands);

}  // namespace millrace::diagnose
