// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <system_error>
#include <vector>

#include "cli/commands.hpp"
#include "cli/number_within.hpp"
#include "cli/progress.hpp"
#include "cli/run_start.hpp"
#include "diagnose/conventions.hpp"
#include "diagnose/diagnose.hpp"
#include "diagnose/infer.hpp"
#include "diagnose/interference.hpp"
#include "record/document.hpp"
#include "report/terminal.hpp"
#include "run/feed_job.hpp"
#include "run/gpu_findings.hpp"
#include "run/gpu_plan.hpp"
#include "run/interrupt.hpp"
#include "run/link_plan.hpp"
#include "run/peer/plan.hpp"
#include "run/peer/turns.hpp"
#include "run/shared_state.hpp"
#include "topology/discover.hpp"
#include "topology/link_watch.hpp"

namespace millrace::cli {
namespace {

namespace fs = std::filesystem;

void diagnose_all(const RunStart& start, record::Document& document) {
  document.interference = diagnose::interference_of(document);
  document.capacities = diagnose::capacities_of(document, diagnose::infer(document));
  for (const workload::Profile& profile : start.profiles)
    document.diagnoses.push_back(
        diagnose::diagnose(document, {profile, start.job.accelerators, start.job.utilization_wanted}));
}

// What tells measurements of one probe and label apart.
std::string variant_text(const record::Measurement& m) {
  for (const char* name : {diagnose::conventions::kSource, run::kDirection})
    if (const auto given = m.parameters.find(name); given != m.parameters.end())
      if (const auto* text = std::get_if<std::string>(&given->second)) return ", " + *text;
  return {};
}

std::string outcome_text(const record::Measurement& m) {
  if (m.status != "ok") return fmt::format("{}: {}", m.status, m.reason);
  const auto utilization = m.metrics.find("accelerator_utilization_share");
  const bool computes = m.parameters.contains("compute") &&
                        std::get_if<double>(&m.parameters.at("compute")) != nullptr &&
                        std::get<double>(m.parameters.at("compute")) > 0;
  const std::string used =
      computes && utilization != m.metrics.end()
          ? fmt::format(", accelerators compute {:.0f} % of the time", 100 * utilization->second.mean)
          : "";
  const std::string of = m.repeats.size() > 1 ? fmt::format(", mean of {} repeats", m.repeats.size()) : "";
  return to_text(BytesPerSecond{m.throughput_bytes_per_s.mean}) + of + used;
}

// Links are read under load alone, since they train down when nothing crosses them, and once a second at
// most.
class LoadedLinks {
 public:
  explicit LoadedLinks(const topology::Machine& machine) : watch_(machine, topology::machine_root()) {}
  void sample(Duration elapsed) {
    const std::int64_t now = run::monotonic_ns();
    if (elapsed.ns < 200'000'000 || now - last_ns_ < 1'000'000'000) return;
    last_ns_ = now;
    watch_.sample();
  }
  // What idle links and GPUs looked like is no finding beside what loaded ones did.
  void judge(record::Document& document) const {
    std::vector<std::string> crossed;
    for (const record::Measurement& m : document.measurements)
      for (const record::MeasuredHop& hop : m.path)
        if (std::find(crossed.begin(), crossed.end(), hop.resource) == crossed.end())
          crossed.push_back(hop.resource);
    std::vector<topology::Finding> loaded = watch_.findings(crossed);
    for (topology::Finding& finding : run::findings_of_gpus(document)) loaded.push_back(std::move(finding));
    for (topology::Finding& finding : loaded) {
      std::erase_if(document.findings, [&](const topology::Finding& idle) {
        return idle.id == finding.id && idle.resource == finding.resource;
      });
      document.findings.push_back(std::move(finding));
    }
  }

 private:
  topology::LinkWatch watch_;
  std::int64_t last_ns_ = 0;
};

run::JobCallbacks make_callbacks(const Context& context, Progress& progress, LoadedLinks& links) {
  run::JobCallbacks callbacks;
  callbacks.interrupted = run::was_interrupted;
  callbacks.stage = [&](const std::string& doing) {
    progress.clear();
    context.remark(doing);
  };
  callbacks.planned = [&](int measurements, Duration whole) { progress.expect(measurements, whole); };
  callbacks.progress = [&](const std::string& doing, Duration elapsed, double rate) {
    links.sample(elapsed);
    progress.doing(doing);
    progress.update(elapsed, rate);
  };
  callbacks.measured = [&](const record::Measurement& m, bool) {
    progress.finish_step(
        fmt::format("{}{}{}", m.probe, m.label.empty() ? "" : " of " + m.label, variant_text(m)),
        outcome_text(m));
  };
  callbacks.log = [&](int level, const std::string& line) {
    if (level >= 2 || context.verbosity > 1 || (level == 1 && context.verbosity > 0)) {
      progress.clear();
      fmt::print(stderr, "{}\n", line);
    }
  };
  return callbacks;
}

Exit exit_of(const record::Document& document, bool fail_if_starved) {
  const auto any = [&](const char* verdict) {
    return std::any_of(document.diagnoses.begin(), document.diagnoses.end(),
                       [verdict](const record::Diagnosis& d) { return d.verdict == verdict; });
  };
  if (fail_if_starved && any("starved")) return Exit::kCheckFailed;
  return any("starved") || any("fed") ? Exit::kOk : Exit::kInconclusive;
}

void print_document(const record::Document& document, bool explain, const Context& context) {
  const report::TextStyle style{context.use_color(), context.width()};
  fmt::print("{}", report::document_text(document, style));
  if (!explain) return;
  if (!document.capacities.empty()) fmt::print("\n{}", report::capacities_text(document, style));
  for (const record::Diagnosis& diagnosis : document.diagnoses)
    fmt::print("\n{}", report::explain_text(document, diagnosis, style));
}

void run_main_job(const RunArguments& arguments, Context& context) {
  const auto machine = topology::discover(topology::machine_root());
  if (!machine) return context.fail(machine.error());
  auto start = read_start(arguments, *machine);
  if (!start) return context.fail(start.error());
  if (start->json_file != "-")
    if (const auto writable = record::check_writable(start->json_file); !writable)
      return context.fail(writable.error());
  const run::Catalog catalog = run::read_catalog();
  if (const auto reached = reach_peer(arguments, *machine, *start); !reached)
    return context.fail(reached.error());
  if (const auto opened = open_journal(arguments, *start); !opened) return context.fail(opened.error());

  Progress progress(!context.quiet, isatty(STDERR_FILENO) != 0);
  if (gpus_of(*machine) == 0)
    context.remark("no GPU here: host memory stands in for GPU memory, and a timed wait for its computing");
  else if (!run::plan_gpus(start->job, catalog, *machine).any())
    context.remark(
        "the GPUs here cannot be used: host memory stands in for theirs, and a timed wait for computing");
  LoadedLinks links(*machine);
  const auto callbacks = make_callbacks(context, progress, links);
  std::optional<run::peer::Turns> link;
  if (start->hub) link.emplace(*start->hub);
  auto outcome = run::run_job(start->job, start->profiles, catalog, *machine, start->done, *start->journal,
                              callbacks, link ? &*link : nullptr);
  progress.clear();
  if (!outcome) {
    context.fail(outcome.error());
    std::error_code ignored;
    // A journal that holds nothing is of no use to anybody.
    if (arguments.resume.empty() && start->done.empty()) fs::remove(start->journal_file, ignored);
    return;
  }
  record::Document& document = start->document;
  document.measurements = outcome->measurements;
  document.complete = !outcome->interrupted;
  if (start->hub) {
    run::peer::add_hosts(document, *start->hub);  // by now their clocks are known
    if (const auto* peer = start->hub->sessions().front(); !peer->connection().lost().empty())
      context.remark(fmt::format("{}: what was left to measure of the link is missing", peer->loss()));
  }
  links.judge(document);
  diagnose_all(*start, document);
  if (const auto written = record::write_document(document, start->json_file); !written) {
    context.fail(written.error());
    context.remark(fmt::format("everything measured is in the journal: millrace diagnose {}",
                               start->journal_file.string()));
    return;
  }
  if (start->json_file != "-") print_document(document, arguments.explain, context);
  if (outcome->interrupted) {
    context.remark(
        fmt::format("interrupted: go on with `millrace run --resume {}`", start->journal_file.string()));
    context.exit = Exit::kInterrupted;
    return;
  }
  (void)start->journal->end();
  start->journal.reset();
  std::error_code ignored;
  // The document has all of it; one that the user named stays.
  if (arguments.journal.empty() && arguments.resume.empty()) fs::remove(start->journal_file, ignored);
  if (start->json_file != "-") context.remark(fmt::format("result: {}", start->json_file.string()));
  context.exit = exit_of(document, arguments.fail_if_starved);
}

}  // namespace

void add_run(CLI::App& app, Context& context) {
  auto a = std::make_shared<RunArguments>();
  a->paths = {"."};
  CLI::App* command =
      app.add_subcommand("run", "Measure this machine's feed path and name the hop that starves its GPUs");
  auto* path = command
                   ->add_option("--path", a->paths,
                                "Folder on the storage to measure; several (repeat --path): the data are "
                                "spread over all of them")
                   ->capture_default_str()
                   ->expected(1)
                   ->take_all();
  auto* dataset = command
                      ->add_option("--dataset", a->datasets,
                                   "Folder with your own files, read-only, instead of made ones (repeatable)")
                      ->expected(1)
                      ->take_all();
  auto* workloads = command->add_option("--for", a->workloads,
                                        "Workloads, by name or profile file; all built-in ones by default");
  auto* accelerators = command
                           ->add_option("--accelerators", a->accelerators,
                                        "How many; by default as many GPUs as there are, else 1")
                           ->check(CLI::Range(1, 4096));
  auto* quick = command->add_flag("--quick", a->quick, "About 20 s of measuring");
  auto* thorough = command->add_flag("--thorough", a->thorough, "About 5 min of measuring")->excludes(quick);
  auto* budget = command->add_option("--budget", a->budget, "Time for measuring, such as 90s [60s]")
                     ->excludes(quick)
                     ->excludes(thorough);
  auto* repeats =
      command->add_option("--repeats", a->repeats, "Repeats of each measurement, by fresh workers [3]")
          ->check(CLI::Range(1, 100));
  auto* prep = command->add_option("--prep", a->prep, "Preparation on the CPU instead of the workload's own")
                   ->check(CLI::IsMember({"none", "checksum", "decompress", "normalize"}));
  auto* wanted = command
                     ->add_option("--utilization", a->wanted,
                                  "Accelerator utilization wanted, in percent, instead of the workload's")
                     ->check(number_within(1, 100));
  auto* compressible =
      command->add_option("--compressible", a->compressible, "Share of the made data's bytes that repeat")
          ->check(number_within(0, 0.99))
          ->capture_default_str();
  auto* cap = command->add_option("--size-cap", a->size_cap,
                                  "Most that temporary data may take [half of the free space]");
  auto* peer = command->add_option("--peer", a->peer,
                                   "ADDRESS:PORT where `millrace peer` listens: the link to it is measured "
                                   "too, alone and beside the storage "
                                   "and the pipeline");
  command->add_option("--token-file", a->token_file,
                      "The file with that peer's token; without: the environment variable MILLRACE_TOKEN");
  command->add_option(
      "--allow-address", a->allowed,
      "An address, or a network of them (10.1.0.0/16), to which a peer may lead this host's probes besides "
      "those of the session and the networks that this host is attached to; several times: more of them");
  auto* peer_is =
      command
          ->add_option(
              "--peer-is", a->peer_is,
              "What that peer is: 'storage': it serves the files, so that all that is read crosses the "
              "link; 'client': it asks for answers; 'other'")
          ->check(CLI::IsMember({run::kPeerIsStorage, run::kPeerIsClient, run::kPeerIsOther}))
          ->needs(peer)
          ->capture_default_str();
  command->add_option("--json", a->json, "Result document [millrace-TIME.result.json]; -: standard output");
  auto* journal = command->add_option("--journal", a->journal, "Journal, kept after the run");
  auto* resume = command->add_option("--resume", a->resume, "Go on with the run that left this journal");
  for (CLI::Option* other : {path, dataset, workloads, accelerators, quick, thorough, budget, repeats, prep,
                             wanted, compressible, cap, journal, peer_is})
    resume->excludes(other);
  command->add_flag("--fail-if-starved", a->fail_if_starved, "Exit with 1 when a workload is starved");
  command->add_flag("--explain", a->explain, "Show how each verdict was reached");
  command->footer(
      "Examples:\n  millrace run\n  millrace run --path /data --for unet3d-h100 --accelerators 8\n"
      "  millrace run --path /nvme0 --path /nvme1 --for resnet50-h100\n"
      "  millrace run --path /mnt/nfs --peer 10.0.0.2:7411 --token-file token --peer-is storage\n"
      "  millrace run --for my.json --quick --fail-if-starved");
  command->callback([a, &context] { run_main_job(*a, context); });
}

}  // namespace millrace::cli
