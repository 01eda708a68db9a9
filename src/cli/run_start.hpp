// SPDX-License-Identifier: Apache-2.0
// What `millrace run` starts from: what was typed, or a journal that a killed run left.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "record/journal.hpp"
#include "record/result.hpp"
#include "run/job.hpp"
#include "run/peer/hub.hpp"
#include "topology/discover.hpp"
#include "units/result.hpp"

namespace millrace::cli {

struct RunArguments {
  std::string budget, json, journal, resume, prep, size_cap;
  std::vector<std::string> paths, datasets, workloads, allowed;
  std::string peer, token_file, peer_is = run::kPeerIsOther;
  int accelerators = 0, repeats = 0;
  double wanted = 0, compressible = 0;
  bool quick = false, thorough = false, fail_if_starved = false, explain = false;
};

struct RunStart {
  run::Job job;
  std::vector<workload::Profile> profiles;
  record::Document document;
  std::vector<record::Measurement> done;
  std::optional<record::Journal> journal;
  std::filesystem::path journal_file, json_file;
  std::unique_ptr<run::peer::Hub> hub;  // null: no peer
};

int gpus_of(const topology::Machine& machine);

// All but its peer, its journal and, of a new run, its document. Errors are the user's.
Result<RunStart> read_start(const RunArguments& arguments, const topology::Machine& machine);
// A session with the peer, where one is named, once all else that was typed is known to be right: it costs
// the peer's token. The document, too, has the peer's host then.
Result<void> reach_peer(const RunArguments& arguments, const topology::Machine& machine, RunStart& start);
Result<void> open_journal(const RunArguments& arguments, RunStart& start);

}  // namespace millrace::cli
