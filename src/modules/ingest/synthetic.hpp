// SPDX-License-Identifier: Apache-2.0
// The source that needs no storage: staging buffers are filled once, before the run, and handed out over and
// over.
#pragma once

#include <cstdint>
#include <span>

#include "modules/ingest/plumbing.hpp"
#include "modules/ingest/stage_times.hpp"

namespace millrace::ingest {

// Fills the buffer with the extent's bytes from its file; where it has none, with incompressible bytes that
// follow from its place.
Result<void> prefill(const Staged& staged);

// The read stage's threads: hand out filled buffers until the plumbing is stopped.
StageTimes hand_out(Plumbing& plumbing);

}  // namespace millrace::ingest
