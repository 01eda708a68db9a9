// SPDX-License-Identifier: Apache-2.0
#include "modules/rdma/verify.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "modules/rdma/pattern.hpp"
#include "modules/rdma/phase.hpp"
#include "modules/rdma/serve.hpp"
#include "modules/rdma/stream.hpp"
#include "units/quantity.hpp"

namespace millrace::rdma {
namespace {

constexpr std::uint64_t kRounds = 3;
constexpr std::int64_t kDatagramsWait_ns = 500'000'000;

class Verification {
 public:
  Verification(const sdk::Host& host, LinkEnd& end, Receiver& receiver)
      : host_(host), end_(end), receiver_(receiver), settings_(end.settings()), buffer_(settings_.size) {
    tuning_.depth = settings_.tuning(settings_.size, end.region().on_device()).depth;
    const LinkRole& role = end.role();
    link_ = static_cast<std::uint64_t>(role.peer) << 32 | static_cast<std::uint64_t>(role.lane) << 1 |
            std::uint64_t{role.reversed};
  }

  Result<Verified> run() {
    for (round_ = 0; round_ < kRounds; ++round_) {
      if (is_source())
        if (auto filled = fill(); !filled) return tl::unexpected(filled.error());
      if (auto both = finish_phase(host_, end_, true); !both) return tl::unexpected(both.error());
      if (auto moved = end_.role().initiator ? initiate() : respond(); !moved)
        return tl::unexpected(moved.error());
      if (host_.cancelled()) return result_;
      if (auto both = finish_phase(host_, end_, true); !both) return tl::unexpected(both.error());
      result_.looked = !is_source();
    }
    return result_;
  }

 private:
  [[nodiscard]] bool reads() const { return settings_.operation == Operation::kRead; }
  [[nodiscard]] bool sends() const { return settings_.operation == Operation::kSend; }
  [[nodiscard]] bool is_source() const { return end_.role().initiator != reads(); }
  [[nodiscard]] std::uint64_t expected() const {
    return std::uint64_t{end_.layout().slots()} * end_.queue_pairs();
  }
  [[nodiscard]] std::uint64_t seed(std::uint32_t pair, std::uint64_t n) const {
    return seed_for(settings_.seed, link_, round_, pair * std::uint64_t{end_.layout().slots()} + n);
  }

  Result<void> fill() {
    for (std::uint32_t pair = 0; pair < end_.queue_pairs(); ++pair)
      for (std::uint32_t n = 0; n < end_.layout().slots(); ++n) {
        fill_pattern(buffer_, seed(pair, n));
        if (auto put = end_.region().put(end_.layout().out(pair, n), buffer_); !put) return put;
      }
    return {};
  }

  Result<void> initiate() {
    Phase phase(host_, end_);
    const Work work{settings_.size, tuning_, end_.layout().slots(), true, nullptr};
    const auto passed = stream(host_, end_, work, phase);
    if (!passed) return tl::unexpected(passed.error());
    return reads() ? check_all() : Result<void>{};
  }

  Result<void> respond() {
    if (sends()) return check_arrivals();
    Phase phase(host_, end_);
    if (auto served = serve(host_, phase); !served) return served;
    return reads() ? Result<void>{} : check_all();
  }

  Result<void> check(std::uint32_t pair, std::uint64_t slot, std::uint64_t n) {
    const std::uint64_t offset = end_.layout().in(pair, slot) + end_.layout().lead();
    if (auto got = end_.region().get(offset, buffer_); !got) return got;
    ++result_.messages;
    if (const auto wrong = first_wrong(buffer_, seed(pair, n)); wrong && result_.wrong++ == 0)
      host_.log(MILLRACE_LOG_WARNING,
                fmt::format("wrong byte at offset {} of message {} of queue pair {} from {} to {} (seed {})",
                            *wrong, n, pair, end_.there(), end_.here(), settings_.seed));
    return {};
  }

  Result<void> check_all() {
    for (std::uint32_t pair = 0; pair < end_.queue_pairs(); ++pair)
      for (std::uint32_t n = 0; n < end_.layout().slots(); ++n)
        if (auto checked = check(pair, n, n); !checked) return checked;
    return {};
  }

  // Each message is checked before its memory is given back to the device.
  Result<void> check_arrivals() {
    std::vector<std::uint64_t> arrived(end_.queue_pairs());
    std::uint64_t total = 0;
    Phase phase(host_, end_);
    std::int64_t waiting_since = 0;  // since the sender was done
    while (total < expected()) {
      const auto arrival = receiver_.next();
      if (!arrival) return tl::unexpected(arrival.error());
      if (*arrival) {
        const std::uint32_t pair = (*arrival)->queue_pair;
        const bool datagram = settings_.transport == Transport::kDatagram;
        const std::uint64_t n = datagram ? (*arrival)->immediate : arrived[pair];
        if (auto checked = check(pair, (*arrival)->number, n); !checked) return checked;
        ++arrived[pair];
        ++total;
        if (auto posted = receiver_.repost(); !posted) return posted;
        continue;
      }
      const std::int64_t now = host_.now_ns();
      if (waiting_since == 0 && phase.is_over(now)) {
        if (!phase.error()) return phase.error();
        if (host_.cancelled()) return {};
        waiting_since = now;
      }
      if (waiting_since > 0 && now - waiting_since > kDatagramsWait_ns) break;
    }
    result_.missing += expected() - total;
    if (total == 0)
      return failure(
          fmt::format("of {} messages from {} none arrived at {}", expected(), end_.there(), end_.here()),
          "do the MTUs agree? Is UDP port 4791 (RoCE v2) let through?");
    return {};
  }

  const sdk::Host& host_;
  LinkEnd& end_;
  Receiver& receiver_;
  const Settings& settings_;
  std::vector<std::byte> buffer_;
  Tuning tuning_;
  std::uint64_t link_ = 0, round_ = 0;
  Verified result_;
};

}  // namespace

Result<Verified> verify(const sdk::Host& host, LinkEnd& end, Receiver& receiver) {
  return Verification(host, end, receiver).run();
}

}  // namespace millrace::rdma
