// SPDX-License-Identifier: Apache-2.0
#include "selftest/cases.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <thread>

#include "diagnose/conventions.hpp"
#include "diagnose/diagnose.hpp"
#include "selftest/capped_link.hpp"
#include "selftest/child.hpp"
#include "selftest/taken_memory.hpp"
#include "workload/profile.hpp"

namespace millrace::selftest {
namespace {

namespace fs = std::filesystem;

constexpr double kMostOfCap = 40e6;     // bytes/s: any drive does more, and a few seconds show it
constexpr double kEnoughReading = 1.2;  // times what copying moves, so that it is the copying that gives out

bool is_of_link(const record::Measurement& m) {
  return m.label == diagnose::conventions::kStorageNetwork && m.probe != diagnose::conventions::kStorageRead;
}

// The end of a link, on the far side of it, that a run may name as its peer.
struct FarEnd {
  CappedLink link;
  std::filesystem::path token;
  std::string address;
  Child peer;
};

Result<FarEnd> capped_end(const Bench& bench, const fs::path& work, double cap) {
  auto link = CappedLink::create(work, BytesPerSecond{cap});
  if (!link) return tl::unexpected(link.error());
  const fs::path token = work / "token";
  const std::string address = CappedLink::far_address() + ":7411";
  auto peer = Child::start(link->far({bench.binary, "peer", "--listen", address, "--token-file", token}),
                           work, {{}, bench.interrupted});
  if (!peer) return tl::unexpected(peer.error());
  for (int look = 0; look < 1500 && !fs::exists(token); ++look) {
    if (peer->has_ended())
      return failure(fmt::format("millrace peer ended early: {}", peer->output()), {}, Exit::kCheckFailed);
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  return FarEnd{std::move(*link), token, address, std::move(*peer)};
}

class Cases {
 public:
  explicit Cases(const Bench& bench, fs::path work) : bench_(bench), work_(std::move(work)) {}

  Row nothing() { return judge(row_of("nothing planted", "nothing"), {}, {"fed", {}}); }
  Row drive() {
    Trial trial;
    trial.cap = cap_of_drive();
    trial.compute_s = trial.step_bytes() / (2 * *trial.cap);
    return judge(row_of("throttled drive",
                        fmt::format("reads capped at {}", millrace::to_text(BytesPerSecond{*trial.cap}))),
                 trial, {"starved", {"storage"}});
  }
  Row stage() {
    return judge(row_of("slow CPU stage", "one thread that decompresses 10 : 1, next to no computing"),
                 slow_stage(), {"starved", {"cpu"}});
  }
  Row two() {
    Trial trial = slow_stage();
    trial.cap = cap_of_drive();
    return judge(row_of("two at once", fmt::format("reads capped at {}, and the slow CPU stage",
                                                   millrace::to_text(BytesPerSecond{*trial.cap}))),
                 trial, {"starved", {"storage", "cpu"}});
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
  Row memory() {
    Row row = row_of("neighbour in memory", "neighbours that copy");
    if (bench_.progress) bench_.progress(fmt::format("{}: {}", row.name, row.planted));
    const auto taken = take_memory(bench_, work_);
    if (!taken) {
      refuse(taken.error(), true, row);
      return row;
    }
    row.planted = taken->text();
    if (const auto found = diagnose_beside(*taken))
      score(*found, {"starved", {"copy"}, {"memory"}}, row);
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

  static Trial slow_stage() {
    Trial trial;
    trial.compute_s = 0.0005;
    trial.prep = "decompress";
    trial.options = {"--compressible", "0.9"};
    return trial;
  }

  // What went wrong is the row's outcome: a cause that cannot be planted here, or a failure.
  void refuse(const Error& error, bool planted_by_the_kernel, Row& row) {
    interrupted_ = interrupted_ || error.exit == Exit::kInterrupted;
    (error.exit == Exit::kInconclusive && planted_by_the_kernel ? row.skipped : row.why) = error.what;
  }

  // The feed path as it is, with a network before the storage: the link is measured for real, between two
  // hosts that are namespaces, and the pipeline's own run, which crosses no network, is left out.
  Result<record::Diagnosis> diagnose_behind_link(double cap) {
    Trial trial;
    trial.compute_s = trial.step_bytes() / (2 * cap);
    auto far = capped_end(bench_, work_, cap);
    if (!far) return tl::unexpected(far.error());
    trial.options = {"--peer", far->address, "--token-file", far->token, "--peer-is", "storage"};
    trial.within = [&](const std::vector<std::string>& command) { return far->link.near(command); };
    auto document = run_trial(bench_, work_, trial);
    if (!document) return tl::unexpected(document.error());
    const auto profiles = workload::load(profile_of(work_).string());
    if (!profiles) return tl::unexpected(profiles.error());
    const auto diagnosed = [&](const record::Document& by) {
      return diagnose::diagnose(by, {profiles->front(), 1, {}});
    };
    record::Document without = *document;
    std::erase_if(without.measurements, is_of_link);
    if (diagnosed(without).verdict != "fed")
      return failure("without the network it is not fed either, so that nothing can be told", {},
                     Exit::kInconclusive);
    std::erase_if(document->measurements, [](const record::Measurement& m) {
      return m.probe == diagnose::conventions::kPipeline &&
             m.metrics.contains(diagnose::conventions::kUtilizationMetric);
    });
    return diagnosed(*document);
  }

  // Copying beside neighbours, on data in memory: it is the copying that they starve, as one thread of it or
  // as memory's bandwidth in all.
  Result<record::Diagnosis> diagnose_beside(const TakenMemory& taken) {
    const auto work = work_in_memory();
    if (!work) return tl::unexpected(work.error());
    const auto document = run_trial(bench_, work->path(), trial_beside(taken));
    if (!document) return tl::unexpected(document.error());
    if (const double reading = reading_rate(*document); reading < kEnoughReading * taken.beside)
      return failure(fmt::format("{}, and reading data in memory does no more than {} beside them",
                                 taken.text(), millrace::to_text(BytesPerSecond{reading})),
                     {}, Exit::kInconclusive);
    if (document->diagnoses.empty()) return failure("the run has no diagnosis", {}, Exit::kCheckFailed);
    return document->diagnoses.front();
  }

  // A third of what the drive does by itself, and no more than what shows within seconds.
  double cap_of_drive() {
    if (healthy_rate_ <= 0) return kMostOfCap;
    return std::min(kMostOfCap, healthy_rate_ / 3);
  }

  Row judge(Row row, const Trial& trial, const Expected& expected) {
    if (bench_.progress) bench_.progress(fmt::format("{}: {}", row.name, row.planted));
    const auto document = run_trial(bench_, work_, trial);
    if (!document) {
      refuse(document.error(), trial.cap.has_value(), row);
      return row;
    }
    if (document->diagnoses.empty()) {
      row.why = "the run has no diagnosis";
      return row;
    }
    if (!trial.cap) healthy_rate_ = std::max(healthy_rate_, reading_rate(*document));
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
constexpr std::array<Named, 6> kCases{{{"nothing", &Cases::nothing},
                                       {"drive", &Cases::drive},
                                       {"link", &Cases::link},
                                       {"memory", &Cases::memory},
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
