// SPDX-License-Identifier: Apache-2.0
// A verdict from documents alone: a result, a journal or a topology, on any machine.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "cli/applies.hpp"
#include "cli/commands.hpp"
#include "cli/diagnose_fabric.hpp"
#include "cli/number_within.hpp"
#include "diagnose/diagnose.hpp"
#include "diagnose/infer.hpp"
#include "diagnose/interference.hpp"
#include "fabric/fabric.hpp"
#include "record/document.hpp"
#include "record/journal.hpp"
#include "record/merge.hpp"
#include "report/terminal.hpp"
#include "workload/profile.hpp"

namespace millrace::cli {
namespace {

struct DiagnoseArguments {
  std::string document, json, prep;
  std::vector<std::string> workloads, others;
  std::vector<double> shares;  // of a fabric's accelerators, in percent, one for each workload
  int accelerators = 0;        // 0: as many as the document's hosts have
  double wanted = 0;           // percent; 0: what the workload wants
  bool explain = false, fail_if_starved = false;
};

Result<record::Document> read(const std::string& file) {
  if (!record::is_journal(file)) return record::read_document(file);
  const auto contents = record::read_journal(file);
  if (!contents) return tl::unexpected(contents.error());
  return record::to_document(*contents);
}

// Of one file under two names, and of one that is named twice.
Result<void> check_all_differ(const DiagnoseArguments& arguments) {
  std::vector<std::string> known{arguments.document};
  for (const std::string& file : arguments.others) {
    for (const std::string& other : known) {
      std::error_code code;  // what is not there is told by who reads it
      if (file == other || (std::filesystem::equivalent(file, other, code) && !code))
        return failure(fmt::format("--with {}: that is {}, and its measurements would count twice", file,
                                   other == arguments.document ? "the document itself" : other + " again"),
                       "give each document once");
    }
    known.push_back(file);
  }
  return {};
}

Result<record::Document> read_all(const DiagnoseArguments& arguments) {
  if (auto differ = check_all_differ(arguments); !differ) return tl::unexpected(differ.error());
  auto first = read(arguments.document);
  if (!first || arguments.others.empty()) return first;
  std::vector<record::NamedDocument> all{{arguments.document, std::move(*first)}};
  for (const std::string& file : arguments.others) {
    auto more = read(file);
    if (!more) return more;
    all.push_back({file, std::move(*more)});
  }
  return record::merge(std::move(all));
}

Result<std::vector<workload::Profile>> load_all(const std::vector<std::string>& names,
                                                const std::string& prep) {
  std::vector<workload::Profile> all;
  if (names.empty()) all = workload::built_in_training_input();
  for (const std::string& name : names) {
    const auto profiles = workload::load(name);
    if (!profiles) return tl::unexpected(profiles.error());
    all.insert(all.end(), profiles->begin(), profiles->end());
  }
  for (workload::Profile& profile : all)
    if (!prep.empty()) profile.input.prep = prep;
  return all;
}

int gpus_in_document(const record::Document& document) {
  const auto& endpoints = document.topology.endpoints;
  return std::max(
      1, static_cast<int>(std::count_if(endpoints.begin(), endpoints.end(),
                                        [](const auto& endpoint) { return endpoint.kind == "gpu"; })));
}

Exit exit_for(const std::vector<record::Diagnosis>& diagnoses, bool fail_if_starved) {
  const auto is = [](const char* verdict) {
    return [verdict](const record::Diagnosis& d) { return d.verdict == verdict; };
  };
  if (fail_if_starved && std::any_of(diagnoses.begin(), diagnoses.end(), is("starved")))
    return Exit::kCheckFailed;
  if (std::all_of(diagnoses.begin(), diagnoses.end(), is("inconclusive"))) return Exit::kInconclusive;
  return Exit::kOk;
}

void run_diagnose_fabric(const DiagnoseArguments& arguments, std::vector<workload::Profile> profiles,
                         Context& context) {
  if (!arguments.shares.empty()) {
    auto mix = mix_of(arguments.workloads, arguments.shares);
    if (!mix) return context.fail(mix.error());
    profiles = {std::move(*mix)};
  }
  std::optional<double> wanted;
  if (arguments.wanted > 0) wanted = arguments.wanted / 100;
  const auto all = diagnose_fabric(arguments.document, profiles, arguments.accelerators, wanted);
  if (!all) return context.fail(all.error());
  context.exit = exit_for(all->document.diagnoses, arguments.fail_if_starved);
  if (!arguments.json.empty())
    if (const auto written = record::write_document(all->document, arguments.json); !written)
      return context.fail(written.error());
  if (arguments.json == "-") return;
  const report::TextStyle style{context.use_color(), context.width()};
  fmt::print("{}\n{}", all->description,
             report::diagnoses_text(all->document, all->document.diagnoses, style));
  if (arguments.explain)
    for (const auto& diagnosis : all->document.diagnoses)
      fmt::print("\n{}", report::explain_text(all->document, diagnosis, style));
}

// Whether the options say something to the workloads; what is to be remarked once the verdicts are there.
Result<std::vector<std::string>> remarks_on(const DiagnoseArguments& arguments,
                                            const std::vector<workload::Profile>& profiles) {
  std::vector<std::string> remarks;
  for (const auto& [given, applies] : {std::pair{arguments.wanted > 0, &utilization_applies},
                                       std::pair{!arguments.prep.empty(), &prep_applies}}) {
    if (!given) continue;
    auto remark = applies(profiles);
    if (!remark) return tl::unexpected(remark.error());
    if (!remark->empty()) remarks.push_back(std::move(*remark));
  }
  return remarks;
}

void run_diagnose(const DiagnoseArguments& arguments, Context& context) {
  const auto profiles = load_all(arguments.workloads, arguments.prep);
  if (!profiles) return context.fail(profiles.error());
  const auto remarks = remarks_on(arguments, *profiles);
  if (!remarks) return context.fail(remarks.error());
  for (const std::string& remark : *remarks) context.remark("note: " + remark);
  if (!arguments.json.empty() && arguments.json != "-")
    if (const auto writable = record::check_writable(arguments.json); !writable)
      return context.fail(writable.error());
  if (fabric::is_fabric(arguments.document) && !arguments.others.empty())
    return context.fail({"--with: a fabric has no measurements to be joined by others", "leave it out"});
  if (fabric::is_fabric(arguments.document) && !arguments.prep.empty())
    return context.fail({"--prep: a fabric's file tells nothing of the CPUs that prepare",
                         "leave it out, or give a host's document"});
  if (fabric::is_fabric(arguments.document)) return run_diagnose_fabric(arguments, *profiles, context);
  if (!arguments.shares.empty())
    return context.fail({"--share: jobs share a fabric, and the document is none",
                         "give a fabric (`millrace topo --generate`), or a mix as the workload"});
  auto document = read_all(arguments);
  if (!document) return context.fail(document.error());

  const int accelerators = arguments.accelerators > 0 ? arguments.accelerators : gpus_in_document(*document);
  document->diagnoses.clear();
  document->interference = diagnose::interference_of(*document);
  document->capacities = diagnose::capacities_of(*document, diagnose::infer(*document));
  for (const workload::Profile& profile : *profiles) {
    diagnose::Question question{profile, accelerators, {}};
    if (arguments.wanted > 0) question.utilization_wanted = arguments.wanted / 100;
    document->diagnoses.push_back(diagnose::diagnose(*document, question));
  }
  context.exit = exit_for(document->diagnoses, arguments.fail_if_starved);
  if (!arguments.json.empty())
    if (const auto written = record::write_document(*document, arguments.json); !written)
      return context.fail(written.error());
  if (arguments.json == "-") return;
  const report::TextStyle style{context.use_color(), context.width()};
  fmt::print("{}", report::document_text(*document, style));
  if (arguments.explain && !document->capacities.empty())
    fmt::print("\n{}", report::capacities_text(*document, style));
  if (arguments.explain)
    for (const auto& diagnosis : document->diagnoses)
      fmt::print("\n{}", report::explain_text(*document, diagnosis, style));
}

}  // namespace

void add_diagnose(CLI::App& app, Context& context) {
  auto arguments = std::make_shared<DiagnoseArguments>();
  CLI::App* command = app.add_subcommand(
      "diagnose", "Name what starves a workload, from a document alone: no hardware is touched");
  command
      ->add_option("DOCUMENT", arguments->document,
                   "A result, a journal, a topology or a fabric (`millrace topo --json F`)")
      ->required();
  command->add_option(
      "--with", arguments->others,
      "More documents of the same host (repeatable), such as the network to its storage: `millrace "
      "measure tcp.stream --label storage --peer …`; each once");
  command->add_option("--for", arguments->workloads,
                      "A workload, a model or a profile file (repeatable) [all built-in workloads]");
  command
      ->add_option("--accelerators", arguments->accelerators,
                   "How many share the feed path [as many as the host or the fabric has]")
      ->check(CLI::Range(1, 1 << 24));
  command
      ->add_option("--utilization", arguments->wanted,
                   "Accelerator utilization wanted, in percent, instead of the workload's; of training and "
                   "checkpoints alone: answers and loadings are judged by their time")
      ->check(number_within(0.1, 100));
  command
      ->add_option("--prep", arguments->prep,
                   "Preparation on the CPU instead of the workload's own; of training input alone")
      ->check(CLI::IsMember({"none", "checksum", "decompress", "normalize"}));
  command
      ->add_option("--share", arguments->shares,
                   "On a fabric: all workloads at the same time, each on this share of the accelerators, in "
                   "percent (60,40)")
      ->delimiter(',')
      ->check(number_within(0.001, 100));
  command->add_flag("--explain", arguments->explain, "Show how each verdict was reached");
  command->add_option("--json", arguments->json,
                      "Write the document with its diagnoses here; -: to standard output");
  command->add_flag("--fail-if-starved", arguments->fail_if_starved,
                    "Exit with 1 when a workload is starved");
  command->footer(
      "Examples:\n"
      "  millrace diagnose result.json --for unet3d-h100\n"
      "  millrace diagnose result.json --for resnet50 --accelerators 8 --explain\n"
      "  millrace diagnose run.journal --for my.json --fail-if-starved\n"
      "  millrace diagnose fabric.json --for llama3-70b-pretrain-h100 --accelerators 1024\n"
      "  millrace diagnose fabric.json --for llama3-70b-serve-h100 --for llama3-70b-finetune-h100 --share "
      "60,40\n"
      "Where nothing was measured, limits stand in and the output says so. Exit codes: 0 a verdict, 1 "
      "starved with "
      "--fail-if-starved, 2 bad input, 3 inconclusive.");
  command->callback([arguments, &context] { run_diagnose(*arguments, context); });
}

}  // namespace millrace::cli
