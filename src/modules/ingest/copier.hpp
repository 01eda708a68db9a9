// SPDX-License-Identifier: Apache-2.0
// The copy stage: one thread that puts records together to batches in device memory, several copies under
// way.
#pragma once

#include <cstdint>
#include <deque>
#include <vector>

#include "millrace/memory.hpp"
#include "modules/ingest/plumbing.hpp"
#include "modules/ingest/preparation.hpp"
#include "modules/ingest/settings.hpp"
#include "modules/ingest/stage_times.hpp"

namespace millrace::ingest {

// For --verify: what reached the device is copied back and compared with the record, read anew from its file
// (or for a source without files, with the staging buffer) and prepared anew.
class Verifier {
 public:
  Verifier(const Settings& settings, const Layout& layout, sdk::Memory memory);
  [[nodiscard]] bool ready() const;  // has its buffers
  // `record` is the extent's r-th.
  Result<bool> matches(const std::byte* on_device, const Parcel& parcel, std::size_t r);

 private:
  sdk::Memory memory_;
  bool makes_copy_;
  Preparation preparation_;
  sdk::Buffer stored_, expected_, back_;
};

class Copier {
 public:
  // `verifier` may be null.
  Copier(const Settings& settings, Plumbing& plumbing, sdk::Memory memory, Verifier* verifier)
      : settings_(settings), plumbing_(plumbing), memory_(memory), verifier_(verifier) {}

  StageTimes run();
  [[nodiscard]] bool verified() const { return verified_; }

 private:
  struct UnderWay {
    Parcel parcel;
    std::uint64_t ticket;
  };

  bool next(Parcel& parcel);
  bool take_in(const Parcel& parcel);  // all records of an extent
  bool put(const Parcel& parcel, std::size_t first, std::size_t count, std::size_t content_offset,
           std::uint64_t& ticket);
  bool finish_oldest();
  bool finish_batch();
  bool give_back(const Parcel& parcel);
  bool verify(const Parcel& parcel, std::size_t first, std::size_t count, const std::byte* on_device);
  bool fail(const char* what);

  const Settings& settings_;
  Plumbing& plumbing_;
  sdk::Memory memory_;
  Verifier* verifier_;
  StageClock clock_;
  std::deque<UnderWay> under_way_;
  DeviceBatch batch_;
  std::uint64_t filled_ = 0, records_ = 0;  // of batch_: bytes, records
  std::uint64_t last_ticket_ = 0;
  bool verified_ = true;
};

}  // namespace millrace::ingest
