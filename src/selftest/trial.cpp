// SPDX-License-Identifier: Apache-2.0
#include "selftest/trial.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>
#include <utility>

#include "diagnose/conventions.hpp"
#include "record/document.hpp"
#include "selftest/drive_throttle.hpp"

namespace millrace::selftest {
namespace {

namespace fs = std::filesystem;

constexpr const char* kModel = "selftest";
constexpr double kWanted = 0.9;
constexpr Duration kSetUp{150'000'000'000};  // of a run, beyond what it measures

void write_profile(const Trial& trial, const fs::path& file) {
  const nlohmann::ordered_json profile{{"schema", "millrace.workload/1"},
                                       {"model", kModel},
                                       {"description", "a workload whose demand the selftest knows"},
                                       {"source", "made by millrace selftest"},
                                       {"kind", "training-input"},
                                       {"input",
                                        {{"record_bytes", trial.record_bytes},
                                         {"batch_samples", trial.batch},
                                         {"prep", trial.prep},
                                         {"read_threads", trial.read_threads},
                                         {"prep_threads", 1},
                                         {"prefetch_batches", 2}}},
                                       {"utilization_wanted", kWanted},
                                       {"accelerators", {{"any", {{"compute_s", trial.compute_s}}}}}};
  std::ofstream(file) << profile.dump(2);
}

}  // namespace

Result<Work> Work::make(const fs::path& folder) {
  std::string pattern = (folder / "millrace-selftest-XXXXXX").string();
  if (mkdtemp(pattern.data()) == nullptr)
    return failure(fmt::format("{}: {}", folder.string(), std::strerror(errno)),
                   "give a folder that can be written to by --path");
  return Work(pattern);
}

Work::Work(Work&& other) noexcept : path_(std::exchange(other.path_, {})) {}

Work::~Work() {
  std::error_code ignored;
  if (!path_.empty()) fs::remove_all(path_, ignored);
}

fs::path profile_of(const fs::path& work) { return work / "selftest.json"; }

Result<record::Document> run_trial(const Bench& bench, const fs::path& work, const Trial& trial) {
  const fs::path profile = profile_of(work), result = work / "result.json";
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
  if (trial.within) arguments = trial.within(arguments);
  auto child = Child::start(arguments, work,
                            {throttle ? throttle->group() : fs::path(), bench.interrupted, trial.cpus});
  if (!child) return tl::unexpected(child.error());
  const auto code = child->wait(Duration{bench.budget.ns + kSetUp.ns});
  if (!code) return tl::unexpected(code.error());
  // 3, nothing conclusive, is for the score to judge.
  if (*code != static_cast<int>(Exit::kOk) && *code != static_cast<int>(Exit::kInconclusive))
    return failure(fmt::format("millrace run ended with {}: {}", *code, child->output()), {},
                   Exit::kCheckFailed);
  return record::read_document(result);
}

double reading_rate(const record::Document& document) {
  for (const record::Measurement& m : document.measurements)
    if (m.probe == diagnose::conventions::kStorageRead && m.label == kModel && m.concurrent_with.empty() &&
        m.status == "ok")
      return m.throughput_bytes_per_s.mean;
  return 0;
}

}  // namespace millrace::selftest
