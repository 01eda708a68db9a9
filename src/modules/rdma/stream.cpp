// SPDX-License-Identifier: Apache-2.0
#include "modules/rdma/stream.hpp"

#include <fmt/format.h>

#include <array>
#include <optional>
#include <system_error>
#include <vector>

#include "units/quantity.hpp"

namespace millrace::rdma {
namespace {

ibv_wr_opcode opcode_of(Operation operation) {
  switch (operation) {
    case Operation::kWrite:
      return IBV_WR_RDMA_WRITE;
    case Operation::kRead:
      return IBV_WR_RDMA_READ;
    default:
      return IBV_WR_SEND;
  }
}

const char* doing(Operation operation) {
  switch (operation) {
    case Operation::kWrite:
      return "writing to";
    case Operation::kRead:
      return "reading from";
    default:
      return "sending to";
  }
}

// Posts the messages of one queue pair, list by list. Only the last message of every signal_every is
// signalled: its completion stands for all of them.
class Lane {
 public:
  Lane(const LinkEnd& end, const Work& work, std::uint32_t index)
      : end_(end), work_(work), index_(index), requests_(work.tuning.list), pieces_(work.tuning.list) {
    const Tuning& tuning = work.tuning;
    for (std::size_t i = 0; i < requests_.size(); ++i) {
      ibv_send_wr& request = requests_[i];
      pieces_[i] = end.piece(0, work.size);
      request.wr_id = index;
      request.next = i + 1 < requests_.size() ? &requests_[i + 1] : nullptr;
      request.sg_list = &pieces_[i];
      request.num_sge = 1;
      // Datagrams carry their number, since some may be lost.
      const bool datagram = end.settings().transport == Transport::kDatagram;
      request.opcode = datagram ? IBV_WR_SEND_WITH_IMM : opcode_of(end.settings().operation);
      if (work.size <= tuning.inline_bytes && work.size <= end.inline_bytes())
        request.send_flags = IBV_SEND_INLINE;
      end.aim(request, index, 0);
    }
  }

  [[nodiscard]] bool has_room() const {
    return posted_ - completed_ + work_.tuning.list <= work_.tuning.depth &&
           (work_.limit == 0 || posted_ + work_.tuning.list <= work_.limit);
  }
  [[nodiscard]] bool is_idle() const { return posted_ == completed_; }
  // Nothing is in flight that no completion will stand for.
  [[nodiscard]] bool is_signalled() const { return posted_ % work_.tuning.signal_every == 0; }
  [[nodiscard]] bool is_at_limit() const { return work_.limit != 0 && posted_ >= work_.limit; }
  void complete() { completed_ += work_.tuning.signal_every; }

  int post() {
    const Layout& layout = end_.layout();
    const bool reads = end_.settings().operation == Operation::kRead;
    const bool datagram = end_.settings().transport == Transport::kDatagram;
    for (std::size_t i = 0; i < requests_.size(); ++i) {
      const std::uint64_t n = posted_ + i;
      pieces_[i].addr = end_.address(reads ? layout.in(index_, n) : layout.out(index_, n));
      if (datagram)
        requests_[i].imm_data = static_cast<std::uint32_t>(n);
      else
        requests_[i].wr.rdma.remote_addr =
            end_.theirs().messages.address + (reads ? layout.out(index_, n) : layout.in(index_, n));
    }
    posted_ += requests_.size();
    const auto signalled = static_cast<unsigned>(IBV_SEND_SIGNALED);
    unsigned& flags = requests_.back().send_flags;
    flags = is_signalled() ? flags | signalled : flags & ~signalled;
    ibv_send_wr* bad = nullptr;
    return ibv_post_send(end_.pair(index_), requests_.data(), &bad);
  }

