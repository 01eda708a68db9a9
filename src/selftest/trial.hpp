// SPDX-License-Identifier: Apache-2.0
// One run of millrace on a workload whose demand is known, under what was planted.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "record/result.hpp"
#include "selftest/child.hpp"
#include "units/quantity.hpp"
#include "units/result.hpp"

namespace millrace::selftest {

struct Bench {
  std::filesystem::path binary;     // millrace itself
  std::filesystem::path folder;     // on the drive to plant on; holds temporaries of ours while it runs
  Duration budget{12'000'000'000};  // of measuring, for each case
  std::function<bool()> interrupted;
  std::function<void(const std::string& doing)> progress;
};

// A folder of ours, gone with this.
class Work {
 public:
  // Errors: `folder` cannot be written to.
  static Result<Work> make(const std::filesystem::path& folder);
  Work(Work&& other) noexcept;
  Work(const Work&) = delete;
  Work& operator=(Work&&) = delete;
  Work& operator=(const Work&) = delete;
  ~Work();
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  explicit Work(std::filesystem::path path) : path_(std::move(path)) {}
  std::filesystem::path path_;
};

struct Trial {
  double compute_s = 1;  // of a step
  std::string prep = "none";
  std::uint64_t record_bytes = 500'000, batch = 8;
  int read_threads = 2;
  std::optional<double> cap;         // of what the drive delivers, bytes/s
  std::vector<int> cpus;             // on which it runs; empty: all
  std::vector<std::string> options;  // of the command besides
  // The command as it is started, where that is not as it is.
  std::function<std::vector<std::string>(const std::vector<std::string>&)> within;

  [[nodiscard]] double step_bytes() const {
    return static_cast<double>(record_bytes) * static_cast<double>(batch);
  }
};

// Where the workload of a trial in `work` is described.
std::filesystem::path profile_of(const std::filesystem::path& work);

// `millrace run` of the trial, on data in `work`: its document. Errors: it ended by itself with neither 0 nor
// 3 (Exit::kCheckFailed), the drive cannot be capped (Exit::kInconclusive), it was interrupted.
Result<record::Document> run_trial(const Bench& bench, const std::filesystem::path& work, const Trial& trial);

// What reading alone got, as the trial's workload reads; bytes/s, 0 where that was not measured.
double reading_rate(const record::Document& document);

}  // namespace millrace::selftest
