// SPDX-License-Identifier: Apache-2.0
// The other hosts of a measurement, as the host that asked for it sees them: through it goes all that ranks
// tell each other, and it decides when all begin and stop.
#pragma once

#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "run/other_hosts.hpp"
#include "run/peer/session.hpp"

namespace millrace::run::peer {

// Of the first launch's start and the last one's end, seconds: what hosts[] of the document holds.
struct ClockReport {
  std::optional<ClockOffset> start, end;
};

class Hub final : public OtherHosts {
 public:
  // `allowed`: addresses and networks that probes may use on this host besides those of the session and of
  // the networks that it is attached to, see address_range.hpp.
  explicit Hub(std::vector<Session> sessions, std::vector<std::string> allowed = {});
  ~Hub() override;  // says good-bye

  std::vector<Session*> sessions();
  [[nodiscard]] const std::vector<std::string>& allowed() const { return allowed_; }
  // How many workers each peer has, once planned, and how many there are here.
  void set_ranks(int own, const std::vector<int>& theirs);
  // Between launches, often: each second it tells the peers that this host is still there, and takes their
  // answers. During a launch that is done anyway.
  void keep_alive();
  // Between launches: what came since the last one (answers to pings) says nothing any more.
  void drop_answers();
  [[nodiscard]] const ClockReport& clock_of(std::size_t peer) const { return peers_[peer].clock; }

  [[nodiscard]] bool leads() const override { return true; }
  void start(const LaunchOptions& options) override;
  void append_poll(std::vector<pollfd>& waiting) const override;
  News hear() override;
  void say_ready() override {}
  [[nodiscard]] bool all_ready() const override;
  std::int64_t agree_on_begin() override;
  void gather(std::vector<std::string> bytes) override;
  void arrive() override { arrived_ = true; }
  void report(const Pace& pace) override { pace_ = pace; }
  void report(const HostRates&) override {}
  [[nodiscard]] const std::vector<std::vector<stats::Slice>>& recorded() const override { return recorded_; }
  void stop(const std::string& reason, std::uint64_t granted, const InstanceOutcome& outcome) override;
  [[nodiscard]] bool all_gone() const override;
  void give_up(const std::string& reason) override;
  void finish(InstanceOutcome& outcome) override;

 private:
  struct Peer {
    Session session;
    int ranks = 0;
    ClockReport clock;
    // Of one launch:
    bool ready = false, arrived = false, told_lost = false;
    std::optional<std::vector<std::string>> gathered;
    std::optional<Pace> pace;
    std::optional<ClockOffset> began, ended;
    std::optional<InstanceOutcome> outcome;
    ClockBurst burst;
    std::int64_t ping_sent_ns = 0;
    [[nodiscard]] bool is_gone() const { return outcome || !session.connection().lost().empty(); }
  };

  void take(std::size_t peer, const Sealed& message, News& news);
  void keep_alive(Peer& peer);
  static void ping(Peer& peer, std::int64_t now_ns);
  void complete(News& news);
  void fail(News& news, const std::string& status, const std::string& reason, const std::string& hint) const;
  void measure_clock(Peer& peer, News& news);
  void add_rates(std::size_t peer, const HostRates& rates);
  void translate(Peer& peer, InstanceOutcome& theirs) const;

  std::vector<Peer> peers_;
  std::vector<std::string> allowed_;
  std::optional<std::vector<std::string>> gathered_;
  bool launched_ = false, arrived_ = false, stopped_ = false;
  std::optional<Pace> pace_;
  std::uint64_t granted_ = 0;
  std::uint64_t horizon_ns_ = 0;
  std::vector<std::vector<stats::Slice>> recorded_;
  std::int64_t period_ns_ = 1;
  int own_ranks_ = 0;
  News kept_;  // that came while a clock was measured
};

}  // namespace millrace::run::peer
