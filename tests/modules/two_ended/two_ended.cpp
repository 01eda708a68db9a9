// SPDX-License-Identifier: Apache-2.0
// Probes with an end on each host: what ranks over several hosts are promised, and what goes wrong with them.
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <string>
#include <thread>

#include "millrace/probe.hpp"

namespace {

using millrace::sdk::Host;
using millrace::sdk::Outcome;

constexpr std::int64_t kPatience_ns = 60'000'000'000;

bool is_culprit(const Host& host) {
  return host.given("deed") && static_cast<int>(host.integer("on-host")) == host.host_index();
}

// Does what goes wrong, on the host that it is to go wrong on.
Outcome misbehave(const Host& host, std::string_view phase) {
  if (!is_culprit(host) || host.text("phase") != phase) return Outcome::kOk;
  const std::string_view deed = host.text("deed");
  if (phase == "run") std::this_thread::sleep_for(std::chrono::milliseconds(100));  // the others wait by then
  if (deed == "crash") kill(getpid(), SIGSEGV);
  if (deed == "hang") std::this_thread::sleep_for(std::chrono::seconds(600));
  if (deed == "unavailable") return host.unavailable("there is no flux capacitor here", "fit one");
  if (deed == "write") return host.temporary("/tmp/millrace-two-ended");
  return host.fail("the flux capacitor is cold", "warm it");
}

class Ends : public millrace::sdk::Probe {
 public:
  static Outcome describe(const Host& host) {
    if (const Outcome outcome = misbehave(host, "describe"); outcome != Outcome::kOk) return outcome;
    for (std::uint64_t rank = 0; rank < std::max<std::uint64_t>(host.integer("ranks"), 1); ++rank)
      if (host.add_worker(
              {.role = host.host_index() == 0 ? "asker" : "helper", .from = "memory:0", .to = "memory:0"}) !=
          Outcome::kOk)
        return Outcome::kFailed;
    return Outcome::kOk;
  }
  Outcome open(Host& host) override { return misbehave(host, "open"); }
  Outcome close(Host& host) override { return misbehave(host, "close"); }

