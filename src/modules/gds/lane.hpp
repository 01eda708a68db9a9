// SPDX-License-Identifier: Apache-2.0
// One thread of a worker: its slots, kept under way until it is stopped or its blocks are at their end.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <variant>
#include <vector>

#include "millrace/recorder.hpp"
#include "modules/cufile/registered_file.hpp"
#include "modules/gds/engine.hpp"
#include "modules/gds/file_check.hpp"
#include "modules/gds/slots.hpp"
#include "modules/storage/blocks.hpp"

namespace millrace::gds {

// What all lanes of a worker share.
struct Shared {
  const Settings* settings = nullptr;
  std::span<const storage::Target> targets;
  std::span<const cufile::RegisteredFile> files;  // of each target
  const Slots* slots = nullptr;
  WrittenBlocks* written = nullptr;  // null: nothing is verified
};

class Lane {
 public:
  static Result<Lane> make(const Shared& shared, const cufile::Api& calls, std::size_t index);

  // With the GPU's context current. After an error, what was under way is waited for; `stuck` tells that it
  // did not end, and nothing that it may touch can be given back.
  Result<void> run(sdk::Recorder& recorder, const std::function<bool()>& stopped);
  [[nodiscard]] bool stuck() const { return stuck_; }
  [[nodiscard]] std::uint64_t operations() const { return operations_; }
  void abandon();

 private:
  using Blocks = std::variant<storage::SequentialBlocks, storage::RandomBlocks>;
  struct Slot {
    storage::Block block;
    std::int64_t began_ns = 0;
  };
  struct Group {
    std::vector<Slot> slots;
    std::size_t first = 0;  // slot of the lane
    std::size_t under_way = 0;
  };

  Lane(const Shared& shared, std::size_t index, Blocks blocks)
      : shared_(shared), index_(index), blocks_(std::move(blocks)) {}
  Result<void> loop(sdk::Recorder& recorder, const std::function<bool()>& stopped);
  Result<void> submit_next(std::size_t group);
  Result<void> finish(std::size_t group, sdk::Recorder& recorder);
  Result<void> take(const Group& group, std::size_t slot, ssize_t result, int error_number,
                    sdk::Recorder& recorder);
  void drain();

  Shared shared_;
  std::size_t index_;
  Blocks blocks_;
  std::optional<FileCheck> check_;
  std::unique_ptr<Engine> engine_;
  std::vector<Group> groups_;
  std::uint64_t operations_ = 0;
  bool stuck_ = false;
};

}  // namespace millrace::gds
