// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "cli/commands.hpp"
#include "record/document.hpp"
#include "run/interrupt.hpp"
#include "selftest/cases.hpp"
#include "units/quantity.hpp"

namespace millrace::cli {
namespace {

struct SelftestArguments {
  std::string path = ".", budget = "12s", json;
  std::vector<std::string> only;
};

Result<void> test_self(const SelftestArguments& arguments, Context& context) {
  selftest::Bench bench;
  std::error_code error;
  bench.binary = std::filesystem::read_symlink("/proc/self/exe", error);
  bench.folder = std::filesystem::canonical(arguments.path, error);
  if (error || !std::filesystem::is_directory(bench.folder, error) ||
      access(bench.folder.c_str(), W_OK | X_OK) != 0)
    return failure(fmt::format("--path {}: it is no folder that can be written to", arguments.path),
                   "give a folder on the drive to plant on");
  const auto budget = parse_duration(arguments.budget);
  if (!budget) return failure("--budget: " + budget.error().what, budget.error().hint);
  if (budget->ns < 5'000'000'000)
    return failure("--budget: a case needs 5s at least", "for example --budget 12s");
  if (!arguments.json.empty() && arguments.json != "-")
    if (auto writable = record::check_writable(arguments.json); !writable) return writable;
  bench.budget = *budget;
  bench.interrupted = run::was_interrupted;
  bench.progress = [&](const std::string& doing) { context.remark(doing); };
  const auto rows = selftest::run_cases(bench, arguments.only);
  if (!rows) return tl::unexpected(rows.error());
  if (!arguments.json.empty())
    if (auto written = record::write_text(selftest::to_json(*rows), arguments.json); !written) return written;
  if (arguments.json != "-") fmt::print("{}", selftest::to_text(*rows));
  context.exit = selftest::exit_of(*rows);
  return {};
}

}  // namespace

void add_selftest(CLI::App& app, Context& context) {
  auto arguments = std::make_shared<SelftestArguments>();
  CLI::App* command = app.add_subcommand(
      "selftest",
      "Plant causes on this machine, one after the other, and score what the diagnosis makes of them");
  command->add_option("--path", arguments->path, "Folder on the drive to plant on")->capture_default_str();
  command->add_option("--budget", arguments->budget, "Time for measuring, of each case")
      ->capture_default_str();
  command->add_option("--only", arguments->only,
                      fmt::format("Cases, of: {}", fmt::join(selftest::case_names(), ", ")));
  command->add_option("--json", arguments->json, "Write the scores as JSON; - is standard output");
  command->footer(
      "Capping a drive needs root; what this machine does not let be planted is said and left out.\n"
      "Exit codes: 0 every cause found and nothing else, 1 not so, 3 nothing could be planted\n"
      "Examples:\n"
      "  sudo millrace selftest --path /data\n"
      "  millrace selftest --only nothing cpu");
  command->callback([arguments, &context] {
    if (const auto done = test_self(*arguments, context); !done) context.fail(done.error());
  });
}

}  // namespace millrace::cli
