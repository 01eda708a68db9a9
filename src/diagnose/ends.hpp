// SPDX-License-Identifier: Apache-2.0
// Which resources were seen at their end: full, so that more flows through them would get no more.
#pragma once

#include <optional>

#include "diagnose/crossings.hpp"
#include "diagnose/infer.hpp"
#include "diagnose/set_totals.hpp"

namespace millrace::diagnose {

// Sets `seen` of every resource, whose capacities are floors up to here.
//  - Saturated: in a set that moved about the most through it, its flows together moved less than the
//  capacities of
//    everything else on their ways allow (others_allow), by more than chance has it. A lone flow that crosses
//    nothing else saturates it.
//  - Presumed: a flow or several were held back by something, nothing that is known to be full explains it,
//  and of what
//    they cross this one carried its most then. It may be one of several.
// Sets beside something that failed, that kept all CPUs busy, or of latency probes show no end.
void judge_ends(const Crossings& crossings, const Totals& totals,
                const std::optional<stats::VariancePrior>& prior, Inference& inference);

}  // namespace millrace::diagnose
