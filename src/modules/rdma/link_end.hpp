// SPDX-License-Identifier: Apache-2.0
// One end of a link: a device opened, memory registered, queue pairs made, and joined to the other end.
#pragma once

#include <sched.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "millrace/probe.hpp"
#include "modules/rdma/control_line.hpp"
#include "modules/rdma/layout.hpp"
#include "modules/rdma/link_role.hpp"
#include "modules/rdma/queue_pair.hpp"
#include "modules/rdma/region.hpp"
#include "modules/rdma/route.hpp"
#include "modules/rdma/settings.hpp"
#include "modules/rdma/words.hpp"

namespace millrace::rdma {

class LinkEnd {
 public:
  // Everything that needs no other end.
  static Result<std::unique_ptr<LinkEnd>> open(const sdk::Host& host, const Settings& settings,
                                               const LinkRole& role);

  [[nodiscard]] const Greeting& greeting() const { return mine_; }

  // Learns what the other end said and how both reach each other. Fails where this host may not use the
  // address that the other end has; nothing has been sent to it then.
  Result<void> meet(const sdk::Host& host, const Greeting& theirs);
  // Joins each queue pair to the other end's, without rdma_cm; `first`: the first one to join.
  Result<void> join(std::size_t first = 0);
  // Called when all queue pairs are joined, by whichever way: posts the first receives.
  Result<void> prepare();

  [[nodiscard]] const Settings& settings() const { return settings_; }
  [[nodiscard]] const LinkRole& role() const { return role_; }
  [[nodiscard]] const Port& port() const { return port_; }
  [[nodiscard]] const Layout& layout() const { return layout_; }
  [[nodiscard]] const Region& region() const { return region_; }
  [[nodiscard]] const Route& route() const { return route_; }
  [[nodiscard]] const Greeting& theirs() const { return theirs_; }
  [[nodiscard]] bool by_dmabuf() const { return by_dmabuf_; }
  [[nodiscard]] const std::string& here() const { return here_; }
  [[nodiscard]] const std::string& there() const { return there_; }
  [[nodiscard]] ControlLine& control() { return *control_; }
  [[nodiscard]] std::uint32_t inline_bytes() const { return inline_bytes_; }
  // The device has no queue pair that takes messages of these sizes inside their work requests.
  [[nodiscard]] bool refused_inline() const { return refused_inline_; }

  [[nodiscard]] std::uint32_t queue_pairs() const { return static_cast<std::uint32_t>(pairs_.size()); }
  // The control line's is 0, those of messages follow.
  [[nodiscard]] std::size_t joinable() const { return pairs_.size() + 1; }
  [[nodiscard]] ibv_qp* joinable(std::size_t index) const {
    return index == 0 ? control_->queue_pair() : pairs_[index - 1].get();
  }
  [[nodiscard]] ibv_qp* pair(std::uint32_t index) const { return pairs_[index].get(); }
  [[nodiscard]] ibv_cq* sends() const { return sends_.get(); }
  [[nodiscard]] ibv_cq* receives() const { return receives_.get(); }
  [[nodiscard]] std::uint32_t receive_depth() const { return receive_depth_; }

  [[nodiscard]] std::uint64_t address(std::uint64_t offset) const {
    return reinterpret_cast<std::uint64_t>(region_.data()) + offset;
  }
  [[nodiscard]] ibv_sge piece(std::uint64_t offset, std::uint64_t size) const {
    return {address(offset), static_cast<std::uint32_t>(size), registered_->lkey};
  }
  // Fills in what a request to the other end's memory, or a datagram to it, needs.
  void aim(ibv_send_wr& request, std::uint32_t pair_index, std::uint64_t remote_offset) const;
  // A receive for the nth message of a queue pair.
  Result<void> post_receives(std::uint32_t pair_index, std::uint64_t from, std::uint32_t count);

  // What a completion with an error means on this link.
  [[nodiscard]] Error completion_failed(const ibv_wc& completion, const char* doing) const;

  // Between two looks of which the first found nothing: lets the kernel's half of a software device have the
  // CPU. With hardware behind the queues there is nobody to wait for, and nothing happens. When many messages
  // are in flight it may be for longer, for a share of the time in which nothing came: the queues go on
  // meanwhile, and every waking takes a slow CPU from what is waited for.
  void look_again() const {
    if (port_.software) sched_yield();
  }
  void look_again_later(std::int64_t idle_ns) const {
    constexpr std::int64_t kShortest_ns = 50'000, kLongest_ns = 2'000'000;
    if (port_.software)
      std::this_thread::sleep_for(
          std::chrono::nanoseconds(std::clamp(idle_ns / 2, kShortest_ns, kLongest_ns)));
  }

 private:
  LinkEnd(const Settings& settings, const LinkRole& role) : settings_(settings), role_(role) {}
  Result<void> open_device_and_port();
  Result<void> make_memory(const sdk::Host& host);
  Result<void> make_queues();
  Result<void> greet(const sdk::Host& host);
  // Whether the link is found by IP addresses: see allowed.hpp.
  [[nodiscard]] bool uses_ip() const {
    return !port_.is_infiniband() || settings_.connect == Connect::kRdmaCm;
  }

  Settings settings_;
  LinkRole role_;
  Port port_;
  ibv_device_attr device_{};
  Layout layout_;
  Region region_;
  Context context_;
  ProtectionDomain domain_;
  MemoryRegion registered_;
  CompletionQueue sends_, receives_;
  std::unique_ptr<ControlLine> control_;
  std::vector<QueuePair> pairs_;
  AddressHandle datagrams_to_;
  std::uint32_t inline_bytes_ = 0, receive_depth_ = 0;
  bool by_dmabuf_ = false, refused_inline_ = false;
  Greeting mine_, theirs_;
  Route route_;
  std::string here_, there_;
};

}  // namespace millrace::rdma
