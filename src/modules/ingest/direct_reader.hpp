// SPDX-License-Identifier: Apache-2.0
// The read stage of --way direct: each thread has one read under way, from the file straight into the
// device's memory, and hands an extent on when it is there as a whole. What an extent has before and behind
// it within 4 KiB comes along, since a direct transfer is aligned; the copier takes it from there to its
// batch, inside the device.
#pragma once

#include <memory>

#include "millrace/memory.hpp"
#include "modules/ingest/data_file.hpp"
#include "modules/ingest/plumbing.hpp"
#include "modules/ingest/reader.hpp"
#include "modules/ingest/settings.hpp"
#include "modules/ingest/stage_times.hpp"

namespace millrace::ingest {

class DirectReader {
 public:
  DirectReader(const Settings& settings, Plumbing& plumbing, ReadPlan& plan, sdk::Memory memory)
      : settings_(settings), plumbing_(plumbing), plan_(plan), memory_(memory) {}

  // Until the plumbing is stopped. A failure stops it.
  StageTimes run();

 private:
  bool open(const Extent& extent);
  bool read(const Extent& extent, Staged& staged);
  bool fail(const std::string& what, const char* hint);

  const Settings& settings_;
  Plumbing& plumbing_;
  ReadPlan& plan_;
  sdk::Memory memory_;
  StageClock clock_;
  std::shared_ptr<const DataFile> file_;
};

// "gds-direct", "gds-compatibility" or "gds-path-unproven" of MILLRACE_PATH_*.
const char* flag_of_path(int path);

}  // namespace millrace::ingest
