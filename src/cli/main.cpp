// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <exception>
#include <string_view>
#include <system_error>

#include "cli/commands.hpp"
#include "cli/usage_error.hpp"
#include "run/interrupt.hpp"
#include "run/worker.hpp"

namespace millrace::cli {
namespace {

int parse_and_run(int argc, char** argv) {
  CLI::App app{"millrace: which hop starves your GPUs, by how much, and what mending it gives", "millrace"};
  Context context;
  app.set_version_flag("--version", fmt::format("millrace {} ({})", version(), commit()));
  app.require_subcommand(1);
  app.fallthrough();
  app.add_flag("--quiet", context.quiet, "Results and errors only");
  app.add_flag("-v,--verbose", context.verbosity, "Also what probes log; -vv: everything");
  app.add_option("--color", context.color, "When to colour the output")
      ->check(CLI::IsMember({"auto", "always", "never"}))
      ->capture_default_str();
  app.footer(
      "Examples:\n"
      "  millrace run                                   measure this machine, name what starves its GPUs\n"
      "  millrace run --path /data --for unet3d-h100    for one workload, on the drive below /data\n"
      "  millrace measure storage.read --path /data     one probe\n"
      "  millrace diagnose R.json --for resnet50-h100   from a result document alone\n"
      "Exit codes: 0 fine, 1 a check failed, 2 wrong usage or input, 3 nothing conclusive, 130 interrupted");
  add_run(app, context);
  add_measure(app, context);
  add_peer(app, context);
  add_probes(app, context);
  add_topo(app, context);
  add_doctor(app, context);
  add_workloads(app, context);
  add_diagnose(app, context);
  add_selftest(app, context);
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& success) {  // --help, --version
    return app.exit(success);
  } catch (const CLI::ParseError& error) {
    context.fail(usage_error(app, error, {argv + 1, argv + argc}));
  } catch (const std::system_error& error) {
    if (error.code() != std::errc::broken_pipe) throw;  // a reader who left, as below
  }
  // What did not reach its reader was not said; one who left (`| head`) has read enough.
  if (std::fflush(stdout) != 0 && errno != EPIPE)
    context.fail({fmt::format("cannot write standard output: {}", std::strerror(errno)),
                  "make room there, or name a file on another file system"});
  return static_cast<int>(context.exit);
}

}  // namespace
}  // namespace millrace::cli

int main(int argc, char** argv) {
  if (argc == 2 && std::string_view(argv[1]) == "worker") return millrace::run::worker_main();
  try {
    millrace::run::watch_for_interrupts();
    return millrace::cli::parse_and_run(argc, argv);
  } catch (const std::exception& error) {
    fmt::print(stderr, "millrace: bug: {}\n  hint: please report it with the command line\n", error.what());
    return 70;  // EX_SOFTWARE
  }
}
