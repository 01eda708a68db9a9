// SPDX-License-Identifier: Apache-2.0
// All that one rank holds: its GPU's context, a stream, the communicator, arrays, and collectives made ready.
// Where the communicator had to be aborted nothing is given back to the driver, since that may take for ever:
// the worker's end does it.
#pragma once

#include <memory>

#include "millrace/probe.hpp"
#include "modules/cuda/context.hpp"
#include "modules/cuda/stream.hpp"
#include "modules/nccl/buffers.hpp"
#include "modules/nccl/communicator.hpp"
#include "modules/nccl/launches.hpp"
#include "modules/nccl/settings.hpp"
#include "modules/nccl/timeline.hpp"

namespace millrace::nccl {

struct Rank {
  Settings settings;
  cuda::Context context;
  cuda::Stream stream;
  Communicator communicator;
  Buffers buffers;
  Launches launches;
  Timeline timeline;

  // In a worker: meets the others, and says on which device bytes end.
  static Result<std::unique_ptr<Rank>> open(const sdk::Host& host, Settings settings);
  // After the last collective of all ranks.
  Result<void> close();

  Rank() = default;
  Rank(const Rank&) = delete;
  Rank& operator=(const Rank&) = delete;
  ~Rank();
};

// The workers that describe asks for: one for each GPU.
sdk::Outcome add_ranks(const sdk::Host& host, const Settings& settings);

}  // namespace millrace::nccl
