// SPDX-License-Identifier: Apache-2.0
#include "modules/rdma/receiver.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace millrace::rdma {
namespace {

constexpr std::uint64_t kRepostBatch = 16;

}  // namespace

// As many as make a doorbell worth it, so that one costs a sixteenth of a message.
Result<void> Receiver::repost(std::uint32_t pair, std::uint64_t at_least) {
  Pair& p = pairs_[pair];
  const std::uint64_t due = p.arrived - p.reposted;
  if (due == 0 || due < at_least) return {};
  auto posted = end_.post_receives(pair, p.reposted + end_.receive_depth(), static_cast<std::uint32_t>(due));
  p.reposted = p.arrived;
  return posted;
}

Result<void> Receiver::repost() {
  for (std::uint32_t pair = 0; pair < pairs_.size(); ++pair)
    if (auto posted = repost(pair, 1); !posted) return posted;
  return {};
}

Result<std::optional<Arrival>> Receiver::next() {
  ibv_wc done{};
  const int count = ibv_poll_cq(end_.receives(), 1, &done);
  if (count < 0) return failure(fmt::format("{}: cannot poll for arrivals", end_.here()));
  if (count == 0) return std::nullopt;
  if (done.status != IBV_WC_SUCCESS) return tl::unexpected(end_.completion_failed(done, "receiving from"));
  const auto pair = static_cast<std::uint32_t>(done.wr_id);
  return Arrival{pair, pairs_[pair].arrived++, done.imm_data};
}

Result<int> Receiver::take(const Work& work, Passage& passage) {
  std::array<ibv_wc, 32> done;
  const int count = ibv_poll_cq(end_.receives(), static_cast<int>(done.size()), done.data());
  now_ns_ = host_.now_ns();
  if (count < 0) return failure(fmt::format("{}: cannot poll for arrivals", end_.here()));
  if (count == 0) {
    end_.look_again_later(now_ns_ - heard_ns_);
    return 0;
  }
  heard_ns_ = now_ns_;
  std::uint64_t bytes = 0;
  for (std::size_t i = 0; i < static_cast<std::size_t>(count); ++i) {
    if (done[i].status != IBV_WC_SUCCESS)
      return tl::unexpected(end_.completion_failed(done[i], "receiving from"));
    bytes += done[i].byte_len - end_.layout().lead();
    ++pairs_[done[i].wr_id].arrived;
  }
  const std::uint64_t batch = std::min<std::uint64_t>(kRepostBatch, std::max(end_.receive_depth() / 4, 1U));
  for (std::uint32_t pair = 0; pair < pairs_.size(); ++pair)
    if (auto posted = repost(pair, batch); !posted) return tl::unexpected(posted.error());
  passage.count(static_cast<std::uint64_t>(count), now_ns_);
  if (work.recorder != nullptr) work.recorder->done(now_ns_, bytes, static_cast<std::uint64_t>(count));
  return count;
}

Result<Passage> Receiver::receive(const Work& work, Phase& phase) {
  heard_ns_ = host_.now_ns();
  Passage passage(heard_ns_);
  do {
    if (auto taken = take(work, passage); !taken) return tl::unexpected(taken.error());
  } while (!phase.is_over(now_ns_));
  if (!phase.error()) return tl::unexpected(phase.error().error());
  if (work.drain) {
    Passage after;  // not part of the rate
    for (Result<int> taken = 1; taken && *taken > 0;)
      if (taken = take({work.size, work.tuning, 0, true, nullptr}, after); !taken)
        return tl::unexpected(taken.error());
    if (auto posted = repost(); !posted) return tl::unexpected(posted.error());
  }
  return passage;
}

}  // namespace millrace::rdma
