// SPDX-License-Identifier: Apache-2.0
#include "selftest/cases.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>
#include <optional>
#include <thread>

#include "diagnose/conventions.hpp"
#include "diagnose/diagnose.hpp"
#include "record/document.hpp"
#include "selftest/capped_link.hpp"
#include "selftest/child.hpp"
#include "selftest/drive_throttle.hpp"
#include "workload/profile.hpp"

namespace millrace::selftest {
namespace {

namespace fs = std::filesystem;

constexpr double kRecord = 500'000, kBatch = 8,
                 kStep = kRecord * kBatch;  // bytes of the workload that is run
constexpr double kMostOfCap = 40e6;         // bytes/s: any drive does more, and a few seconds show it
constexpr double kWanted = 0.9;
constexpr Duration kSetUp{150'000'000'000};  // of a run, beyond what it measures

// What one case runs, and under what.
struct Trial {
  double compute_s = 1;
  std::string prep = "none";
  std::optional<double> cap;  // of what the drive delivers, bytes/s
  std::vector<std::string> options;
};

class Work {
 public:
  static Result<Work> make(const fs::path& folder) {
    std::string pattern = (folder / "millrace-selftest-XXXXXX").string();
    if (mkdtemp(pattern.data()) == nullptr)
      return failure(fmt::format("{}: {}", folder.string(), std::strerror(errno)),
                     "give a folder that can be written to by --path");
    return Work(pattern);
  }
  Work(Work&& other) noexcept : path_(std::exchange(other.path_, {})) {}
  Work(const Work&) = delete;
  Work& operator=(Work&&) = delete;
  Work& operator=(const Work&) = delete;
  ~Work() {
    std::error_code ignored;
    if (!path_.empty()) fs::remove_all(path_, ignored);
  }
  [[nodiscard]] const fs::path& path() const { return path_; }

 private:
  explicit Work(fs::path path) : path_(std::move(path)) {}
  fs::path path_;
};

void write_profile(const Trial& trial, const fs::path& file) {
  const nlohmann::ordered_json profile{{"schema", "millrace.workload/1"},
                                       {"model", "selftest"},
                                       {"description", "a workload whose demand the selftest knows"},
                                       {"source", "made by millrace selftest"},
                                       {"kind", "training-input"},
                                       {"input",
                                        {{"record_bytes", static_cast<int>(kRecord)},
                                         {"batch_samples", static_cast<int>(kBatch)},
                                         {"prep", trial.prep},
                                         {"read_threads", 2},
                                         {"prep_threads", 1},
                                         {"prefetch_batches", 2}}},
                                       {"utilization_wanted", kWanted},
                                       {"accelerators", {{"any", {{"compute_s", trial.compute_s}}}}}};
  std::ofstream(file) << profile.dump(2);
}

// `millrace run` of the trial: its document.
Result<record::Document> run(const Bench& bench, const fs::path& work, const Trial& trial) {
  const fs::path profile = work / "selftest.json", result = work / "result.json";
  write_profile(trial, profile);
  std::optional<DriveThrottle> throttle;
  if (trial.cap) {
    auto made = DriveThrottle::create(work, BytesPerSecond{*trial.cap});
    if (!made) return tl::unexpected(made.error());
    throttle.emplace(std::move(*made));
  }
  std::vector<std::string> arguments{
      bench.binary, "run",   "--path",         work,
      "--for",      profile, "--budget",       fmt::format("{}s", bench.budget.seconds()),
      "--json",     result,  "--accelerators", "1"};
  arguments.insert(arguments.end(), trial.options.begin(), trial.options.end());
  auto child = Child::start(arguments, work, {throttle ? throttle->group() : fs::path(), bench.interrupted});
  if (!child) return tl::unexpected(child.error());
  const auto code = child->wait(Duration{bench.budget.ns + kSetUp.ns});
  if (!code) return tl::unexpected(code.error());
  // 3, nothing conclusive, is for the score to judge.
  if (*code != static_cast<int>(Exit::kOk) && *code != static_cast<int>(Exit::kInconclusive))
    return failure(fmt::format("millrace run ended with {}: {}", *code, child->output()), {},
                   Exit::kCheckFailed);
  return record::read_document(result);
}

// What the drive reads at, as the workload reads.
double drive_rate(const record::Document& document) {
  for (const record::Measurement& m : document.measurements)
    if (m.probe == "storage.read" && m.label == "selftest" && m.concurrent_with.empty() && m.status == "ok")
      return m.throughput_bytes_per_s.mean;
  return 0;
}

// tcp.stream over a capped link, as the network to the storage.
Result<record::Measurement> measure_link(const Bench& bench, const fs::path& work, double cap) {
  auto link = CappedLink::create(work, BytesPerSecond{cap});
  if (!link) return tl::unexpected(link.error());
  const fs::path token = work / "token", result = work / "link.json";
  const std::string where = CappedLink::far_address() + ":7411";
  auto peer = Child::start(
      link->far({bench.binary, "peer", "--listen", where, "--token-file", token, "--idle", "60s"}), work,
      {{}, bench.interrupted});
  if (!peer) return tl::unexpected(peer.error());
  for (int look = 0; look < 1500 && !fs::exists(token); ++look) {
    if (peer->has_ended())
      return failure(fmt::format("millrace peer ended early: {}", peer->output()), {}, Exit::kCheckFailed);
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  auto asker = Child::start(
      link->near({bench.binary, "measure", "tcp.stream", "--direction", "receive", "--peer", where,
                  "--token-file", token, "--label", diagnose::conventions::kStorageNetwork, "--duration",
                  "2s", "--repeats", "3", "--quiet", "--json", result}),
      work, {{}, bench.interrupted});
  if (!asker) return tl::unexpected(asker.error());
  const auto code = asker->wait(Duration{120'000'000'000});
  if (!code) return tl::unexpected(code.error());
  if (*code != 0)
    return failure(fmt::format("measuring the link ended with {}: {}", *code, asker->output()), {},
                   Exit::kCheckFailed);
  const auto document = record::read_document(result);
  if (!document) return tl::unexpected(document.error());
  if (document->measurements.empty())
    return failure("the link's document has no measurement", {}, Exit::kCheckFailed);
  record::Measurement measured = document->measurements.front();
  measured.id = "link";
  return measured;
}

class Cases {
 public:
  explicit Cases(const Bench& bench, fs::path work) : bench_(bench), work_(std::move(work)) {}

  Row nothing() { return judge(row_of("nothing planted", "nothing"), {1.0, "none", {}, {}}, {"fed", {}}); }
  Row drive() {
    const double cap = cap_of_drive();
    return judge(
        row_of("throttled drive", fmt::format("reads capped at {}", millrace::to_text(BytesPerSecond{cap}))),
        {kStep / (2 * cap), "none", cap, {}}, {"starved", {"storage"}});
  }
  Row stage() {
    return judge(row_of("slow CPU stage", "one thread that decompresses 10 : 1, next to no computing"),
                 {0.0005, "decompress", {}, {"--compressible", "0.9"}}, {"starved", {"cpu"}});
  }
  Row two() {
    const double cap = cap_of_drive();
    return judge(row_of("two at once", fmt::format("reads capped at {}, and the slow CPU stage",
                                                   millrace::to_text(BytesPerSecond{cap}))),
                 {0.0005, "decompress", cap, {"--compressible", "0.9"}}, {"starved", {"storage", "cpu"}});
  }
  Row link() {
    const double cap = kMostOfCap;
    Row row = row_of("throttled link", fmt::format("the network to the storage capped at {}",
                                                   millrace::to_text(BytesPerSecond{cap})));
    if (bench_.progress) bench_.progress(fmt::format("{}: {}", row.name, row.planted));
    if (const auto found = diagnose_behind_link(cap))
      score(*found, {"starved", {"network"}}, row);
    else
      refuse(found.error(), true, row);
    return row;
  }
  [[nodiscard]] bool interrupted() const { return interrupted_; }

 private:
  static Row row_of(std::string name, std::string planted) {
    Row row;
    row.name = std::move(name);
    row.planted = std::move(planted);
    return row;
  }

  // What went wrong is the row's outcome: a cause that cannot be planted here, or a failure.
  void refuse(const Error& error, bool planted_by_the_kernel, Row& row) {
    interrupted_ = interrupted_ || error.exit == Exit::kInterrupted;
    (error.exit == Exit::kInconclusive && planted_by_the_kernel ? row.skipped : row.why) = error.what;
  }

  // The feed path as it is, with a network before the storage: the link is measured for real, between two
  // hosts that are namespaces, and the pipeline's own run, which crosses no network, is left out.
  Result<record::Diagnosis> diagnose_behind_link(double cap) {
    const Trial trial{kStep / (2 * cap), "none", {}, {}};
    auto document = run(bench_, work_, trial);
    if (!document) return tl::unexpected(document.error());
    if (document->diagnoses.empty() || document->diagnoses.front().verdict != "fed")
      return failure("without the network it is not fed either, so that nothing can be told", {},
                     Exit::kInconclusive);
    const auto link = measure_link(bench_, work_, cap);
    if (!link) return tl::unexpected(link.error());
    std::erase_if(document->measurements, [](const record::Measurement& m) {
      return m.probe == "ingest.pipeline" && m.metrics.contains("accelerator_utilization_share");
    });
    document->measurements.push_back(*link);
    const auto profiles = workload::load((work_ / "selftest.json").string());
    if (!profiles) return tl::unexpected(profiles.error());
    return diagnose::diagnose(*document, {profiles->front(), 1, {}});
  }

  // A third of what the drive does by itself, and no more than what shows within seconds.
  double cap_of_drive() {
    if (healthy_rate_ <= 0) return kMostOfCap;
    return std::min(kMostOfCap, healthy_rate_ / 3);
  }

  Row judge(Row row, const Trial& trial, const Expected& expected) {
    if (bench_.progress) bench_.progress(fmt::format("{}: {}", row.name, row.planted));
    const auto document = run(bench_, work_, trial);
    if (!document) {
      refuse(document.error(), trial.cap.has_value(), row);
      return row;
    }
    if (document->diagnoses.empty()) {
      row.why = "the run has no diagnosis";
      return row;
    }
    if (!trial.cap) healthy_rate_ = std::max(healthy_rate_, drive_rate(*document));
    score(document->diagnoses.front(), expected, row);
    return row;
  }

  const Bench& bench_;
  fs::path work_;
  double healthy_rate_ = 0;
  bool interrupted_ = false;
};

struct Named {
  const char* name;
  Row (Cases::*run)();
};
constexpr std::array<Named, 5> kCases{{{"nothing", &Cases::nothing},
                                       {"drive", &Cases::drive},
                                       {"link", &Cases::link},
                                       {"cpu", &Cases::stage},
                                       {"two", &Cases::two}}};

}  // namespace

std::vector<std::string> case_names() {
  std::vector<std::string> names;
  for (const Named& one : kCases) names.emplace_back(one.name);
  return names;
}

Result<std::vector<Row>> run_cases(const Bench& bench, const std::vector<std::string>& names) {
  for (const std::string& name : names)
    if (std::none_of(kCases.begin(), kCases.end(), [&](const Named& one) { return name == one.name; }))
      return failure(fmt::format("there is no case \"{}\"", name),
                     fmt::format("there are: {}", fmt::join(case_names(), ", ")));
  const auto work = Work::make(bench.folder);
  if (!work) return tl::unexpected(work.error());
  Cases cases(bench, work->path());
  std::vector<Row> rows;
  for (const Named& one : kCases) {
    if (!names.empty() && std::find(names.begin(), names.end(), one.name) == names.end()) continue;
    rows.push_back((cases.*one.run)());
    if (cases.interrupted()) return failure("interrupted", {}, Exit::kInterrupted);
  }
  return rows;
}

}  // namespace millrace::selftest
