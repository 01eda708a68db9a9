// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cmath>
#include <memory>
#include <string>

#include "cli/commands.hpp"
#include "report/layout.hpp"
#include "units/quantity.hpp"
#include "workload/profile.hpp"

namespace millrace::cli {
namespace {

std::string size(double bytes) { return to_si(Bytes{static_cast<std::uint64_t>(std::llround(bytes))}); }

std::string list(const Context& context) {
  report::Table table({"workload", "needs", "record", "batch", "compute", "wanted", "prep"});
  for (const workload::Profile& profile : workload::built_in())
    table.add({profile.name, to_text(BytesPerSecond{profile.demand_bytes_per_s()}),
               size(profile.input.record_bytes), std::to_string(profile.input.batch_samples),
               to_text(Duration::from_seconds(profile.compute_s)),
               fmt::format("{:.0f} %", profile.utilization_wanted * 100), profile.input.prep});
  return table.text(0, {context.use_color(), context.width()}) +
         "\nneeds: of each accelerator that never waits. `millrace workloads NAME` explains one; a file of "
         "your own "
         "ends in .json.\n";
}

}  // namespace

void add_workloads(CLI::App& app, Context& context) {
  auto name = std::make_shared<std::string>();
  auto json = std::make_shared<bool>(false);
  CLI::App* command =
      app.add_subcommand("workloads", "List the workloads that Millrace knows, or explain one");
  command->add_option("WORKLOAD", *name, "A workload, a model for all its accelerators, or a profile file");
  command->add_flag("--json", *json, "Print as JSON: a profile to start your own from");
  command->footer(
      "Examples:\n  millrace workloads\n  millrace workloads unet3d-h100\n"
      "  millrace workloads unet3d --json > my.json");
  command->callback([&context, name, json] {
    if (name->empty()) {
      fmt::print("{}", *json ? workload::to_json(workload::built_in()) : list(context));
      return;
    }
    const auto profiles = workload::load(*name);
    if (!profiles) return context.fail(profiles.error());
    if (*json) {
      fmt::print("{}", workload::to_json(*profiles));
      return;
    }
    for (std::size_t i = 0; i < profiles->size(); ++i)
      fmt::print("{}{}", i > 0 ? "\n" : "", workload::explain((*profiles)[i]));
  });
}

}  // namespace millrace::cli
