// SPDX-License-Identifier: Apache-2.0
// What one accelerator's threads of a pipeline's stage carry when they never wait.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "diagnose/capacity.hpp"
#include "workload/profile.hpp"

namespace millrace::diagnose {

// Null where the run has no such stage.
const record::Stage* find_stage(const record::Measurement* run, std::string_view name);
// As many as the run fed, 1 at least.
double accelerators_of(const record::Measurement& run);

// The rate of the run ÷ the share of the time in which the stage's threads worked: threads ÷ (thread-seconds
// per byte). Two things correct that, each said in `notes`:
//  - Where the stage works on CPUs that its threads were kept from (the kernel counted pressure on them, and
//    the threads' CPU time falls short of the time in which they were at work), CPU time takes the place of
//    the latter. That the CPUs are too few is the business of the hop of all CPU work.
//  - A capacity cannot lie below a rate that was seen: where another pipeline of the document, with the same
//    preparation and as many threads, moved more through the stage (the lower end of its interval), that rate
//    stands. The workload's own proof is never asked.
Capacity stage_capacity(const record::Document& document, const workload::Profile& profile,
                        const record::Measurement& run, const record::Stage& stage,
                        std::vector<std::string>& notes);

}  // namespace millrace::diagnose
