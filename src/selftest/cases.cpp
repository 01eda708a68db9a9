// SPDX-License-Identifier: Apache-2.0
#include "selftest/cases.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>
#include <optional>

#include "record/document.hpp"
#include "selftest/child.hpp"
#include "selftest/drive_throttle.hpp"

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

class Cases {
 public:
  explicit Cases(const Bench& bench, fs::path work) : bench_(bench), work_(std::move(work)) {}

  Row nothing() {
    // A tenth of what the drive must do at least, so that no machine is too slow for it.
    return judge({"nothing planted", "nothing", {}, {}, {}, false, {}, {}}, {1.0, "none", {}, {}},
                 {"fed", {}});
  }
  Row drive() {
    const double cap = cap_of_drive();
    return judge({"throttled drive",
                  fmt::format("reads capped at {}", millrace::to_text(BytesPerSecond{cap})),
                  {},
                  {},
                  {},
                  false,
                  {},
                  {}},
                 {kStep / (2 * cap), "none", cap, {}}, {"starved", {"storage"}});
  }
  Row stage() {
    return judge({"slow CPU stage",
                  "one thread that decompresses 10 : 1, next to no computing",
                  {},
                  {},
                  {},
                  false,
                  {},
                  {}},
                 {0.0005, "decompress", {}, {"--compressible", "0.9"}}, {"starved", {"cpu"}});
  }
  Row two() {
    const double cap = cap_of_drive();
    return judge(
        {"two at once",
         fmt::format("reads capped at {}, and the slow CPU stage", millrace::to_text(BytesPerSecond{cap})),
         {},
         {},
         {},
         false,
         {},
         {}},
        {0.0005, "decompress", cap, {"--compressible", "0.9"}}, {"starved", {"storage", "cpu"}});
  }
  [[nodiscard]] bool interrupted() const { return interrupted_; }

 private:
  // A third of what the drive does by itself, and no more than what shows within seconds.
  double cap_of_drive() {
    if (healthy_rate_ <= 0) return kMostOfCap;
    return std::min(kMostOfCap, healthy_rate_ / 3);
  }

  Row judge(Row row, const Trial& trial, const Expected& expected) {
    if (bench_.progress) bench_.progress(fmt::format("{}: {}", row.name, row.planted));
    const auto document = run(bench_, work_, trial);
    if (!document) {
      interrupted_ = interrupted_ || document.error().exit == Exit::kInterrupted;
      if (document.error().exit == Exit::kInconclusive && trial.cap)
        row.skipped = document.error().what;
      else
        row.why = document.error().what;
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
constexpr std::array<Named, 4> kCases{
    {{"nothing", &Cases::nothing}, {"drive", &Cases::drive}, {"cpu", &Cases::stage}, {"two", &Cases::two}}};

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
