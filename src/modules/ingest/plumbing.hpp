// SPDX-License-Identifier: Apache-2.0
// What the stages of one accelerator's pipeline share: the queues between them, and the end.
#pragma once

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>

#include "modules/ingest/bounded_queue.hpp"
#include "modules/ingest/extents.hpp"
#include "modules/ingest/layout.hpp"
#include "units/result.hpp"

namespace millrace::ingest {

// A staging buffer, and the extent that it holds (none yet while it is free, except with a synthetic source).
struct Staged {
  std::byte* buffer = nullptr;
  const Extent* extent = nullptr;
  std::size_t skew = 0;  // bytes before the extent's first: its read began at an aligned offset

  [[nodiscard]] std::byte* data() const { return buffer + skew; }
};

// What goes from stage to stage. `prepared` is null where the stored bytes are what the device gets.
struct Parcel {
  Staged stored;
  std::byte* prepared = nullptr;
  const Extent* extent = nullptr;

  [[nodiscard]] const std::byte* content() const { return prepared != nullptr ? prepared : stored.data(); }
};

struct DeviceBatch {
  std::byte* data = nullptr;
  std::uint64_t stored_bytes = 0;  // of its records, as stored
};

struct Plumbing {
  Plumbing(const Layout& layout, bool prepares)
      : free_stored(layout.stored_buffers),
        free_prepared(layout.prepared_buffers == 0 ? 1 : layout.prepared_buffers),
        read(layout.read_queue),
        prepared(layout.prepared_queue),
        read_output(prepares ? read : prepared) {}

  BoundedQueue<Staged> free_stored;
  BoundedQueue<std::byte*> free_prepared;
  BoundedQueue<Parcel> read, prepared;
  BoundedQueue<Parcel>&
      read_output;  // where the readers put what they have read: `prepared` without preparation
  BoundedQueue<std::byte*> free_batches{kDeviceBatches};
  BoundedQueue<DeviceBatch> ready{1};

  // Ends every stage: whoever waits at a queue, or comes to one, leaves.
  void stop() {
    free_stored.close();
    free_prepared.close();
    read.close();
    prepared.close();
    free_batches.close();
    ready.close();
  }

  // The first failure counts; it ends every stage.
  void fail(Error error) {
    {
      const std::scoped_lock hold(mutex_);
      if (!error_) error_ = std::move(error);
    }
    stop();
  }

  [[nodiscard]] std::optional<Error> error() const {
    const std::scoped_lock hold(mutex_);
    return error_;
  }

 private:
  mutable std::mutex mutex_;
  std::optional<Error> error_;
};

}  // namespace millrace::ingest