 private:
  const LinkEnd& end_;
  const Work& work_;
  std::uint32_t index_;
  std::vector<ibv_send_wr> requests_;
  std::vector<ibv_sge> pieces_;
  std::uint64_t posted_ = 0, completed_ = 0;
};

class Streaming {
 public:
  Streaming(const sdk::Host& host, LinkEnd& end, const Work& work) : host_(host), end_(end), work_(work) {
    for (std::uint32_t i = 0; i < end.queue_pairs(); ++i) lanes_.emplace_back(end, work, i);
    heard_ns_ = host.now_ns();
    passage_ = Passage(heard_ns_);
  }

  Result<void> post_all() {
    for (Lane& lane : lanes_)
      while (lane.has_room())
        if (const int error = lane.post(); error != 0) return refused(error);
    return {};
  }

  Result<void> reap() {
    std::array<ibv_wc, 32> done;
    const int count = ibv_poll_cq(end_.sends(), static_cast<int>(done.size()), done.data());
    now_ns_ = host_.now_ns();
    if (count < 0) return failure(fmt::format("{}: cannot poll for completions", end_.here()));
    if (count == 0) {
      end_.look_again_later(now_ns_ - heard_ns_);
      return check_silence();
    }
    heard_ns_ = now_ns_;
    for (std::size_t i = 0; i < static_cast<std::size_t>(count); ++i) {
      if (done[i].status != IBV_WC_SUCCESS)
        return tl::unexpected(end_.completion_failed(done[i], doing(end_.settings().operation)));
      lanes_[done[i].wr_id].complete();
    }
    const std::uint64_t messages = static_cast<std::uint64_t>(count) * work_.tuning.signal_every;
    passage_.count(messages, now_ns_);
    if (work_.recorder != nullptr) work_.recorder->done(now_ns_, messages * work_.size, messages);
    return {};
  }

  // Everything that is in flight, and as much more as it takes for the last to be signalled.
  Result<void> drain() {
    for (Lane& lane : lanes_)
      while (!lane.is_idle()) {
        if (!lane.is_signalled() && lane.has_room())
          if (const int error = lane.post(); error != 0) return refused(error);
        if (auto reaped = reap(); !reaped) return reaped;
        if (host_.cancelled()) return {};
      }
    return {};
  }

  [[nodiscard]] bool is_complete() const {
    for (const Lane& lane : lanes_)
      if (!lane.is_at_limit() || !lane.is_idle()) return false;
    return true;
  }
  [[nodiscard]] std::int64_t now_ns() const { return now_ns_; }
  [[nodiscard]] const Passage& passage() const { return passage_; }

 private:
  tl::unexpected<Error> refused(int error) const {
    return failure(
        fmt::format("{}: cannot post a message: {}", end_.here(), std::system_category().message(error)),
        "give a lower --queue-depth, or --inline 0");
  }
  Result<void> check_silence() const {
    const std::int64_t timeout = end_.settings().timeout_ns;
    if (now_ns_ - heard_ns_ < timeout) return {};
    return failure(
        fmt::format("no message from {} to {} was completed for {}", end_.here(), end_.there(),
                    to_text(Duration{timeout})),
        "is the peer's process stuck? A slow path needs a longer --timeout or a lower --queue-depth");
  }

  const sdk::Host& host_;
  LinkEnd& end_;
  const Work& work_;
  std::vector<Lane> lanes_;
  Passage passage_;
  std::int64_t now_ns_ = 0, heard_ns_ = 0;
};

}  // namespace

Result<Passage> stream(const sdk::Host& host, LinkEnd& end, const Work& work, Phase& phase) {
  Streaming streaming(host, end, work);
  do {
    if (auto posted = streaming.post_all(); !posted) return tl::unexpected(posted.error());
    if (auto reaped = streaming.reap(); !reaped) return tl::unexpected(reaped.error());
  } while (!phase.is_over(streaming.now_ns()) && !streaming.is_complete());
  if (!phase.error()) return tl::unexpected(phase.error().error());
  if (work.drain)
    if (auto drained = streaming.drain(); !drained) return tl::unexpected(drained.error());
  return streaming.passage();
}

}  // namespace millrace::rdma
