// SPDX-License-Identifier: Apache-2.0
// The three ways of cuFile to keep transfers under way, behind one interface. A lane's slots lie in groups,
// each of which is submitted as a whole and waited for as a whole:
//   sync    one group of one slot: the transfer is done by waiting for it
//   batch   two groups of half the depth, a batch handle each, since a handle takes one submission at a time
//           (kvikio's BatchHandle): while one is waited for, the other is under way
//   stream  as many groups of one slot as the depth, a stream each
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "modules/cufile/api.hpp"
#include "modules/cufile/registered_file.hpp"
#include "modules/gds/settings.hpp"
#include "units/result.hpp"

namespace millrace::gds {

struct Transfer {
  const cufile::RegisteredFile* file = nullptr;
  std::uint64_t file_offset = 0;
  void* buffer = nullptr;  // of the GPU, registered by itself (slots.hpp says why)
  std::size_t size = 0;
};

class Engine {
 public:
  // The slot of the group and what became of it: bytes, or negative as cuFileRead has it, with errno. Called
  // when it is first seen. An error ends the waiting.
  using Done = std::function<Result<void>(std::size_t slot, ssize_t result, int error_number)>;

  Engine() = default;
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;
  virtual ~Engine() = default;
  // The slots of each group.
  [[nodiscard]] virtual std::span<const std::size_t> groups() const = 0;
  // At most as many transfers as the group has slots; it is idle.
  virtual Result<void> submit(std::size_t group, std::span<const Transfer> transfers) = 0;
  // Until each of the group's transfers is done. Fails when that takes longer than the time-out.
  virtual Result<void> wait(std::size_t group, const Done& done) = 0;
  // Something is under way that never ends: nothing of it is given back.
  virtual void abandon() {}
};

// For the calling thread, with the GPU's context current. Errors: this libcufile has no such calls
// (Exit::kInconclusive).
Result<std::unique_ptr<Engine>> make_engine(const cufile::Api& calls, const Settings& settings);

std::unique_ptr<Engine> make_sync_engine(const cufile::Api& calls, const Settings& settings);
Result<std::unique_ptr<Engine>> make_batch_engine(const cufile::Api& calls, const Settings& settings);
Result<std::unique_ptr<Engine>> make_stream_engine(const cufile::Api& calls, const Settings& settings);

// "--calls stream: an operation did not end within 20 s", as every engine says it.
Error timed_out(const char* calls, std::int64_t timeout_ns);

}  // namespace millrace::gds
