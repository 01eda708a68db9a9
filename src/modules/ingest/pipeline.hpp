// SPDX-License-Identifier: Apache-2.0
// One accelerator's pipeline: its buffers, its queues and its threads.
//
//   readers ──read──> preparation ──prepared──> copier ──ready──> consumer (the calling thread)
//      ^                  staging buffers            device batches     │
//      └──────────────────── free ─────────────────────────┴── free ────┘
#pragma once

#include <memory>
#include <vector>

#include "millrace/memory.hpp"
#include "millrace/probe.hpp"
#include "modules/ingest/copier.hpp"
#include "modules/ingest/layout.hpp"
#include "modules/ingest/plumbing.hpp"
#include "modules/ingest/reader.hpp"
#include "modules/ingest/record_index.hpp"
#include "modules/ingest/settings.hpp"

namespace millrace::ingest {

class Consumer;

class Pipeline {
 public:
  // Allocates and fills everything that can be before the run; warms the cache for a cached source.
  Pipeline(sdk::Host& host, Settings settings, Index index);
  ~Pipeline();
  // How the construction went.
  [[nodiscard]] const Result<void>& state() const { return state_; }

  sdk::Outcome run(sdk::Host& host);

 private:
  Result<void> prepare(sdk::Host& host);
  Result<void> allocate();
  Result<void> warm_up(sdk::Host& host) const;
  StageTimes prepare_records();
  sdk::Outcome compute_only(sdk::Host& host, Consumer& consumer);
  void report_stage(sdk::Host& host, const char* name, const char* resource, std::size_t threads,
                    const StageTimes& times, double fill) const;

  Settings settings_;
  Index index_;
  std::vector<Extent> extents_;
  sdk::Memory memory_{nullptr};
  Layout layout_;
  std::unique_ptr<Plumbing> plumbing_;
  std::unique_ptr<Verifier> verifier_;
  ReadPlan plan_;
  sdk::Buffer stored_, prepared_, device_;
  Result<void> state_;
};

// The extents of one rank, of N.
std::vector<Extent> extents_of(const Settings& settings, const Index& index, std::size_t rank);

}  // namespace millrace::ingest
