// SPDX-License-Identifier: Apache-2.0
// The sources that need no storage: staging buffers are filled once, before the run, and handed out over and
// over; or batches of the device are, without anything having been copied to them.
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

// In place of every stage before the consumer: hands the device's batches over, as if each held so many
// stored bytes, until the plumbing is stopped.
void hand_over(Plumbing& plumbing, std::uint64_t stored_bytes);

}  // namespace millrace::ingest
