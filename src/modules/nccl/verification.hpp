// SPDX-License-Identifier: Apache-2.0
// One collective apart from those that are measured, of inputs whose result is known to the bit.
#pragma once

#include "millrace/probe.hpp"
#include "modules/cuda/stream.hpp"
#include "modules/nccl/buffers.hpp"
#include "modules/nccl/launches.hpp"

namespace millrace::nccl {

// Every rank calls it. Poisons the turn's output, fills its input, runs, and checks. Says verified().
Result<void> verify(const sdk::Host& host, const Settings& settings, const Buffers& buffers,
                    const Launches& launches, Communicator& communicator, const cuda::Stream& stream,
                    std::size_t turn);

// What arrays hold while it is measured: see resting_input_of.
Result<void> fill_for_measuring(const Settings& settings, int rank, const Buffers& buffers);

}  // namespace millrace::nccl
