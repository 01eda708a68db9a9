// SPDX-License-Identifier: Apache-2.0
#include "run/job.hpp"

#include <fmt/format.h>
#include <xxhash.h>

#include <algorithm>
#include <charconv>

namespace millrace::run {
namespace {

constexpr char kSeparator = '\n';  // no path and no name holds one that we would accept

std::string join(const std::vector<std::string>& words) {
  std::string joined;
  for (const std::string& word : words) joined += (joined.empty() ? "" : std::string(1, kSeparator)) + word;
  return joined;
}

std::vector<std::string> split(std::string_view joined) {
  std::vector<std::string> words;
  while (!joined.empty()) {
    const std::size_t end = joined.find(kSeparator);
    words.emplace_back(joined.substr(0, end));
    joined = end == std::string_view::npos ? std::string_view{} : joined.substr(end + 1);
  }
  return words;
}

std::vector<std::string> texts(const std::vector<std::filesystem::path>& paths) {
  std::vector<std::string> all;
  for (const std::filesystem::path& path : paths) all.push_back(path.string());
  return all;
}

template <typename Number>
Result<Number> number(const std::map<std::string, std::string>& settings, const char* key) {
  const auto found = settings.find(key);
  Number value{};
  if (found != settings.end()) {
    const std::string& text = found->second;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error == std::errc{} && end == text.data() + text.size()) return value;
  }
  return failure(fmt::format("the journal's setting '{}' is missing or no number", key), "start a new run");
}

}  // namespace

std::map<std::string, std::string> to_settings(const Job& job) {
  std::map<std::string, std::string> settings{{"path", join(texts(job.paths))},
                                              {"workloads", join(job.workloads)},
                                              {"accelerators", std::to_string(job.accelerators)},
                                              {"budget_ns", std::to_string(job.budget.ns)},
                                              {"repeats", std::to_string(job.repeats)},
                                              {"compressible", fmt::format("{}", job.compressible)},
                                              {"size_cap_bytes", std::to_string(job.size_cap)}};
  if (!job.datasets.empty()) settings["dataset"] = join(texts(job.datasets));
  if (job.prep) settings["prep"] = *job.prep;
  if (!job.peer.empty()) {
    settings["peer"] = job.peer;
    settings["peer_is"] = job.peer_is;
  }
  if (job.utilization_wanted) settings["utilization_wanted"] = fmt::format("{}", *job.utilization_wanted);
  return settings;
}

Result<Job> from_settings(const std::map<std::string, std::string>& settings) {
  Job job;
  const auto path = settings.find("path");
  if (path == settings.end()) return failure("the journal's setting 'path' is missing", "start a new run");
  for (const std::string& one : split(path->second)) job.paths.emplace_back(one);
  if (const auto found = settings.find("workloads"); found != settings.end())
    job.workloads = split(found->second);
  if (const auto found = settings.find("dataset"); found != settings.end())
    for (const std::string& one : split(found->second)) job.datasets.emplace_back(one);
  if (const auto found = settings.find("prep"); found != settings.end()) job.prep = found->second;
  if (const auto found = settings.find("peer"); found != settings.end()) job.peer = found->second;
  if (const auto found = settings.find("peer_is"); found != settings.end()) job.peer_is = found->second;
  const auto accelerators = number<int>(settings, "accelerators");
  if (!accelerators) return tl::unexpected(accelerators.error());
  const auto budget = number<std::int64_t>(settings, "budget_ns");
  if (!budget) return tl::unexpected(budget.error());
  const auto repeats = number<int>(settings, "repeats");
  if (!repeats) return tl::unexpected(repeats.error());
  const auto cap = number<std::uint64_t>(settings, "size_cap_bytes");
  if (!cap) return tl::unexpected(cap.error());
  const auto compressible = number<double>(settings, "compressible");
  if (!compressible) return tl::unexpected(compressible.error());
  job.compressible = *compressible;
  if (settings.contains("utilization_wanted")) {
    const auto wanted = number<double>(settings, "utilization_wanted");
    if (!wanted) return tl::unexpected(wanted.error());
    job.utilization_wanted = *wanted;
  }
  job.accelerators = *accelerators;
  job.budget = {*budget};
  job.repeats = *repeats;
  job.size_cap = *cap;
  return job;
}

std::string fingerprint(const Job& job, const std::vector<workload::Profile>& profiles) {
  std::string text;
  for (const auto& [key, value] : to_settings(job)) text += key + "=" + value + "\n";
  for (const workload::Profile& p : profiles)
    text +=
        fmt::format("{} {} {} {} {} {} {} {} {} {}\n", p.name, p.input.record_bytes,
                    p.input.record_stdev_bytes, p.input.samples_per_file, p.input.batch_samples, p.input.prep,
                    p.input.read_threads, p.input.prep_threads, p.input.prefetch_batches, p.compute_s);
  return fmt::format("{:016x}", XXH64(text.data(), text.size(), 0));
}

namespace {

// A run measures the path of training input. What else a workload may ask is told by documents.
Result<void> is_measurable(const workload::Profile& profile) {
  using workload::Kind;
  if (profile.kind == Kind::kTrainingInput) return {};
  const std::string ask = fmt::format("then `millrace diagnose F --for {}`", profile.name);
  const bool writes = profile.kind == Kind::kCheckpoint;
  const bool trains = profile.kind == Kind::kPretrain || profile.kind == Kind::kFinetune;
  return failure(
      fmt::format("--for {}: a run measures training input, and this is of the kind '{}'", profile.name,
                  workload::name_of(profile.kind)),
      writes   ? "`millrace measure storage.write --path FOLDER --json F`, " + ask
      : trains ? "on one host `millrace measure nccl.all_reduce --json F`, of many `millrace topo --generate "
                 "fat-tree --hosts N --json F`; " +
                     ask
      : profile.kind == Kind::kServe ? "`millrace measure tcp.latency --peer ADDRESS:PORT --json F` or "
                                       "`millrace run --json F` (storage and GPUs), " +
                                           ask
                                     : "`millrace run --json F` without it (storage and GPUs), " + ask);
}

}  // namespace

Result<std::vector<workload::Profile>> profiles_of(const Job& job) {
  std::vector<workload::Profile> profiles;
  if (job.workloads.empty()) profiles = workload::built_in_training_input();
  for (const std::string& name : job.workloads) {
    auto loaded = workload::load(name);
    if (!loaded) return tl::unexpected(loaded.error());
    for (workload::Profile& profile : *loaded) {
      if (const auto measurable = is_measurable(profile); !measurable)
        return tl::unexpected(measurable.error());
      const bool twice = std::any_of(profiles.begin(), profiles.end(), [&](const workload::Profile& other) {
        return other.name == profile.name;
      });
      if (!twice) profiles.push_back(std::move(profile));
    }
  }
  if (job.prep)
    for (workload::Profile& profile : profiles) profile.input.prep = *job.prep;
  return profiles;
}

}  // namespace millrace::run
