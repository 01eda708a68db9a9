// SPDX-License-Identifier: Apache-2.0
// The read stage: each thread keeps queue_depth blocks under way, of as many extents as that takes, and hands
// an extent on when its last block is there.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "modules/ingest/data_file.hpp"
#include "modules/ingest/plumbing.hpp"
#include "modules/ingest/read_ring.hpp"
#include "modules/ingest/settings.hpp"
#include "modules/ingest/stage_times.hpp"

namespace millrace::ingest {

// What the reader threads share: the extents, in order, over and over.
struct ReadPlan {
  std::span<const Extent> extents;
  std::atomic<std::uint64_t> next{0};
  std::atomic<bool> cache_not_bypassed{false};

  const Extent& take() { return extents[next.fetch_add(1, std::memory_order_relaxed) % extents.size()]; }
};

class Reader {
 public:
  Reader(const Settings& settings, const Layout& layout, Plumbing& plumbing, ReadPlan& plan)
      : settings_(settings),
        plumbing_(plumbing),
        plan_(plan),
        active_(layout.extents_per_reader),
        blocks_(settings.queue_depth) {}

  // Until the plumbing is stopped. A failure stops it.
  StageTimes run();

 private:
  // An extent of which blocks are still to be asked for or to come.
  struct Active {
    Staged staged;
    std::shared_ptr<const DataFile> file;
    std::uint64_t begin = 0, next = 0, end = 0;  // in the file; aligned
    unsigned under_way = 0;
    bool in_use = false;
  };
  struct Block {
    Active* owner = nullptr;  // null: free
    std::uint64_t offset = 0;
    unsigned size = 0;      // asked for
    unsigned expected = 0;  // of those, before the end of the file
  };

  bool top_up(ReadRing& ring);  // false: stopped
  bool start_extent();          // false: none can be started now, or stopped
  void ask(ReadRing& ring, Active& active);
  bool take_in(ReadRing& ring, const ReadRing::Completion& completion);
  bool hand_on(Active& active);
  bool fail(const Block& block, int reason);
  Block* free_block();

  const Settings& settings_;
  Plumbing& plumbing_;
  ReadPlan& plan_;
  StageClock clock_;
  std::vector<Active> active_;
  std::vector<Block> blocks_;
  Active* current_ = nullptr;  // whose blocks are being asked for
  std::shared_ptr<const DataFile> last_file_;
  unsigned under_way_ = 0;
};

}  // namespace millrace::ingest
