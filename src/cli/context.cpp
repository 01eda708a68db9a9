// SPDX-License-Identifier: Apache-2.0
#include <fmt/chrono.h>
#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <ctime>

#include "cli/commands.hpp"
#include "topology/discover.hpp"
#include "topology/doctor.hpp"

namespace millrace::cli {

bool Context::use_color() const {
  if (color == "always") return true;
  if (color == "never") return false;
  const char* no_color = std::getenv("NO_COLOR");  // https://no-color.org
  return isatty(STDOUT_FILENO) != 0 && (no_color == nullptr || *no_color == '\0');
}

int Context::width() const {
  winsize size{};
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col >= 40) return size.ws_col;
  return 100;
}

int Context::table_width() const { return isatty(STDOUT_FILENO) != 0 ? width() : 1000; }

void Context::fail(const Error& error) {
  std::fflush(stdout);
  fmt::print(stderr, "millrace: error: {}\n", error.what);
  if (!error.hint.empty()) fmt::print(stderr, "  hint: {}\n", error.hint);
  exit = error.exit;
}

void Context::remark(const std::string& text) const {
  if (quiet) return;
  std::fflush(stdout);  // in the order in which it was said, where both go to one place
  fmt::print(stderr, "{}\n", text);
}

record::Document new_document(const topology::Machine& machine) {
  record::Document document;
  document.tool = {"millrace", version(), commit()};
  document.started = fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(std::time(nullptr)));
  document.hosts.push_back(machine.host);
  document.topology = machine.graph;
  document.findings = topology::examine(machine, topology::machine_root());
  return document;
}

const char* version() { return MILLRACE_VERSION; }
const char* commit() { return MILLRACE_COMMIT; }

}  // namespace millrace::cli
