// SPDX-License-Identifier: Apache-2.0
// The parameters of storage.read and storage.write: what the user may give, and what they come to.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "millrace/probe.hpp"
#include "units/result.hpp"

namespace millrace::storage {

enum class Direction { kRead, kWrite };
enum class Pattern { kSequential, kRandom };
enum class Registration { kAuto, kOn, kOff };

struct Options {
  Direction direction = Direction::kRead;
  std::vector<std::string> paths;    // of this worker
  std::string dataset;               // a folder; empty: paths are read
  std::vector<std::string> destroy;  // devices that may be overwritten
  Pattern pattern = Pattern::kSequential;
  std::uint32_t block_size = 0;
  std::uint64_t file_size = 0;
  bool file_size_given = false;
  std::uint32_t queue_depth = 0;  // of each thread
  std::uint32_t threads = 0;
  std::uint32_t batch = 0;  // submissions and completions gathered for one system call
  bool direct = true, sqpoll = false, iopoll = false, registered_files = true;
  Registration registered_buffers = Registration::kAuto;
  std::optional<double> rate_per_s;  // of all workers together; not set: as fast as the queue depth allows
  std::uint64_t passes = 0;          // 0: until the time is over
  bool verify = false;
  std::uint64_t seed = 0;
  bool seed_given = false;
  bool prefill = true;     // write: the file's blocks are laid out before
  bool fsync_end = false;  // write

  [[nodiscard]] std::uint64_t buffer_bytes() const {
    return std::uint64_t{threads} * queue_depth * block_size;
  }
};

// Reads and checks the parameters; touches no file. `seed` is used where the user gave none.
Result<Options> options_from(const sdk::Host& host, Direction direction, std::uint64_t seed);

}  // namespace millrace::storage
