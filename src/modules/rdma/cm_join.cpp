// SPDX-License-Identifier: Apache-2.0
#include "modules/rdma/cm_join.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <net/if.h>
#include <poll.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <system_error>

#include "modules/rdma/allowed.hpp"
#include "units/quantity.hpp"

namespace millrace::rdma {
namespace {

constexpr int kResolveTime_ms = 2000, kLook_ms = 50;

using Event = std::unique_ptr<rdma_cm_event, decltype([](rdma_cm_event* e) { rdma_ack_cm_event(e); })>;

sockaddr_storage socket_address(const Gid& gid, std::uint16_t port, const std::string& interface) {
  sockaddr_storage storage{};
  if (gid.is_ipv4()) {
    auto* v4 = reinterpret_cast<sockaddr_in*>(&storage);
    v4->sin_family = AF_INET;
    v4->sin_port = htons(port);
    std::memcpy(&v4->sin_addr, gid.raw.data() + 12, 4);
    return storage;
  }
  auto* v6 = reinterpret_cast<sockaddr_in6*>(&storage);
  v6->sin6_family = AF_INET6;
  v6->sin6_port = htons(port);
  std::memcpy(&v6->sin6_addr, gid.raw.data(), 16);
  if (gid.is_link_local()) v6->sin6_scope_id = if_nametoindex(interface.c_str());
  return storage;
}

}  // namespace

CmJoin::CmJoin(const sdk::Host& host, LinkEnd& end)
    : host_(host), end_(end), deadline_ns_(host.now_ns() + end.settings().timeout_ns) {}

std::size_t CmJoin::reliable() const {
  return end_.settings().transport == Transport::kReliable ? end_.joinable() : 1;
}

tl::unexpected<Error> CmJoin::failed(const char* doing, int error) const {
  return failure(
      fmt::format("rdma_cm cannot {} between {} and {}: {}", doing, end_.here(), end_.there(),
                  std::system_category().message(error)),
      "the interfaces of both ports need IP addresses that reach each other, and the kernel the module "
      "rdma_ucm; or use --connect exchange");
}

rdma_conn_param CmJoin::parameters(std::size_t index) const {
  rdma_conn_param parameters{};
  parameters.responder_resources = parameters.initiator_depth = static_cast<std::uint8_t>(end_.route().reads);
  parameters.retry_count = kRetries;
  parameters.rnr_retry_count = kNotReadyRetries;
  parameters.qp_num = end_.joinable(index)->qp_num;
  return parameters;
}

Result<std::uint16_t> CmJoin::listen() {
  if (!end_.route().gids) return tl::unexpected(failed("listen", EADDRNOTAVAIL).value());
  channel_.reset(rdma_create_event_channel());
  rdma_cm_id* id = nullptr;
  if (!channel_ || rdma_create_id(channel_.get(), &id, nullptr, RDMA_PS_TCP) != 0)
    return failed("listen", errno);
  listener_.reset(id);
  sockaddr_storage address = socket_address(end_.route().gids->first, 0, end_.port().interface);
  if (rdma_bind_addr(id, reinterpret_cast<sockaddr*>(&address)) != 0 ||
      rdma_listen(id, static_cast<int>(reliable())) != 0)
    return failed("listen", errno);
  return ntohs(rdma_get_src_port(id));
}

// Bounded by the time-out, and ended by the core's stop.
Result<rdma_cm_event*> CmJoin::next_event() {
  fcntl(channel_->fd, F_SETFL, fcntl(channel_->fd, F_GETFL) | O_NONBLOCK);
  for (;;) {
    rdma_cm_event* event = nullptr;
    if (rdma_get_cm_event(channel_.get(), &event) == 0) return event;
    if (errno != EAGAIN && errno != EINTR) return failed("take an event", errno);
    if (host_.cancelled() || host_.now_ns() >= deadline_ns_) return failed("connect in time", ETIMEDOUT);
    pollfd waiting{channel_->fd, POLLIN, 0};
    poll(&waiting, 1, kLook_ms);
  }
}

Result<void> CmJoin::expect(rdma_cm_event_type wanted) {
  const auto next = next_event();
  if (!next) return tl::unexpected(next.error());
  const Event event(*next);
  if (event->event == wanted) return {};
  Error error = failed("connect", event->status < 0 ? -event->status : EPROTO).value();
  error.what += fmt::format(" ({} with status {})", rdma_event_str(event->event), event->status);
  return tl::unexpected(std::move(error));
}

Result<void> CmJoin::set_up(rdma_cm_id* id, std::size_t index) {
  for (const ibv_qp_state state : {IBV_QPS_INIT, IBV_QPS_RTR, IBV_QPS_RTS}) {
    ibv_qp_attr attributes{};
    attributes.qp_state = state;
    int mask = 0;
    if (rdma_init_qp_attr(id, &attributes, &mask) != 0) return failed("set up a queue pair", errno);
    if (state == IBV_QPS_INIT) attributes.qp_access_flags = static_cast<unsigned>(kQueuePairAccess);
    if (state == IBV_QPS_RTS) attributes.timeout = end_.settings().ack_timeout;
    if (state == IBV_QPS_RTR) attributes.path_mtu = mtu_code(end_.route().mtu);
    // Who asks for a connection says where it comes from: only there were we told that we may send.
    if (state == IBV_QPS_RTR && !end_.port().is_infiniband() &&
        !leads_to(attributes.ah_attr, end_.route().gids->second))
      return failed("set up a queue pair", EADDRNOTAVAIL);
    if (const int error = ibv_modify_qp(end_.joinable(index), &attributes, mask); error != 0)
      return failed("set up a queue pair", error);
  }
  return {};
}

Result<void> CmJoin::connect(std::size_t index, std::uint16_t port) {
  rdma_cm_id* id = nullptr;
  if (rdma_create_id(channel_.get(), &id, nullptr, RDMA_PS_TCP) != 0) return failed("connect", errno);
  ids_.emplace_back(id);
  const auto& [mine, theirs] = *end_.route().gids;
  sockaddr_storage from = socket_address(mine, 0, end_.port().interface);
  sockaddr_storage to = socket_address(theirs, port, end_.port().interface);
  if (rdma_resolve_addr(id, reinterpret_cast<sockaddr*>(&from), reinterpret_cast<sockaddr*>(&to),
                        kResolveTime_ms) != 0)
    return failed("resolve the address", errno);
  if (auto resolved = expect(RDMA_CM_EVENT_ADDR_RESOLVED); !resolved) return resolved;
  if (rdma_resolve_route(id, kResolveTime_ms) != 0) return failed("resolve the route", errno);
  if (auto resolved = expect(RDMA_CM_EVENT_ROUTE_RESOLVED); !resolved) return resolved;
  rdma_conn_param wanted = parameters(index);
  const auto number = static_cast<std::uint32_t>(index);
  wanted.private_data = &number;
  wanted.private_data_len = sizeof number;
  if (rdma_connect(id, &wanted) != 0) return failed("connect", errno);
  if (auto answered = expect(RDMA_CM_EVENT_CONNECT_RESPONSE); !answered) return answered;
  if (auto ready = set_up(id, index); !ready) return ready;
  if (rdma_establish(id) != 0) return failed("establish the connection", errno);
  return {};
}

Result<void> CmJoin::connect_all(std::uint16_t port) {
  if (!end_.route().gids) return failed("connect", EADDRNOTAVAIL);
  channel_.reset(rdma_create_event_channel());
  if (!channel_) return failed("connect", errno);
  for (std::size_t index = 0; index < reliable(); ++index)
    if (auto joined = connect(index, port); !joined) return joined;
  return {};
}

Result<void> CmJoin::accept(rdma_cm_event& request) {
  CmId id(request.id);
  std::uint32_t index = 0;
  if (request.param.conn.private_data_len < sizeof index) return failed("accept a connection", EPROTO);
  std::memcpy(&index, request.param.conn.private_data, sizeof index);
  // Whoever else connects here knows no queue pair of ours.
  const bool ours =
      index < reliable() && request.param.conn.qp_num == end_.theirs().queue_pairs[index].number;
  if (!ours) {
    rdma_reject(id.get(), nullptr, 0);
    return {};
  }
  if (auto ready = set_up(id.get(), index); !ready) return ready;
  rdma_conn_param accepted = parameters(index);
  if (rdma_accept(id.get(), &accepted) != 0) return failed("accept a connection", errno);
  ids_.push_back(std::move(id));
  return {};
}

Result<void> CmJoin::accept_all() {
  for (std::size_t established = 0; established < reliable();) {
    const auto next = next_event();
    if (!next) return tl::unexpected(next.error());
    const Event event(*next);
    if (event->event == RDMA_CM_EVENT_CONNECT_REQUEST) {
      if (auto accepted = accept(*event); !accepted) return accepted;
    } else if (event->event == RDMA_CM_EVENT_ESTABLISHED) {
      ++established;
    } else {
      return failed("accept a connection", event->status < 0 ? -event->status : EPROTO);
    }
  }
  return {};
}

}  // namespace millrace::rdma
