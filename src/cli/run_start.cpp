// SPDX-License-Identifier: Apache-2.0
#include "cli/run_start.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <ctime>
#include <system_error>
#include <utility>

#include "cli/commands.hpp"
#include "cli/peers.hpp"
#include "record/document.hpp"
#include "run/dataset.hpp"
#include "run/feed_plan.hpp"
#include "run/peer/plan.hpp"

namespace millrace::cli {
namespace {

namespace fs = std::filesystem;

Result<fs::path> existing_folder(const std::string& text, const char* flag) {
  std::error_code error;
  const fs::path path = fs::absolute(text, error);
  if (!fs::exists(path, error))
    return failure(fmt::format("{} {}: there is nothing there", flag, text), "give an existing folder");
  if (!fs::is_directory(path, error))
    return failure(fmt::format("{} {}: it is no folder", flag, text), "give the folder that it lies in");
  if (access(path.c_str(), R_OK | X_OK) != 0)
    return failure(fmt::format("{} {}: it cannot be read", flag, text),
                   "run as a user who may, or give another folder");
  return fs::canonical(path, error);
}

Result<std::vector<fs::path>> existing_folders(const std::vector<std::string>& texts, const char* flag) {
  std::vector<fs::path> folders;
  for (const std::string& text : texts) {
    auto folder = existing_folder(text, flag);
    if (!folder) return tl::unexpected(folder.error());
    if (std::find(folders.begin(), folders.end(), *folder) != folders.end())
      return failure(fmt::format("{} {}: it is given twice", flag, text), "give each folder once");
    folders.push_back(std::move(*folder));
  }
  return folders;
}

Result<run::Job> read_job(const RunArguments& arguments, const topology::Machine& machine) {
  run::Job job;
  auto paths = existing_folders(arguments.paths, "--path");
  if (!paths) return tl::unexpected(paths.error());
  job.paths = std::move(*paths);
  auto datasets = existing_folders(arguments.datasets, "--dataset");
  if (!datasets) return tl::unexpected(datasets.error());
  job.datasets = std::move(*datasets);
  for (const fs::path& path : job.paths)
    if (job.datasets.empty() && access(path.c_str(), W_OK) != 0)
      return failure(fmt::format("--path {}: it cannot be written to, and a data set has to be made there",
                                 path.string()),
                     "give another folder by --path, or your own files, which are only read, by --dataset");
  job.workloads = arguments.workloads;
  job.accelerators = arguments.accelerators > 0 ? arguments.accelerators : std::max(1, gpus_of(machine));
  job.budget = arguments.quick      ? Duration{20'000'000'000}
               : arguments.thorough ? Duration{300'000'000'000}
                                    : job.budget;
  job.repeats = arguments.repeats > 0 ? arguments.repeats : arguments.thorough ? 5 : 3;
  if (!arguments.budget.empty()) {
    const auto budget = parse_duration(arguments.budget);
    if (!budget) return failure("--budget: " + budget.error().what, budget.error().hint);
    if (budget->ns < 1'000'000'000)
      return failure("--budget: it must be 1s at least", "for example --budget 60s");
    job.budget = *budget;
  }
  if (!arguments.size_cap.empty()) {
    const auto cap = parse_bytes(arguments.size_cap);
    if (!cap) return failure("--size-cap: " + cap.error().what, cap.error().hint);
    job.size_cap = cap->value;
  }
  for (const fs::path& dataset : job.datasets)
    if (const auto files = run::open_dataset(dataset); !files)
      return failure("--dataset: " + files.error().what, files.error().hint);
  if (const auto free = run::free_for(job); job.datasets.empty() && !free)
    return tl::unexpected(free.error());
  if (!arguments.prep.empty()) job.prep = arguments.prep;
  if (arguments.wanted > 0) job.utilization_wanted = arguments.wanted / 100;
  job.compressible = arguments.compressible;
  if (!arguments.peer.empty()) {
    job.peer = arguments.peer;
    job.peer_is = arguments.peer_is;
  }
  return job;
}

std::string stamp() { return fmt::format("{:%Y%m%dT%H%M%SZ}", fmt::gmtime(std::time(nullptr))); }

fs::path result_file(const RunArguments& arguments) {
  return arguments.json.empty() ? fs::path("millrace-" + stamp() + ".result.json") : fs::path(arguments.json);
}

Result<RunStart> start_new(const RunArguments& arguments, const topology::Machine& machine) {
  RunStart start;
  auto job = read_job(arguments, machine);
  if (!job) return tl::unexpected(job.error());
  start.job = std::move(*job);
  auto profiles = run::profiles_of(start.job);
  if (!profiles) return tl::unexpected(profiles.error());
  start.profiles = std::move(*profiles);
  start.json_file = result_file(arguments);
  start.journal_file = arguments.journal;
  if (start.journal_file.empty())
    start.journal_file = start.json_file == "-" ? fs::path("millrace-" + stamp() + ".journal.jsonl")
                                                : fs::path(start.json_file.string() + ".journal");
  return start;
}

Result<RunStart> start_again(const RunArguments& arguments, const topology::Machine& machine) {
  auto contents = record::read_journal(arguments.resume);
  if (!contents) return tl::unexpected(contents.error());
  RunStart start;
  auto job = run::from_settings(contents->header.settings);
  if (!job) return failure(fmt::format("{}: {}", arguments.resume, job.error().what), job.error().hint);
  start.job = std::move(*job);
  auto profiles = run::profiles_of(start.job);
  if (!profiles) return tl::unexpected(profiles.error());
  start.profiles = std::move(*profiles);
  if (run::fingerprint(start.job, start.profiles) != contents->header.fingerprint)
    return failure(
        fmt::format("{}: the workloads are not what they were when it was written", arguments.resume),
        "start a new run");
  if (!contents->header.document.hosts.empty() &&
      contents->header.document.hosts.front().name != machine.host.name)
    return failure(fmt::format("{}: it was written on {}, this is {}", arguments.resume,
                               contents->header.document.hosts.front().name, machine.host.name),
                   "resume it there, or `millrace diagnose` it here");
  if (start.job.peer.empty() != arguments.peer.empty())
    return arguments.peer.empty()
               ? failure(fmt::format("{}: it measures the link to {}, and no --peer is given",
                                     arguments.resume, start.job.peer),
                         "start `millrace peer` there again, and give its --peer and --token-file; `millrace "
                         "diagnose` takes the journal as it is")
               : failure(fmt::format("{}: it measures no link, and --peer is given", arguments.resume),
                         "leave --peer out, or start a new run");
  start.document = contents->header.document;
  start.done = std::move(contents->measurements);
  start.json_file = result_file(arguments);
  start.journal_file = arguments.resume;
  return start;
}

}  // namespace

int gpus_of(const topology::Machine& machine) {
  return static_cast<int>(std::count_if(machine.graph.endpoints.begin(), machine.graph.endpoints.end(),
                                        [](const topology::Endpoint& e) { return e.kind == "gpu"; }));
}

Result<RunStart> read_start(const RunArguments& arguments, const topology::Machine& machine) {
  return arguments.resume.empty() ? start_new(arguments, machine) : start_again(arguments, machine);
}

Result<void> reach_peer(const RunArguments& arguments, const topology::Machine& machine, RunStart& start) {
  const bool resumed = !arguments.resume.empty();
  PeerOptions options;
  if (!arguments.peer.empty()) options.peers = {arguments.peer};
  if (!arguments.token_file.empty()) options.token_files = {arguments.token_file};
  options.allowed = arguments.allowed;
  auto hub = reach_peers(options);
  if (!hub) return tl::unexpected(hub.error());
  start.hub = std::move(*hub);
  if (!resumed) start.document = new_document(machine);
  if (!start.hub) return {};
  const std::string& there = start.hub->sessions().front()->machine().host.name;
  if (resumed && start.document.hosts.size() > 1 && start.document.hosts[1].name != there)
    return failure(fmt::format("{}: it measures the link to {}, and the peer {} is {}", arguments.resume,
                               start.document.hosts[1].name, arguments.peer, there),
                   "give that host's peer, or start a new run");
  start.document.topology = run::peer::graph_with(machine.graph, *start.hub);
  run::peer::add_hosts(start.document, *start.hub);
  return {};
}

Result<void> open_journal(const RunArguments& arguments, RunStart& start) {
  if (!arguments.resume.empty()) {
    auto journal = record::Journal::append_to(start.journal_file);
    if (!journal) return tl::unexpected(journal.error());
    start.journal.emplace(std::move(*journal));
    return {};
  }
  record::JournalHeader header{start.document, run::fingerprint(start.job, start.profiles),
                               run::to_settings(start.job)};
  auto journal = record::Journal::create(start.journal_file, header);
  if (!journal) return tl::unexpected(journal.error());
  start.journal.emplace(std::move(*journal));
  return {};
}

}  // namespace millrace::cli
