// SPDX-License-Identifier: Apache-2.0
#include <fmt/core.h>

#include "units/quantity.hpp"
#include "workload/explain.hpp"
#include "workload/mix.hpp"

namespace millrace::workload {
namespace {

std::string counted(std::uint64_t count, std::string_view noun) {
  return fmt::format("{} {}{}", count, noun, count == 1 ? "" : (noun.ends_with("ch") ? "es" : "s"));
}

}  // namespace

std::string explain_input(const Profile& profile) {
  const Input& input = profile.input;
  const double step_bytes = static_cast<double>(input.batch_samples) * input.record_bytes;
  std::string out = fmt::format("{}: {}\n", profile.name, profile.description);
  const auto line = [&](std::string_view key, const std::string& value) {
    out += fmt::format("  {:<9} {}\n", key, value);
  };
  line("record", bytes_text(input.record_bytes) +
                     (input.record_stdev_bytes > 0 ? fmt::format(", spread {} (standard deviation)",
                                                                 bytes_text(input.record_stdev_bytes))
                                                   : "") +
                     fmt::format(", {} per file", input.samples_per_file));
  line("batch", fmt::format("{} = {} per accelerator and step", counted(input.batch_samples, "record"),
                            bytes_text(step_bytes)));
  line("compute", to_text(Duration::from_seconds(profile.compute_s)) + " per step");
  line("demand", to_text(BytesPerSecond{profile.demand_bytes_per_s()}) +
                     " for each accelerator that never waits (batch × record ÷ compute)");
  line("wanted", fmt::format("{:.0f} % accelerator utilization", profile.utilization_wanted * 100));
  line("prep", input.prep == "none"
                   ? std::string("none: records go on as they are read")
                   : fmt::format("{} on {} per accelerator", input.prep,
                                 counted(static_cast<std::uint64_t>(input.prep_threads), "thread")));
  line("reading", fmt::format("{} per accelerator, {} ahead of the consumer",
                              counted(static_cast<std::uint64_t>(input.read_threads), "thread"),
                              counted(static_cast<std::uint64_t>(input.prefetch_batches), "batch")));
  line("source", profile.source.empty() ? "the user's own profile" : profile.source);
  return out;
}

std::string explain_on(const Profile& profile, std::int64_t ranks) {
  // Eight times the fewest: a size at which all kinds of parallelism are seen.
  const auto suits = [&] { return ranks > 0 ? ranks : 8 * least_ranks(profile); };
  switch (profile.kind) {
    case Kind::kTrainingInput:
      return explain_input(profile);
    case Kind::kPretrain:
    case Kind::kFinetune:
      return explain_training(profile, suits());
    case Kind::kCheckpoint:
    case Kind::kRestore:
      return explain_checkpoint(profile, ranks > 0 ? ranks : 1024);
    case Kind::kColdStart:
      return explain_cold_start(profile);
    case Kind::kServe:
      return explain_serving(profile);
    case Kind::kMix:
      return explain_mix(profile, ranks > 0 ? ranks : site_ranks(profile));
  }
  return {};
}

std::string explain(const Profile& profile) { return explain_on(profile, 0); }

}  // namespace millrace::workload
