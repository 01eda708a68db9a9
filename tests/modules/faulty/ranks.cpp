// SPDX-License-Identifier: Apache-2.0
// Ranks that need each other: in order, or with one that fails while the others wait for it.
#include <chrono>
#include <string>
#include <thread>

#include "misbehave.hpp"

namespace faulty {
namespace {

using millrace::sdk::Host;
using millrace::sdk::Outcome;

constexpr std::int64_t kPatience_ns = 60'000'000'000;

class Ranks : public millrace::sdk::Probe {
 public:
  static Outcome describe(const Host& host) {
    for (std::uint64_t rank = 0; rank < host.integer("ranks"); ++rank)
      if (host.add_worker({.role = "rank", .from = "memory:0", .to = "memory:0"}) != Outcome::kOk)
        return Outcome::kFailed;
    return Outcome::kOk;
  }

  Outcome run(Host& host) override {
    const std::string_view meet = host.text("meet");
    const bool culprit = host.rank() == host.ranks() - 1 && host.given("deed");
    if (culprit) {
      std::this_thread::sleep_for(std::chrono::milliseconds(100));  // the others wait by then
      if (const Outcome outcome = misbehave(host.text("deed"), host); outcome != Outcome::kOk) return outcome;
    }
    if (meet == "barrier" && host.given("deed")) return host.step_barrier(kPatience_ns);
    if (!greet(host)) return host.cancelled() ? Outcome::kCancelled : Outcome::kFailed;
    return step_together(host);
  }

 private:
  // Every rank says its number and a text of its own length; all must hear all, in order.
  static bool greet(const Host& host) {
    const auto greeting = [](int rank) {
      return std::to_string(rank) +
             std::string(static_cast<std::size_t>(rank) * 20'000, static_cast<char>('a' + rank));
    };
    const auto heard = host.exchange(greeting(host.rank()), kPatience_ns);
    bool right = heard.size() == static_cast<std::size_t>(host.ranks());
    for (std::size_t rank = 0; right && rank < heard.size(); ++rank)
      right = heard[rank] == greeting(static_cast<int>(rank));
    if (right) host.counter("greeted", 1);
    return right;
  }

  // Uneven steps, so that ranks race; the barrier keeps them together, and all stop at one iteration.
  static Outcome step_together(const Host& host) {
    auto recorder = host.recorder();
    std::uint64_t iteration = 0;
    for (;;) {
      const std::uint64_t until = host.continue_until(iteration);
      if (until == iteration) break;
      for (; iteration < until; ++iteration) {
        std::this_thread::sleep_for(std::chrono::microseconds(50 + 50 * host.rank()));
        if (host.text("meet") == "barrier" && host.step_barrier(kPatience_ns) == Outcome::kFailed)
          return Outcome::kFailed;
        recorder.done(host.now_ns(), 64);
      }
    }
    host.sample("stopped_at_iterations", static_cast<double>(iteration));
    return Outcome::kOk;
  }
};

constexpr millrace_parameter kRanksParameters[] = {
    millrace::sdk::parameter("ranks", MILLRACE_COUNT, "2", "how many", 1, 64),
    millrace::sdk::choice("meet", "barrier|exchange", "barrier", "where they wait for each other"),
    millrace::sdk::parameter("deed", MILLRACE_TEXT, "", "what the last rank does while the others wait"),
};

}  // namespace

constexpr millrace_probe kRanks =
    millrace::sdk::probe<Ranks>("faulty.ranks", "ranks that wait for each other", kRanksParameters);

}  // namespace faulty
