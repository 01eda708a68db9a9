// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <initializer_list>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "cli/applies.hpp"
#include "cli/commands.hpp"
#include "report/layout.hpp"
#include "units/quantity.hpp"
#include "workload/explain.hpp"
#include "workload/mix.hpp"
#include "workload/profile.hpp"
#include "workload/serving_time.hpp"

namespace millrace::cli {
namespace {

std::string size(double bytes) { return to_si(Bytes{static_cast<std::uint64_t>(std::llround(bytes))}); }

std::string input_table(const report::TextStyle& style) {
  report::Table table({"workload", "needs", "record", "batch", "compute", "wanted", "prep"});
  for (const workload::Profile& profile : workload::built_in_training_input())
    table.add({profile.name, to_text(BytesPerSecond{profile.demand_bytes_per_s()}),
               size(profile.input.record_bytes), std::to_string(profile.input.batch_samples),
               to_text(Duration::from_seconds(profile.compute_s)),
               fmt::format("{:.0f} %", profile.utilization_wanted * 100), profile.input.prep});
  return table.text(2, style);
}

// What a use comes to, in a few words; alike on every accelerator.
std::string in_short(const workload::Profile& profile) {
  const workload::Serving& serving = profile.serving;
  switch (profile.kind) {
    case workload::Kind::kPretrain:
    case workload::Kind::kFinetune:
      return fmt::format("{} tokens a step, at least {} GPUs",
                         count_to_text(static_cast<double>(profile.training.batch_tokens)),
                         workload::least_ranks(profile));
    case workload::Kind::kCheckpoint:
    case workload::Kind::kRestore:
      return size(profile.shape.parameters * profile.checkpoint.saved_bytes_per_parameter);
    case workload::Kind::kColdStart:
      return fmt::format("{} of weights within {:g} s", size(workload::weights_bytes(profile)),
                         profile.loading.wanted_s);
    case workload::Kind::kServe:
      return fmt::format("p99 within {}, {:g} request{} a second",
                         to_text(Duration::from_seconds(serving.budget_s)), serving.requests_per_s,
                         serving.requests_per_s == 1 ? "" : "s");
    case workload::Kind::kMix:
      return fmt::format("{} workloads on {} GPUs", profile.mix.parts.size(), workload::site_ranks(profile));
    case workload::Kind::kTrainingInput:
      break;
  }
  return {};
}

// One row for each use, with the accelerators that it is for: what the sums come to differs by accelerator
// and count, and stands in the explanation.
std::string uses_table(std::initializer_list<workload::Kind> kinds) {
  std::vector<std::pair<std::string, std::vector<const workload::Profile*>>> rows;
  for (const workload::Profile& profile : workload::built_in()) {
    if (std::find(kinds.begin(), kinds.end(), profile.kind) == kinds.end()) continue;
    const std::string name = profile.name.substr(0, profile.name.size() - profile.accelerator.size() - 1);
    const auto same =
        std::find_if(rows.begin(), rows.end(), [&](const auto& row) { return row.first == name; });
    if (same == rows.end())
      rows.push_back({name, {&profile}});
    else
      same->second.push_back(&profile);
  }
  std::size_t widest = 0;
  for (const auto& [name, profiles] : rows) widest = std::max(widest, name.size());
  std::string out;
  for (const auto& [name, profiles] : rows) {
    std::vector<std::string> accelerators;
    for (const workload::Profile* profile : profiles) accelerators.push_back(profile->accelerator);
    out += fmt::format("  {:<{}}  {:<17}  {}\n", name, widest,
                       fmt::format("{}", fmt::join(accelerators, " ")), in_short(*profiles.front()));
  }
  return out;
}

std::string list(const Context& context) {
  using workload::Kind;
  const report::TextStyle style{context.use_color(), context.width()};
  return "Training input (needs: of each accelerator that never waits)\n" + input_table(style) +
         "\nLanguage-model training\n" + uses_table({Kind::kPretrain, Kind::kFinetune}) +
         "\nCheckpoint and restore\n" + uses_table({Kind::kCheckpoint, Kind::kRestore}) + "\nDeployment\n" +
         uses_table({Kind::kColdStart}) + "\nServing\n" + uses_table({Kind::kServe}) +
         "\nMixes of these on one site\n" + uses_table({Kind::kMix}) +
         "\nA workload's name is WORKLOAD-ACCELERATOR, as in llama3-70b-pretrain-h100. `millrace workloads "
         "NAME` "
         "explains\none, with its sums and sources; a file of your own ends in .json.\n";
}

}  // namespace

void add_workloads(CLI::App& app, Context& context) {
  auto name = std::make_shared<std::string>();
  auto json = std::make_shared<bool>(false);
  CLI::App* command =
      app.add_subcommand("workloads", "List the workloads that Millrace knows, or explain one");
  CLI::Option* named = command->add_option("WORKLOAD", *name,
                                           "A workload, a model for all its accelerators, or a profile file");
  auto accelerators = std::make_shared<std::int64_t>(0);
  command
      ->add_option("--accelerators", *accelerators,
                   "Explain a training job, a checkpoint or a mix on so many [what suits it]")
      ->check(CLI::Range(std::int64_t{1}, std::int64_t{10'000'000}))
      ->needs(named);
  command->add_flag("--json", *json, "Print as JSON: a profile to start your own from")
      ->excludes(command->get_option("--accelerators"));
  command->footer(
      "Examples:\n  millrace workloads\n  millrace workloads unet3d-h100\n"
      "  millrace workloads llama3-70b-pretrain-h100 --accelerators 1024\n"
      "  millrace workloads vision --json > my.json");
  command->callback([&context, name, json, accelerators] {
    if (name->empty()) {
      fmt::print("{}", *json ? workload::to_json(workload::built_in()) : list(context));
      return;
    }
    const auto profiles = workload::load(*name);
    if (!profiles) return context.fail(profiles.error());
    if (*accelerators > 0)
      if (const auto applies = count_applies(*profiles, *accelerators); !applies)
        return context.fail(applies.error());
    if (*json) {
      fmt::print("{}", workload::to_json(*profiles));
      return;
    }
    for (std::size_t i = 0; i < profiles->size(); ++i)
      fmt::print("{}{}", i > 0 ? "\n" : "", workload::explain_on((*profiles)[i], *accelerators));
  });
}

}  // namespace millrace::cli