 protected:
  // Rank, host, and the addresses that this host knows; a text of its own length, so that nothing is cut.
  static std::string greeting(const Host& host) {
    std::string text = std::to_string(host.rank()) + "@" + std::to_string(host.host_index());
    for (int other = 0; other < host.hosts(); ++other) text += " " + host.address(other);
    return text + " " + std::string(static_cast<std::size_t>(host.rank()) * 7'000, 'x');
  }

  // All must hear all, in order of rank; ranks count through the hosts; and all must know the same addresses.
  static Outcome greet(const Host& host) {
    const auto heard = host.exchange(greeting(host), kPatience_ns);
    if (heard.empty()) return host.cancelled() ? Outcome::kCancelled : Outcome::kFailed;
    const int each = static_cast<int>(host.integer("ranks"));
    for (int rank = 0; rank < host.ranks(); ++rank) {
      const std::string& text = heard[static_cast<std::size_t>(rank)];
      const std::string who = std::to_string(rank) + "@" + std::to_string(rank / each) + " ";
      if (!text.starts_with(who) || text.size() < static_cast<std::size_t>(rank) * 7'000)
        return host.fail("rank " + std::to_string(rank) + " said: " + text.substr(0, 80));
    }
    host.counter("greeted", 1);
    return Outcome::kOk;
  }
};

// Ranks of all hosts in step, or racing; each notes the iteration at which it was told to stop.
class Steps : public Ends {
 public:
  Outcome run(Host& host) override {
    if (const Outcome outcome = misbehave(host, "run"); outcome != Outcome::kOk) return outcome;
    if (const Outcome outcome = greet(host); outcome != Outcome::kOk) return outcome;
    auto recorder = host.recorder();
    std::uint64_t iteration = 0;
    std::int64_t waited_ns = 0;
    std::int64_t longest_ns = 0;
    for (;;) {
      const std::int64_t asked = host.now_ns();
      const std::uint64_t until = host.continue_until(iteration);
      const std::int64_t waited = host.now_ns() - asked;
      // The first questions find out the pace.
      if (iteration > 500) waited_ns += waited;
      if (iteration > 500 && waited > longest_ns) longest_ns = waited;
      if (until == iteration) break;
      for (; iteration < until; ++iteration) {
        std::this_thread::sleep_for(std::chrono::microseconds(100 + 50 * host.rank()));
        if (host.text("meet") == "barrier" && host.step_barrier(kPatience_ns) == Outcome::kFailed)
          return Outcome::kFailed;
        recorder.done(host.now_ns(), 64);
      }
    }
    host.sample("stopped_at_iterations", static_cast<double>(iteration));
    host.sample("waited_s", static_cast<double>(waited_ns) * 1e-9);
    return Outcome::kOk;
  }
};

// Exchanges as fast as it can: what a round trip through the core costs.
class Talk : public Ends {
 public:
  Outcome run(Host& host) override {
    if (const Outcome outcome = misbehave(host, "run"); outcome != Outcome::kOk) return outcome;
    auto recorder = host.recorder();
    while (!host.cancelled()) {
      const std::int64_t began = host.now_ns();
      if (host.exchange("ping", kPatience_ns).empty()) break;
      const std::int64_t now = host.now_ns();
      if (host.rank() == 0) {
        recorder.done(now, 8);
        recorder.latency(static_cast<std::uint64_t>(now - began));
      }
    }
    return host.cancelled() ? Outcome::kOk : Outcome::kFailed;
  }
};

// Only the other end records, at an even pace: what the host that asked knows of it decides when to stop.
class Steady : public Ends {
 public:
  Outcome run(Host& host) override {
    if (const Outcome outcome = misbehave(host, "run"); outcome != Outcome::kOk) return outcome;
    host.sample("began_s", static_cast<double>(host.now_ns()) * 1e-9);
    if (host.host_index() == 0 && host.hosts() > 1) {
      while (!host.cancelled()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
      return Outcome::kOk;
    }
    auto recorder = host.recorder();
    std::int64_t next = host.now_ns();
    while (!host.cancelled() || (host.flag("lingers") && !host.given_up())) {
      next += 200'000;
      while (host.now_ns() < next) std::this_thread::sleep_for(std::chrono::microseconds(50));
      recorder.done(host.now_ns(), 1000);
      recorder.latency(200'000);
    }
    host.counter("ended", 1);
    return Outcome::kOk;
  }
};

constexpr millrace_parameter kParameters[] = {
    millrace::sdk::parameter("ranks", MILLRACE_COUNT, "1", "how many on each host", 1, 64),
    millrace::sdk::choice("meet", "nowhere|barrier", "nowhere", "where they wait for each other"),
    millrace::sdk::parameter("deed", MILLRACE_TEXT, "",
                             "what goes wrong: crash, hang, fail, unavailable, write"),
    millrace::sdk::choice("phase", "describe|open|run|close", "run", "when it goes wrong"),
    millrace::sdk::parameter("lingers", MILLRACE_FLAG, "off",
                             "the end that records goes on until the other has given up"),
    millrace::sdk::parameter("on-host", MILLRACE_COUNT, "1", "where it goes wrong", 0, 64),
};
constexpr millrace_parameter kWithPath[] = {
    millrace::sdk::parameter("path", MILLRACE_PATH, "", "a file"),
};

constexpr millrace_probe kSteps =
    millrace::sdk::probe<Steps>("two_ended.steps", "ranks in step", kParameters);
constexpr millrace_probe kTalk = millrace::sdk::probe<Talk>("two_ended.talk", "exchanges", kParameters);
constexpr millrace_probe kSteady =
    millrace::sdk::probe<Steady>("two_ended.steady", "one end records", kParameters);
constexpr millrace_probe kFile = millrace::sdk::probe<Talk>("two_ended.file", "takes a path", kWithPath);
constexpr const millrace_probe* kProbes[] = {&kSteps, &kTalk, &kSteady, &kFile};
constexpr millrace_probe_module kModule = millrace::sdk::module("two_ended", "1.0", kProbes);

}  // namespace

extern "C" MILLRACE_EXPORT const millrace_probe_module* millrace_probe_module_v1() { return &kModule; }
