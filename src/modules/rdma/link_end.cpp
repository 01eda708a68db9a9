// SPDX-License-Identifier: Apache-2.0
#include "modules/rdma/link_end.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <random>
#include <system_error>

#include "modules/rdma/allowed.hpp"
#include "modules/rdma/reach.hpp"

namespace millrace::rdma {
namespace {

constexpr std::uint32_t kRoutingHeader = 40;  // before every datagram that arrives
constexpr std::uint8_t kControlTimeout = 16;  // 2 s in all: congestion is no death

const EndSettings& own(const Settings& settings, const LinkRole& role) {
  return role.near() ? settings.near : settings.far;
}

// Whether arrivals consume receives.
bool receives_messages(const Settings& settings) {
  if (settings.operation == Operation::kSend) return true;
  return settings.operation == Operation::kWrite && settings.mode == Mode::kLatency && !settings.polls;
}

Allowance allowance_of(const sdk::Host& host) {
  return {[&host](const std::string& address) { return host.may_use_address(address); },
          host.host_index() == 0};
}

}  // namespace

Result<std::unique_ptr<LinkEnd>> LinkEnd::open(const sdk::Host& host, const Settings& settings,
                                               const LinkRole& role) {
  std::unique_ptr<LinkEnd> end(new LinkEnd(settings, role));
  if (auto opened = end->open_device_and_port(); !opened) return tl::unexpected(opened.error());
  if (auto made = end->make_memory(host); !made) return tl::unexpected(made.error());
  if (auto made = end->make_queues(); !made) return tl::unexpected(made.error());
  if (auto greeted = end->greet(host); !greeted) return tl::unexpected(greeted.error());
  return end;
}

Result<void> LinkEnd::open_device_and_port() {
  const auto ports = find_ports(own(settings_, role_).ports);
  if (!ports) return tl::unexpected(ports.error());
  port_ = (*ports)[static_cast<std::size_t>(role_.lane) % ports->size()];
  here_ = port_.text();
  auto context = open_device(port_.device);
  if (!context) return tl::unexpected(context.error());
  context_ = std::move(*context);
  if (const int error = ibv_query_device(context_.get(), &device_); error != 0)
    return failure(fmt::format("cannot query {}: {}", port_.device, std::system_category().message(error)));
  domain_.reset(ibv_alloc_pd(context_.get()));
  if (!domain_)
    return failure(fmt::format("{} has no protection domain left: {}", port_.device,
                               std::system_category().message(errno)),
                   "end other users of the device (rdma resource)");
  return {};
}

Result<void> LinkEnd::make_memory(const sdk::Host& host) {
  const std::uint32_t lead = settings_.transport == Transport::kDatagram ? kRoutingHeader : 0;
  layout_ = Layout(settings_.queue_pairs, settings_.largest_size(), settings_.buffer, lead);
  const std::string& memory = own(settings_, role_).memory;
  auto region = memory == "host" ? Region::in_host(layout_.bytes(), settings_.huge_pages)
                                 : Region::in_device(host, memory, layout_.bytes());
  if (!region) return tl::unexpected(region.error());
  region_ = std::move(*region);
  const bool relaxed = settings_.tuning(settings_.size, region_.on_device()).relaxed_ordering;
  auto registered =
      region_.registered(domain_.get(), IBV_ACCESS_REMOTE_WRITE | IBV_ACCESS_REMOTE_READ, relaxed);
  if (!registered) return tl::unexpected(registered.error());
  registered_ = std::move(registered->region);
  by_dmabuf_ = registered->by_dmabuf;
  return {};
}

Result<void> LinkEnd::make_queues() {
  const Tuning tuning = settings_.tuning(settings_.size, region_.on_device());
  QueuePairShape shape;
  shape.transport = settings_.transport;
  shape.sends = tuning.depth;
  shape.receives = receive_depth_ = receives_messages(settings_) ? settings_.receive_depth : 1;
  for (const std::uint64_t size : {settings_.size, settings_.largest_size()})
    if (const Tuning t = settings_.tuning(size, region_.on_device()); size <= t.inline_bytes)
      shape.inline_bytes = std::max(shape.inline_bytes, static_cast<std::uint32_t>(size));
  for (const std::uint64_t size : settings_.sweep)
    if (const Tuning t = settings_.tuning(size, region_.on_device()); size <= t.inline_bytes)
      shape.inline_bytes = std::max(shape.inline_bytes, static_cast<std::uint32_t>(size));
  const std::uint32_t wanted_inline = shape.inline_bytes;
  const auto entries = [&](std::uint32_t depth) {
    return static_cast<int>(std::min<std::uint64_t>(std::uint64_t{depth} * settings_.queue_pairs + 16,
                                                    static_cast<std::uint64_t>(device_.max_cqe)));
  };
  sends_.reset(ibv_create_cq(context_.get(), entries(shape.sends), nullptr, nullptr, 0));
  if (sends_) receives_.reset(ibv_create_cq(context_.get(), entries(shape.receives), nullptr, nullptr, 0));
  if (!sends_ || !receives_)
    return failure(
        fmt::format("{} cannot make a completion queue of {} entries: {}", port_.device,
                    entries(std::max(shape.sends, shape.receives)), std::system_category().message(errno)),
        "ulimit -l unlimited; or give a lower --queue-depth or fewer --queue-pairs");
  auto control = ControlLine::make(domain_.get());
  if (!control) return tl::unexpected(control.error());
  control_ = std::make_unique<ControlLine>(std::move(*control));
  for (std::uint32_t i = 0; i < settings_.queue_pairs; ++i) {
    auto pair = make_queue_pair(domain_.get(), sends_.get(), receives_.get(), shape);
    if (!pair) return tl::unexpected(pair.error());
    pairs_.push_back(std::move(*pair));
  }
  inline_bytes_ = shape.inline_bytes;
  refused_inline_ = inline_bytes_ < wanted_inline;
  return {};
}

Result<void> LinkEnd::greet(const sdk::Host& host) {
  auto gids = gids_of(context_.get(), port_);
  if (!gids) return tl::unexpected(gids.error());
  if (const auto wanted = own(settings_, role_).gid_index) {
    std::erase_if(*gids, [&](const Gid& gid) { return gid.index != *wanted; });
    if (gids->empty())
      return failure(
          fmt::format("{} has no GID of index {}", port_.text(), *wanted),
          fmt::format("they stand in /sys/class/infiniband/{}/ports/{}/gids; leave --gid-index out to "
                      "have one chosen",
                      port_.device, port_.number));
  } else if (!port_.is_infiniband()) {
    std::erase_if(*gids, [](const Gid& gid) { return gid.type != GidType::kRoceV2; });
    if (gids->empty()) return tl::unexpected(no_roce_v2_gid(port_.device, port_.number, port_.interface));
  }
  if (uses_ip())
    if (auto allowed = keep_allowed(*gids, port_.text(), allowance_of(host)); !allowed) return allowed;
  if (gids->size() > 64) gids->resize(64);
  mine_.role = role_.text();
  mine_.device = port_.device;
  mine_.host = static_cast<std::uint32_t>(host.host_index());
  mine_.port = port_.number;
  mine_.mtu = port_.mtu_bytes();
  mine_.lid = port_.attributes.lid;
  mine_.infiniband = port_.is_infiniband();
  mine_.reads_as_initiator = static_cast<std::uint32_t>(std::max(device_.max_qp_init_rd_atom, 1));
  mine_.reads_as_responder = static_cast<std::uint32_t>(std::max(device_.max_qp_rd_atom, 1));
  mine_.messages = {address(0), registered_->rkey, 0};
  mine_.control = control_->memory();
  mine_.gids = std::move(*gids);
  std::random_device random;
  for (std::size_t i = 0; i < joinable(); ++i)
    mine_.queue_pairs.push_back({joinable(i)->qp_num, random() & 0xffffff});
  return {};
}

Result<void> LinkEnd::meet(const sdk::Host& host, const Greeting& theirs) {
  const bool one_host = theirs.host == mine_.host;
  const std::string my_address = one_host ? "" : host.address(host.host_index());
  const std::string their_address = one_host ? "" : host.address(static_cast<int>(theirs.host));
  auto route = agree(settings_, mine_, theirs, my_address, their_address);
  if (!route) return tl::unexpected(route.error());
  theirs_ = theirs;
  route_ = std::move(*route);
  here_ = end_text(mine_, my_address);
  there_ = end_text(theirs_, their_address);
  if (!route_.gids) return {};
  const auto& [from, to] = *route_.gids;
  if (uses_ip())
    if (auto allowed = check_allowed(to, there_, allowance_of(host)); !allowed) return allowed;
  // On one host, the way to the other port is loopback's, whatever their networks.
  if (one_host) return {};
  return check_reach(from, to, interface_of(port_.device, port_.number, from), here_, there_);
}

Result<void> LinkEnd::join(std::size_t first) {
  for (std::size_t i = first; i < joinable(); ++i) {
    if (auto done = initialise(joinable(i), port_); !done) return done;
    if (auto done =
            make_ready(joinable(i), port_, settings_, route_, mine_.queue_pairs[i], theirs_.queue_pairs[i],
                       i == 0 ? std::max(kControlTimeout, settings_.ack_timeout) : settings_.ack_timeout);
        !done)
      return done;
  }
  return {};
}

Result<void> LinkEnd::prepare() {
  if (settings_.transport == Transport::kDatagram) {
    auto address = address_of_peer(domain_.get(), port_, settings_, route_);
    if (!address) return tl::unexpected(address.error());
    datagrams_to_ = std::move(*address);
  }
  if (auto posted = control_->post_receives(); !posted) return posted;
  control_->connected(theirs_.control, port_.number, here_, there_);
  if (receives_messages(settings_))
    for (std::uint32_t i = 0; i < queue_pairs(); ++i)
      if (auto posted = post_receives(i, 0, receive_depth_); !posted) return posted;
  return {};
}

void LinkEnd::aim(ibv_send_wr& request, std::uint32_t pair_index, std::uint64_t remote_offset) const {
  if (settings_.transport == Transport::kDatagram) {
    request.wr.ud = {datagrams_to_.get(), theirs_.queue_pairs[pair_index + 1].number, kDatagramKey};
    return;
  }
  request.wr.rdma = {theirs_.messages.address + remote_offset, theirs_.messages.key};
}

Result<void> LinkEnd::post_receives(std::uint32_t pair_index, std::uint64_t from, std::uint32_t count) {
  constexpr std::uint32_t kBatch = 32;
  ibv_sge pieces[kBatch];
  ibv_recv_wr requests[kBatch];
  for (std::uint32_t done = 0; done < count;) {
    const std::uint32_t batch = std::min(count - done, kBatch);
    for (std::uint32_t i = 0; i < batch; ++i) {
      pieces[i] = piece(layout_.in(pair_index, from + done + i), layout_.stride());
      requests[i] = {pair_index, i + 1 < batch ? &requests[i + 1] : nullptr, &pieces[i], 1};
    }
    ibv_recv_wr* bad = nullptr;
    if (const int error = ibv_post_recv(pairs_[pair_index].get(), requests, &bad); error != 0)
      return failure(
          fmt::format("{}: cannot post a receive: {}", here_, std::system_category().message(error)),
          "give a lower --receive-depth");
    done += batch;
  }
  return {};
}

Error LinkEnd::completion_failed(const ibv_wc& completion, const char* doing) const {
  return completion_error({completion.status, completion.vendor_err, doing, here_, there_,
                           port_state(context_.get(), port_.number)});
}

}  // namespace millrace::rdma
