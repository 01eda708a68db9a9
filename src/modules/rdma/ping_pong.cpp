// SPDX-License-Identifier: Apache-2.0
#include "modules/rdma/ping_pong.hpp"

#include <fmt/format.h>

#include <system_error>
#include <vector>

#include "units/quantity.hpp"

namespace millrace::rdma {
namespace {

constexpr std::int64_t kLostAfter_ns = 1'000'000'000;  // a datagram
constexpr unsigned kLooks = 256;       // between two glances at the clock; a multiple of the next
constexpr unsigned kLooksInARow = 16;  // before others may run, where they must

bool is_datagram(const Settings& settings) { return settings.transport == Transport::kDatagram; }

ibv_wr_opcode opcode_of(const Settings& settings) {
  switch (settings.operation) {
    case Operation::kWrite:
      return settings.polls ? IBV_WR_RDMA_WRITE : IBV_WR_RDMA_WRITE_WITH_IMM;
    case Operation::kRead:
      return IBV_WR_RDMA_READ;
    default:
      return is_datagram(settings) ? IBV_WR_SEND_WITH_IMM : IBV_WR_SEND;
  }
}

}  // namespace

Result<void> PingPong::post(std::uint64_t size, std::uint64_t number) {
  const Layout& layout = end_.layout();
  const bool reads = settings_.operation == Operation::kRead;
  const std::uint64_t from = layout.out(0, 0);
  if (settings_.polls && settings_.operation == Operation::kWrite)
    end_.region().data()[from + size - 1] = std::byte{mark(number)};
  ibv_sge piece = end_.piece(reads ? layout.in(0, 0) : from, size);
  ibv_send_wr request{};
  request.sg_list = &piece;
  request.num_sge = 1;
  request.opcode = opcode_of(settings_);
  request.send_flags = IBV_SEND_SIGNALED;
  if (!reads && size <= end_.inline_bytes()) request.send_flags |= IBV_SEND_INLINE;
  request.imm_data = static_cast<std::uint32_t>(number);
  end_.aim(request, 0, reads ? layout.out(0, 0) : layout.in(0, 0));
  ibv_send_wr* bad = nullptr;
  if (const int error = ibv_post_send(end_.pair(0), &request, &bad); error != 0)
    return failure(
        fmt::format("{}: cannot post a message: {}", end_.here(), std::system_category().message(error)),
        "try --inline 0");
  ++in_flight_;
  return {};
}

Result<void> PingPong::take_completion() {
  ibv_wc done{};
  const int count = ibv_poll_cq(end_.sends(), 1, &done);
  if (count < 0) return failure(fmt::format("{}: cannot poll for completions", end_.here()));
  if (count == 0) return {};
  if (done.status != IBV_WC_SUCCESS)
    return tl::unexpected(end_.completion_failed(
        done, settings_.operation == Operation::kRead ? "reading from" : "sending to"));
  --in_flight_;
  return {};
}

Result<bool> PingPong::has_arrived(std::uint64_t size, std::uint64_t number) {
  if (settings_.operation == Operation::kRead) {
    if (auto taken = take_completion(); !taken) return tl::unexpected(taken.error());
    return in_flight_ == 0;
  }
  if (settings_.operation == Operation::kWrite && settings_.polls) {
    const std::byte* last = end_.region().data() + end_.layout().in(0, 0) + size - 1;
    return static_cast<std::uint8_t>(*static_cast<const volatile std::byte*>(last)) == mark(number);
  }
  const auto arrival = receiver_.next();
  if (!arrival) return tl::unexpected(arrival.error());
  if (!*arrival) return false;
  if (auto posted = receiver_.repost(); !posted) return tl::unexpected(posted.error());
  answer_to_ = (*arrival)->immediate;
  // An answer to a datagram that was given up comes late.
  return !is_datagram(settings_) || !end_.role().initiator ||
         answer_to_ == static_cast<std::uint32_t>(number);
}

// Of one's own last message: it must be gone before its memory and its place in the queue are used again.
Result<void> PingPong::wait_for_completion(Phase& phase) {
  for (unsigned look = 0; in_flight_ > 0; ++look) {
    if (auto taken = take_completion(); !taken) return taken;
    if (look % kLooksInARow == kLooksInARow - 1) end_.look_again();
    if (look % kLooks == kLooks - 1 && phase.is_over(host_.now_ns())) return {};
  }
  return {};
}

Result<std::int64_t> PingPong::one_round_trip(std::uint64_t size, std::int64_t begin_ns, Phase& phase) {
  const std::uint64_t number = number_++;
  if (auto posted = post(size, number); !posted) return tl::unexpected(posted.error());
  std::int64_t sent_ns = begin_ns;
  for (unsigned look = 1;; ++look) {
    const auto here = has_arrived(size, number);
    if (!here) return tl::unexpected(here.error());
    if (*here) break;
    if (look % kLooksInARow == 0) end_.look_again();
    if (look % kLooks != 0) continue;
    if (in_flight_ > 0 && settings_.operation != Operation::kRead)
      if (auto taken = take_completion(); !taken) return tl::unexpected(taken.error());
    const std::int64_t now = host_.now_ns();
    if (phase.is_over(now)) return 0;
    if (is_datagram(settings_) && now - sent_ns > kLostAfter_ns && in_flight_ == 0) {
      ++lost_;
      sent_ns = now;
      if (auto posted = post(size, number); !posted) return tl::unexpected(posted.error());
    } else if (now - sent_ns > settings_.timeout_ns) {
      return failure(fmt::format("{} did not answer {} within {}", end_.there(), end_.here(),
                                 to_text(Duration{settings_.timeout_ns})),
                     "is its process stuck?");
    }
  }
  const std::int64_t end_ns = host_.now_ns();
  if (auto gone = wait_for_completion(phase); !gone) return tl::unexpected(gone.error());
  return end_ns;
}

Result<void> PingPong::answer(std::uint64_t size, Phase& phase) {
  if (settings_.operation == Operation::kRead) return {};
  for (unsigned look = 1;; ++look) {
    const auto here = has_arrived(size, number_);
    if (!here) return tl::unexpected(here.error());
    if (*here) {
      if (auto gone = wait_for_completion(phase); !gone) return gone;
      if (in_flight_ > 0) return phase.error();
      if (auto posted = post(size, is_datagram(settings_) ? answer_to_ : number_); !posted) return posted;
      ++number_;
    } else if (look % kLooksInARow == 0) {
      end_.look_again();
      if (look % kLooks != 0) continue;
      if (in_flight_ > 0)
        if (auto taken = take_completion(); !taken) return taken;
      if (phase.is_over(host_.now_ns())) return phase.error();
    }
  }
}

Result<void> PingPong::clear() {
  if (settings_.operation != Operation::kWrite || !settings_.polls) return {};
  const std::vector<std::byte> zeros(end_.layout().stride());
  return end_.region().put(end_.layout().in(0, 0), zeros);
}

}  // namespace millrace::rdma
