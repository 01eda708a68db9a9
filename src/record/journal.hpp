// SPDX-License-Identifier: Apache-2.0
// The journal: JSON lines, one record an event, each appended with one write and fsync, so that a killed run
// loses at most the measurement that it was in. Line 1 is the header (schema "millrace.journal/1", tool,
// started, hosts, topology, the plan's fingerprint and the command line's settings); then one line a
// measurement as it ends, one line for every temporary file the run owns (before it is created), and "end"
// when the run completed.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "record/result.hpp"
#include "units/result.hpp"

namespace millrace::record {

struct JournalHeader {
  Document document;        // tool, started, hosts, topology, findings; no measurements
  std::string fingerprint;  // of the plan: a resume with another plan is refused
  std::map<std::string, std::string>
      settings;  // what resume must know: paths, workloads, budget, accelerators
};

class Journal {
 public:
  // Creates the file (fails when it exists, unless `append`: resume). Locked (flock) while open.
  static Result<Journal> create(const std::filesystem::path& file, const JournalHeader& header);
  static Result<Journal> append_to(const std::filesystem::path& file);
  Journal(Journal&&) noexcept;
  Journal& operator=(Journal&&) noexcept;
  ~Journal();

  Result<void> add(const Measurement& measurement);
  Result<void> add_temporary(const std::filesystem::path& path);  // a file or folder that the run will create
  Result<void> end();

 private:
  struct State;
  explicit Journal(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

struct JournalContents {
  JournalHeader header;
  std::vector<Measurement> measurements;
  std::vector<std::filesystem::path> temporaries;
  bool ended = false;
  bool torn = false;  // the last line was cut off by a kill: it was dropped
};
// A torn last line is no error; anything else malformed is, with file, line and reason.
Result<JournalContents> read_journal(const std::filesystem::path& file);
// True when the file's first line is a journal's header (so that `diagnose F` takes either).
bool is_journal(const std::filesystem::path& file);
// The journal as a document with complete = false.
Document to_document(const JournalContents& contents);

}  // namespace millrace::record
