// SPDX-License-Identifier: Apache-2.0
// How far another host's clock is ahead of this one's, from pings that it answers with its time. Of a burst,
// the one with the best round trip counts: its time was read within that trip, so the estimate is right to
// ± half of it (Cristian 1989; NTP's clock filter, RFC 5905, section 10).
#pragma once

#include <cstdint>
#include <optional>

namespace millrace::run::peer {

struct ClockOffset {
  std::int64_t at_ns = 0;      // this host's time at which it held
  std::int64_t offset_ns = 0;  // the other's time less this one's
  std::int64_t error_ns = 0;   // ±
};

class ClockBurst {
 public:
  // Times of this host when the ping was sent and its answer came, and of the other one in between.
  void add(std::int64_t sent_ns, std::int64_t theirs_ns, std::int64_t received_ns);
  [[nodiscard]] const std::optional<ClockOffset>& best() const { return best_; }
  [[nodiscard]] int count() const { return count_; }

 private:
  std::optional<ClockOffset> best_;
  int count_ = 0;
};

// Between two estimates the offset moves evenly (clocks of a rack drift apart by microseconds a second); with
// one it stands still.
class ClockTranslation {
 public:
  explicit ClockTranslation(const ClockOffset& start) : start_(start) {}
  ClockTranslation(const ClockOffset& start, const ClockOffset& end) : start_(start), end_(end) {}
  [[nodiscard]] std::int64_t to_here(std::int64_t theirs_ns) const;
  [[nodiscard]] std::int64_t to_there(std::int64_t ours_ns) const;
  [[nodiscard]] std::int64_t error_ns() const;

 private:
  [[nodiscard]] std::int64_t offset_at(std::int64_t ours_ns) const;
  ClockOffset start_;
  std::optional<ClockOffset> end_;
};

}  // namespace millrace::run::peer
