// SPDX-License-Identifier: Apache-2.0
// The commands of millrace, one file each. A command adds its sub-command to the application; its callback
// does the work and leaves the exit code in the context.
#pragma once

#include <string>

#include "record/result.hpp"
#include "topology/discover.hpp"
#include "units/result.hpp"

namespace CLI {
class App;
}

namespace millrace::cli {

struct Context {
  Exit exit = Exit::kOk;
  bool quiet = false;          // --quiet: no progress, no remarks; results and errors only
  int verbosity = 0;           // -v: what workers log
  std::string color = "auto";  // --color auto|always|never

  [[nodiscard]] bool use_color() const;  // for standard output
  [[nodiscard]] int width() const;       // columns of the terminal, or 100
  // The same for tables whose cells are cut where they do not fit: into a file or a pipe, all of them fit.
  [[nodiscard]] int table_width() const;
  // Says what went wrong on standard error, in one way everywhere, and sets the exit code.
  void fail(const Error& error);
  // A remark on standard error, unless --quiet.
  void remark(const std::string& text) const;
};

void add_run(CLI::App& app, Context& context);
void add_measure(CLI::App& app, Context& context);
void add_peer(CLI::App& app, Context& context);
void add_probes(CLI::App& app, Context& context);
void add_topo(CLI::App& app, Context& context);
void add_doctor(CLI::App& app, Context& context);
void add_workloads(CLI::App& app, Context& context);
void add_diagnose(CLI::App& app, Context& context);
void add_selftest(CLI::App& app, Context& context);

// A new document: tool, start time, this host, its topology and findings.
record::Document new_document(const topology::Machine& machine);
const char* version();
const char* commit();

}  // namespace millrace::cli
