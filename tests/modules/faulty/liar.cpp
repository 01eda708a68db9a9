// SPDX-License-Identifier: Apache-2.0
// A probe that runs without a fault and tells what cannot be.
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <limits>
#include <string>

#include "misbehave.hpp"

namespace faulty {
namespace {

using millrace::sdk::Host;
using millrace::sdk::Outcome;

// Publishes totals at times of its own making, past what the inline recorder would let through.
void publish(millrace_recorder* recorder, std::int64_t time_ns, std::uint64_t bytes,
             std::uint64_t operations) {
  recorder->bytes = bytes;
  recorder->operations = operations;
  recorder->publish(recorder, time_ns);
}

Outcome lie_about_slices(std::string_view lie, const Host& host) {
  millrace_recorder* recorder = host.raw()->recorder(host.raw()->context);
  const std::int64_t now = host.now_ns();
  constexpr std::int64_t kStep = 1'000'000;
  for (std::uint64_t i = 1; i <= 200; ++i) {
    const auto step = static_cast<std::int64_t>(i) * kStep;
    if (lie == "time-backwards") publish(recorder, now - step, 4096 * i, i);
    if (lie == "time-ahead") publish(recorder, now + step * 3600 * 1000, 4096 * i, i);
    if (lie == "time-at-the-end")
      publish(recorder, std::numeric_limits<std::int64_t>::max() - step, 4096 * i, i);
    if (lie == "totals-shrink") publish(recorder, now + step, 4096 * (300 - i), 300 - i);
    if (lie == "totals-absurd") publish(recorder, now + step, i << 55, i << 55);
  }
  return Outcome::kOk;
}

void claim_nonsense(const Host& host) {
  const double infinite = std::numeric_limits<double>::infinity();
  const double most = std::numeric_limits<double>::max();
  for (const double value : {infinite, -infinite, std::numeric_limits<double>::quiet_NaN(), most, most}) {
    host.sample("nonsense_s", value);
    host.counter("nonsense", value);
  }
  host.counter("\xff\xfe not UTF-8", 1);
  host.sample("", 1);
  host.raise_flag("\xff");
  host.stage(
      {sizeof(millrace_stage), 0, nullptr, nullptr, -1, infinite, -1, infinite, -1, UINT64_MAX, infinite});
}

class Liar : public millrace::sdk::Probe {
 public:
  static Outcome describe(const Host& host) {
    return host.add_worker({.role = "liar", .from = "memory:0", .to = "nowhere:0"});
  }
  Outcome run(Host& host) override {
    const std::string_view lie = host.text("lie");
    if (lie.starts_with("time-") || lie.starts_with("totals-")) return lie_about_slices(lie, host);
    if (lie == "nothing") return Outcome::kOk;
    if (lie == "nothing-in-time")
      while (!host.cancelled()) usleep(1000);
    if (lie == "corrupt") host.verified(false);
    if (lie == "prints") std::puts("{\"measurements\": \"this is mine\"}");
    if (lie == "nonsense") claim_nonsense(host);
    if (lie == "floods-output" || lie == "floods-log") flood(host, lie == "floods-log");
    const Outcome outcome = lie == "nothing-in-time" ? Outcome::kOk : count_turns(host);
    if (lie == "many-samples")
      for (const char* name : {"a_s", "b_s", "c_s", "d_s", "e_s", "f_s", "g_s", "h_s"})
        for (int i = 0; i < 250'000; ++i) host.sample(name, i);
    if (lie == "many-recorders")
      while (host.recorder()) host.counter("more_recorders", 1);
    return outcome;
  }

 private:
  static void flood(const Host& host, bool log) {
    const std::string line(30'000, 'x');
    for (const std::int64_t end = host.now_ns() + 60'000'000'000; host.now_ns() < end;) {
      if (log)
        host.log(MILLRACE_LOG_DEBUG, line);
      else
        (void)!write(STDOUT_FILENO, line.data(), line.size());
    }
  }
};

constexpr millrace_parameter kLiarParameters[] = {
    millrace::sdk::choice(
        "lie",
        "none|nothing|nothing-in-time|time-backwards|time-ahead|time-at-the-end|totals-shrink|"
        "totals-absurd|corrupt|prints|nonsense|floods-output|floods-log|many-samples|"
        "many-recorders",
        "none", "what it tells"),
};

}  // namespace

constexpr millrace_probe kLiar =
    millrace::sdk::probe<Liar>("faulty.liar", "tells what cannot be", kLiarParameters);

}  // namespace faulty
