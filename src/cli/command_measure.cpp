// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "cli/commands.hpp"
#include "cli/number_within.hpp"
#include "cli/peers.hpp"
#include "cli/progress.hpp"
#include "cli/sweep.hpp"
#include "record/document.hpp"
#include "report/terminal.hpp"
#include "run/interrupt.hpp"
#include "run/measure.hpp"
#include "run/peer/plan.hpp"
#include "topology/discover.hpp"

namespace millrace::cli {
namespace {

using Given = std::vector<std::pair<std::string, std::string>>;

struct MeasureArguments {
  std::string probe, duration = "5s", deadline = "60s", json, label, sweep;
  int repeats = 1;
  double target = 5;
  PeerOptions peers;
};

// "--name value", "--name=value", or "--name" alone, which says on.
Result<Given> read_given(const std::vector<std::string>& words) {
  Given given;
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::string& word = words[i];
    if (!word.starts_with("--") || word.size() < 3)
      return failure(fmt::format("'{}' is no parameter", word), "parameters are --name value");
    if (const std::size_t equals = word.find('='); equals != std::string::npos)
      given.emplace_back(word.substr(2, equals - 2), word.substr(equals + 1));
    else if (i + 1 < words.size() && !words[i + 1].starts_with("--"))
      given.emplace_back(word.substr(2), words[++i]);
    else
      given.emplace_back(word.substr(2), "on");
  }
  return given;
}

struct Wanted {
  run::ProbeEntry entry;
  run::LaunchOptions options;
};

// All that can be wrong with what was typed and is seen without a peer: a session that ends for a slip of the
// pen would cost its token, and somebody would have to start that peer again.
Result<Wanted> check(const MeasureArguments& arguments, const Given& given, const run::Catalog& catalog) {
  const auto entry = run::find_probe(catalog, arguments.probe);
  if (!entry) return tl::unexpected(entry.error());
  if (const auto parameters = run::read_parameters(*entry->probe, given); !parameters)
    return tl::unexpected(parameters.error());
  const auto named = [](const char* flag) {
    return [flag](Error error) {
      error.what = fmt::format("{}: {}", flag, error.what);
      return error;
    };
  };
  const auto duration = parse_duration(arguments.duration).map_error(named("--duration"));
  if (!duration) return tl::unexpected(duration.error());
  const auto deadline = parse_duration(arguments.deadline).map_error(named("--deadline"));
  if (!deadline) return tl::unexpected(deadline.error());
  if (duration->ns < 10'000'000)
    return failure("--duration: it must be 10ms at least", "for example --duration 5s");
  Wanted wanted{*entry, {}};
  wanted.options.time_limit = *duration;
  wanted.options.deadline = *deadline;
  wanted.options.target = arguments.target / 100;
  return wanted;
}

Result<run::Planned> make_plan(const MeasureArguments& arguments, const Given& given, const Wanted& wanted,
                               const topology::Machine& machine, run::peer::Hub* hub) {
  const Duration answer_time = std::min(wanted.options.deadline, run::kDescribeTime);
  auto plan = hub == nullptr ? run::plan_instance(wanted.entry, given, machine, answer_time)
                             : run::peer::plan_with(*hub, wanted.entry, given, machine, answer_time);
  if (!plan) return tl::unexpected(plan.error());
  return run::Planned{"m1", arguments.label, std::move(*plan), wanted.options, arguments.repeats};
}

// A plan for each value of the parameter that is swept; their repeats take turns.
Result<std::vector<run::Planned>> make_plans(const MeasureArguments& arguments, const Given& given,
                                             const Wanted& wanted, const topology::Machine& machine,
                                             run::peer::Hub* hub) {
  Sweep sweep{"", {""}};
  if (!arguments.sweep.empty()) {
    if (hub != nullptr)
      return failure("--sweep is of one host alone", "give one value at a time where there is a --peer");
    auto read = read_sweep(arguments.sweep);
    if (!read) return tl::unexpected(read.error());
    sweep = std::move(*read);
  }
  std::vector<run::Planned> plans;
  for (const std::string& value : sweep.values) {
    Given all = given;
    if (!sweep.parameter.empty()) all.emplace_back(sweep.parameter, value);
    auto plan = make_plan(arguments, all, wanted, machine, hub);
    if (!plan) return tl::unexpected(plan.error());
    plan->id = fmt::format("m{}", plans.size() + 1);
    plans.push_back(std::move(*plan));
  }
  return plans;
}

// What cannot be measured here is a result with a reason, as anything else.
void record_skipped(const MeasureArguments& arguments, const Error& error, const topology::Machine& machine,
                    Context& context) {
  if (error.exit != Exit::kInconclusive || arguments.json.empty()) return;
  record::Document document = new_document(machine);
  record::Measurement skipped;
  skipped.id = "m1";
  skipped.probe = arguments.probe;
  skipped.label = arguments.label;
  skipped.status = "skipped";
  skipped.reason = error.what;
  skipped.hint = error.hint;
  document.measurements.push_back(std::move(skipped));
  if (const auto written = record::write_document(document, arguments.json); !written)
    context.fail(written.error());
}

bool all_ok(const std::vector<record::Measurement>& measurements) {
  return std::all_of(measurements.begin(), measurements.end(),
                     [](const record::Measurement& m) { return m.status == "ok"; });
}

void measure(const MeasureArguments& arguments, const std::vector<std::string>& words, Context& context) {
  const auto given = read_given(words);
  if (!given) return context.fail(given.error());
  const run::Catalog catalog = run::read_catalog();
  auto machine = topology::discover(topology::machine_root());
  if (!machine) return context.fail(machine.error());
  if (!arguments.json.empty() && arguments.json != "-")
    if (const auto writable = record::check_writable(arguments.json); !writable)
      return context.fail(writable.error());
  const auto wanted = check(arguments, *given, catalog);
  if (!wanted) {
    context.fail(wanted.error());
    return record_skipped(arguments, wanted.error(), *machine, context);
  }
  const auto hub = reach_peers(arguments.peers);
  const auto planned = hub ? make_plans(arguments, *given, *wanted, *machine, hub->get())
                           : Result<std::vector<run::Planned>>(tl::unexpected(hub.error()));
  if (!planned) {
    context.fail(planned.error());
    return record_skipped(arguments, planned.error(), *machine, context);
  }

  Progress progress(!context.quiet, isatty(STDERR_FILENO) != 0);
  record::Document document = new_document(*machine);
  document.complete = false;
  if (*hub) {
    document.topology = machine->graph = run::peer::graph_with(machine->graph, **hub);
    run::peer::add_hosts(document, **hub);
  }
  run::MeasureCallbacks callbacks;
  callbacks.interrupted = run::was_interrupted;
  callbacks.progress = [&](const std::string&, Duration elapsed, double rate) {
    progress.update(elapsed, rate);
  };
  callbacks.log = [&](int level, const std::string& line) {
    if (level >= 2 || context.verbosity > 1 || (level == 1 && context.verbosity > 0)) {
      progress.clear();
      fmt::print(stderr, "{}\n", line);
    }
  };
  callbacks.measured = [&](const record::Measurement& m, bool last) {
    const auto same = std::find_if(document.measurements.begin(), document.measurements.end(),
                                   [&](const record::Measurement& one) { return one.id == m.id; });
    if (same != document.measurements.end())
      *same = m;
    else
      document.measurements.push_back(m);
    if (*hub) run::peer::add_hosts(document, **hub);  // their clocks, as of this repeat
    document.complete = last && m.id == planned->back().id && all_ok(document.measurements);
    // After every repeat, so that a killed run leaves what it had.
    if (!arguments.json.empty() && arguments.json != "-")
      if (const auto written = record::write_document(document, arguments.json); !written)
        context.fail(written.error());
  };
  progress.doing(arguments.probe);
  const auto measurements = run::measure(*planned, run::memories_of(catalog), *machine, callbacks);
  progress.clear();
  if (!measurements.empty()) document.measurements = measurements;
  if (arguments.json == "-") {
    if (const auto written = record::write_document(document, "-"); !written)
      return context.fail(written.error());
  } else {
    const report::TextStyle style{context.use_color(), context.width()};
    if (document.hosts.size() > 1) fmt::print("{}", report::hosts_text(document, style));
    for (const record::Measurement& m : document.measurements)
      fmt::print("{}", report::measurement_text(document, m, style));
  }
  if (run::was_interrupted()) {
    context.exit = Exit::kInterrupted;
  } else if (measurements.empty() || !all_ok(measurements)) {
    if (arguments.json == "-")
      for (const record::Measurement& m : measurements)
        if (m.status != "ok") context.fail({m.reason, m.hint, Exit::kInconclusive});
    context.exit = Exit::kInconclusive;
  }
}

}  // namespace

