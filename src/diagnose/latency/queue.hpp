// SPDX-License-Identifier: Apache-2.0
// How long a request waits for a server that others use as well.
#pragma once

#include <optional>

#include "diagnose/latency/distribution.hpp"

namespace millrace::diagnose {

// Of one server, first come first served, with Poisson arrivals (open loop: nobody holds back because of the
// queue) and any distribution of service times: M/G/1. The waiting time is, with probability (1 − ρ)ρⁿ, the
// sum of n residual service times, ρ = arrivals · mean service (Pollaczek 1930, Khinchine 1932; in this form
// Beneš 1957; Kleinrock, "Queueing Systems" I, section 5.7). Its mean is λE[S²] ÷ (2(1 − ρ)). Independent of
// the request's own service. Nothing where ρ ≥ 1: the queue grows for ever.
std::optional<Distribution> waiting_time(const Distribution& service, double arrivals_per_s);

}  // namespace millrace::diagnose
