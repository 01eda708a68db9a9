// SPDX-License-Identifier: Apache-2.0
#include "modules/rdma/control_line.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <system_error>
#include <thread>

#include "modules/rdma/ports.hpp"
#include "modules/rdma/words.hpp"

namespace millrace::rdma {
namespace {

constexpr std::int64_t kFeelEvery_ns = 500'000'000;
// Queue pairs live through a link that flaps, by sending again. One whose port is down for longer is over,
// also where no completion says so: a driver whose port went down may keep what was posted.
constexpr std::int64_t kMayBeDown_ns = 3'000'000'000;
constexpr std::uint64_t kSendMark = 1000, kFeelMark = 2000;  // work request ids; receives have their slot
constexpr int kLastLooks = 300;                              // a millisecond apart

}  // namespace

ControlLine::ControlLine(CompletionQueue completions, Region region, MemoryRegion registered, QueuePair pair)
    : region_(std::move(region)),
      registered_(std::move(registered)),
      completions_(std::move(completions)),
      pair_(std::move(pair)) {}

Result<ControlLine> ControlLine::make(ibv_pd* domain) {
  auto region = Region::in_host((kReceives + kSends) * sizeof(Message), false);
  if (!region) return tl::unexpected(region.error());
  auto registered = region->registered(domain, IBV_ACCESS_REMOTE_WRITE, false);
  if (!registered) return tl::unexpected(registered.error());
  CompletionQueue completions(ibv_create_cq(domain->context, kReceives + 2 * kSends, nullptr, nullptr, 0));
  if (!completions)
    return failure(
        fmt::format("{} cannot make a completion queue: {}", ibv_get_device_name(domain->context->device),
                    std::system_category().message(errno)),
        "ulimit -l unlimited");
  QueuePairShape shape{Transport::kReliable, 2 * kSends, kReceives, 0};
  auto pair = make_queue_pair(domain, completions.get(), completions.get(), shape);
  if (!pair) return tl::unexpected(pair.error());
  return ControlLine(std::move(completions), std::move(*region), std::move(registered->region),
                     std::move(*pair));
}

RemoteMemory ControlLine::memory() const {
  return {reinterpret_cast<std::uint64_t>(region_.data()), registered_->rkey, 0};
}

Result<void> ControlLine::post_receives() {
  for (std::uint32_t slot = 0; slot < kReceives; ++slot)
    if (auto posted = post_receive(slot); !posted) return posted;
  return {};
}

Result<void> ControlLine::post_receive(std::uint32_t slot) {
  ibv_sge piece{reinterpret_cast<std::uint64_t>(message(slot)), sizeof(Message), registered_->lkey};
  ibv_recv_wr request{slot, nullptr, &piece, 1};
  ibv_recv_wr* bad = nullptr;
  if (const int error = ibv_post_recv(pair_.get(), &request, &bad); error != 0)
    return failure(
        fmt::format("{}: cannot post a receive: {}", here_, std::system_category().message(error)));
  return {};
}

void ControlLine::connected(const RemoteMemory& theirs, std::uint8_t port, std::string here,
                            std::string there) {
  theirs_ = theirs;
  port_ = port;
  here_ = std::move(here);
  there_ = std::move(there);
  connected_ = true;
}

Result<void> ControlLine::send(Kind kind, const std::string& text) {
  // Slots are used in turn; an end says far fewer things than there are slots before the other hears.
  const std::uint32_t slot = kReceives + sent_++ % kSends;
  Message* out = message(slot);
  *out = {kind, phase_, {}};
  std::memcpy(out->text, text.data(), std::min(text.size(), sizeof(out->text) - 1));
  ibv_sge piece{reinterpret_cast<std::uint64_t>(out), sizeof(Message), registered_->lkey};
  ibv_send_wr request{};
  request.wr_id = kSendMark;
  request.sg_list = &piece;
  request.num_sge = 1;
  request.opcode = IBV_WR_SEND;
  request.send_flags = IBV_SEND_SIGNALED;
  ibv_send_wr* bad = nullptr;
  if (const int error = ibv_post_send(pair_.get(), &request, &bad); error != 0)
    return failure(
        fmt::format("{}: cannot reach {}: {}", here_, there_, std::system_category().message(error)),
        "the connection between the two ends is gone");
  ++unheard_;
  return {};
}

// A write of nothing: acknowledged by the other device as long as the queue pair there lives.
void ControlLine::feel() {
  ibv_send_wr request{};
  request.wr_id = kFeelMark;
  request.opcode = IBV_WR_RDMA_WRITE;
  request.send_flags = IBV_SEND_SIGNALED;
  request.wr.rdma = {theirs_.address, theirs_.key};
  ibv_send_wr* bad = nullptr;
  feeling_ = ibv_post_send(pair_.get(), &request, &bad) == 0;
}

void ControlLine::take(const Message& message) {
  if (message.kind == kDone) other_phases_ = std::max(other_phases_, message.phase + 1);
  if (message.kind == kFailed)
    other_failed_ = std::string(message.text, strnlen(message.text, sizeof(message.text)));
}

Result<void> ControlLine::tend(std::int64_t now_ns) {
  ibv_wc done[8];
  const int count = ibv_poll_cq(completions_.get(), 8, done);
  std::optional<Error> broken;
  for (int i = 0; i < count; ++i) {
    if (done[i].status != IBV_WC_SUCCESS) {
      if (!broken && !is_flushed(done[i].status))
        broken = completion_error({done[i].status, done[i].vendor_err, "reaching", here_, there_,
                                   port_state(pair_->context, port_)});
      continue;
    }
    if (done[i].wr_id == kFeelMark) feeling_ = false;
    if (done[i].wr_id == kSendMark) --unheard_;
    if (done[i].wr_id >= kReceives) continue;
    const auto slot = static_cast<std::uint32_t>(done[i].wr_id);
    take(*message(slot));
    if (auto posted = post_receive(slot); !posted) return posted;
  }
  if (other_failed_)
    return failure(fmt::format("{} failed: {}", there_, *other_failed_), "what it says itself says more");
  if (broken) return tl::unexpected(*broken);
  if (now_ns < feel_next_ns_) return {};
  feel_next_ns_ = now_ns + kFeelEvery_ns;
  if (!feeling_) feel();
  return watch_port(now_ns);
}

Result<void> ControlLine::watch_port(std::int64_t now_ns) {
  const auto state = port_state(pair_->context, port_);
  if (!state || *state == IBV_PORT_ACTIVE) {
    down_since_ns_ = 0;
    return {};
  }
  if (down_since_ns_ == 0) down_since_ns_ = now_ns;
  if (now_ns - down_since_ns_ < kMayBeDown_ns) return {};
  return tl::unexpected(port_went_down(here_, *state));
}

Result<void> ControlLine::say_done() {
  auto sent = send(kDone, "");
  ++phase_;
  return sent;
}

void ControlLine::say_failed(const std::string& reason) {
  if (!connected_ || !send(kFailed, reason)) return;
  for (int look = 0; look < kLastLooks && !is_heard(); ++look) {
    ibv_wc done{};
    const int count = ibv_poll_cq(completions_.get(), 1, &done);
    if (count < 0 || (count > 0 && done.status != IBV_WC_SUCCESS)) return;
    if (count > 0 && done.wr_id == kSendMark) --unheard_;
    if (count == 0) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}

}  // namespace millrace::rdma