void add_measure(CLI::App& app, Context& context) {
  auto arguments = std::make_shared<MeasureArguments>();
  CLI::App* command = app.add_subcommand("measure", "Run one probe");
  command->add_option("PROBE", arguments->probe, "Which probe: see `millrace probes`")->required();
  command->add_option("--duration", arguments->duration, "Time limit of a repeat")->capture_default_str();
  command->add_option("--repeats", arguments->repeats, "How often, each by fresh workers")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  command
      ->add_option("--target", arguments->target,
                   "End a repeat when its mean is known to ± this many percent; 0: run to the time limit")
      ->check(number_within(0, 50))
      ->capture_default_str();
  command->add_option("--deadline", arguments->deadline, "How long workers may take to set up, and to end")
      ->capture_default_str();
  command->add_option(
      "--peer", arguments->peers.peers,
      "ADDRESS:PORT where `millrace peer` listens: the other end of it; several times: more of them");
  command->add_option("--token-file", arguments->peers.token_files,
                      "The file with that peer's token; without: the environment variable MILLRACE_TOKEN");
  command->add_option(
      "--allow-address", arguments->peers.allowed,
      "An address, or a network of them (10.1.0.0/16), to which a peer may lead this host's probes besides "
      "those of the session and the networks that this host is attached to; several times: more of them");
  command->add_option(
      "--sweep", arguments->sweep,
      "PARAMETER=FROM..TO, four times as much from one to the next, or FROM..TO*STEP, or A,B,C: "
      "a measurement for each value");
  command->add_option("--label", arguments->label, "A name for the measurement in the result");
  command->add_option("--json", arguments->json, "Write the result document here; -: to standard output");
  // What this command does not know is the probe's, so it cannot fall through to the options of millrace
  // itself.
  command->allow_extras();
  command->fallthrough(false);
  command->add_flag("--quiet", context.quiet, "Results and errors only");
  command->add_flag("-v,--verbose", context.verbosity, "Also what probes log; -vv: everything");
  command->footer(
      "Everything else is a parameter of the probe, as `millrace probes PROBE` lists them.\n"
      "Example:\n  millrace measure storage.read --path /data --pattern random --block-size 4KiB \\\n"
      "      --queue-depth 64 --threads 1 --duration 5s --json -\n"
      "  millrace measure tcp.stream --peer 10.0.0.2:7411 --token-file token    see `millrace peer --help`");
  command->callback([command, arguments, &context] { measure(*arguments, command->remaining(), context); });
}

}  // namespace millrace::cli
