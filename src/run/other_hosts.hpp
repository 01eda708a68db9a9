// SPDX-License-Identifier: Apache-2.0
// The rest of a measurement over several hosts, as one host's Instance sees it. There are two views: that of
// the host that asked for the measurement, which decides when all begin and stop and through which all that
// ranks tell each other goes (run/peer/hub.hpp), and that of each other one (run/peer/follower.hpp). Nothing
// here waits: what came is told by hear().
#pragma once

#include <poll.h>

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "stats/slices.hpp"

namespace millrace::run {

struct LaunchOptions;
struct InstanceOutcome;

// How far the ranks of a host are in continue_until (see shared_state.hpp).
struct Pace {
  std::uint64_t reached = 0;  // where its slowest rank is by now, as far as can be told
  std::uint64_t pace_ns = 0;  // of an iteration of its slowest rank; 0: not known of all of them
  std::uint64_t ran = 0;      // most that a rank ran between two questions
  bool operator==(const Pace&) const = default;
};

// What all threads of a host recorded, period by period of the agreed length.
struct HostRates {
  std::int64_t begin_ns = 0;
  std::vector<std::uint64_t> bytes, operations;
};

// What came from the other hosts since the last look.
struct News {
  std::optional<std::string> stop;  // its reason
  // The first failure: "failed" or "skipped", why, and the way out.
  std::optional<std::string> failed_as;
  std::string reason, hint;
  std::optional<std::vector<std::string>> gathered;  // every rank's, of the exchange that all came to
  bool barrier_passed = false;
  std::optional<std::uint64_t> granted;  // iterations, with kFinalGrant once that is all
  std::vector<std::pair<int, std::string>> log;
};

class OtherHosts {
 public:
  OtherHosts() = default;
  OtherHosts(const OtherHosts&) = delete;
  OtherHosts& operator=(const OtherHosts&) = delete;
  virtual ~OtherHosts() = default;

  // Whether this is the host that asked: it decides when all begin and stop.
  [[nodiscard]] virtual bool leads() const = 0;
  virtual void start(const LaunchOptions& options) = 0;
  virtual void append_poll(std::vector<pollfd>& waiting) const = 0;
  virtual News hear() = 0;

  // All workers of this host are ready.
  virtual void say_ready() = 0;
  [[nodiscard]] virtual bool all_ready() const = 0;
  // Once all are ready: when all begin, in this host's time.
  virtual std::int64_t agree_on_begin() = 0;

  // All ranks of this host gave their bytes; or came to the barrier; or go on as told. What follows is news.
  virtual void gather(std::vector<std::string> bytes) = 0;
  virtual void arrive() = 0;
  virtual void report(const Pace& pace) = 0;
  virtual void report(const HostRates& rates) = 0;
  // What each of the others recorded so far, in this host's time; only where this one leads.
  [[nodiscard]] virtual const std::vector<std::vector<stats::Slice>>& recorded() const = 0;

  // This host stops; `granted` is how far its ranks may run. `failed`: because of what `outcome` says.
  virtual void stop(const std::string& reason, std::uint64_t granted, const InstanceOutcome& outcome) = 0;
  // No other host has workers any more.
  [[nodiscard]] virtual bool all_gone() const = 0;
  // The time for the others to end is over.
  virtual void give_up(const std::string& reason) = 0;
  // Adds the others' workers and counters, in this host's time.
  virtual void finish(InstanceOutcome& outcome) = 0;
};

}  // namespace millrace::run
