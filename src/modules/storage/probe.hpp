// SPDX-License-Identifier: Apache-2.0
// storage.read and storage.write: one implementation, told apart by the direction.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <variant>
#include <vector>

#include "millrace/probe.hpp"
#include "modules/storage/blocks.hpp"
#include "modules/storage/lane.hpp"
#include "modules/storage/options.hpp"
#include "modules/storage/target.hpp"

namespace millrace::storage {

class StorageProbe : public sdk::Probe {
 public:
  sdk::Outcome open(sdk::Host& host) override;
  sdk::Outcome run(sdk::Host& host) override;
  sdk::Outcome close(sdk::Host& host) override;

 protected:
  explicit StorageProbe(Direction direction) : direction_(direction) {}
  static sdk::Outcome describe(sdk::Host& host, Direction direction);

 private:
  using Blocks = std::variant<SequentialBlocks, RandomBlocks, WholeFiles>;
  struct Thread {
    std::unique_ptr<Lane> lane;
    Blocks blocks;
    std::optional<Error> error;
    // Of an open loop:
    std::int64_t behind_ns = 0;
    ServiceTimes service_times = {};
  };

  Result<void> open_targets(const sdk::Host& host);
  Result<Blocks> blocks_for(std::uint32_t thread) const;
  void say_service_times(const sdk::Host& host) const;
  void run_thread(const sdk::Host& host, std::uint32_t index, std::atomic<bool>& failed);
  template <typename Command, typename SomeBlocks, typename Stopped>
  void run_loop(Thread& thread, SomeBlocks& blocks, const sdk::Host& host, std::uint32_t index,
                Stopped stopped);
  void say_what_was_used(const sdk::Host& host) const;
  Result<void> make_durable(const sdk::Host& host) const;
  Result<void> read_back() const;

  Direction direction_;
  Options options_;
  std::vector<Target> targets_;
  std::vector<Thread> threads_;
};

class ReadProbe : public StorageProbe {
 public:
  ReadProbe() : StorageProbe(Direction::kRead) {}
  static sdk::Outcome describe(sdk::Host& host) { return StorageProbe::describe(host, Direction::kRead); }
};

class WriteProbe : public StorageProbe {
 public:
  WriteProbe() : StorageProbe(Direction::kWrite) {}
  static sdk::Outcome describe(sdk::Host& host) { return StorageProbe::describe(host, Direction::kWrite); }
};

}  // namespace millrace::storage
