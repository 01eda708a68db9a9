// SPDX-License-Identifier: Apache-2.0
#include "modules/rdma/queue_pair.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <system_error>

namespace millrace::rdma {
namespace {

constexpr std::uint8_t kHopLimit = 64;
constexpr std::uint8_t kRnrTimer = 12;  // 0.64 ms until a sender tries again

ibv_ah_attr address_attributes(const Port& port, const Settings& settings, const Route& route) {
  ibv_ah_attr address{};
  address.port_num = port.number;
  address.sl = settings.service_level;
  address.dlid = static_cast<std::uint16_t>(route.their_lid);
  if (!route.gids) return address;
  address.is_global = 1;
  address.grh.hop_limit = kHopLimit;
  address.grh.traffic_class = settings.traffic_class;
  address.grh.sgid_index = static_cast<std::uint8_t>(route.gids->first.index);
  std::copy(route.gids->second.raw.begin(), route.gids->second.raw.end(), std::begin(address.grh.dgid.raw));
  return address;
}

Result<void> changed(int error, const char* to, const Port& port, const Route* route) {
  if (error == 0) return {};
  std::string what = fmt::format("a queue pair of {} cannot become {}: {}", port.text(), to,
                                 std::system_category().message(error));
  std::string hint = "see the kernel log (dmesg)";
  if (route != nullptr && route->gids) {
    what += fmt::format(" (from GID {} {} to {})", route->gids->first.index, route->gids->first.text(),
                        route->gids->second.text());
    if (error == ETIMEDOUT || error == EHOSTUNREACH || error == ENETUNREACH)
      hint = fmt::format("the peer's address is not reachable from there: does `ping -I {} {}` answer?",
                         port.interface.empty() ? "INTERFACE" : port.interface, route->gids->second.text());
    else
      hint = "choose other GIDs by --gid-index and --peer-gid-index";
  }
  return failure(std::move(what), std::move(hint));
}

}  // namespace

ibv_mtu mtu_code(std::uint32_t bytes) {
  return static_cast<ibv_mtu>(std::clamp(static_cast<int>(std::bit_width(bytes >> 8)), 1, 5));
}

Result<QueuePair> make_queue_pair(ibv_pd* domain, ibv_cq* sends, ibv_cq* receives, QueuePairShape& shape) {
  ibv_qp_init_attr wanted{};
  wanted.send_cq = sends;
  wanted.recv_cq = receives;
  wanted.qp_type = shape.transport == Transport::kReliable ? IBV_QPT_RC : IBV_QPT_UD;
  wanted.cap = {shape.sends, shape.receives, 1, 1, shape.inline_bytes};
  ibv_qp_init_attr attributes = wanted;
  QueuePair pair(ibv_create_qp(domain, &attributes));
  if (!pair && shape.inline_bytes > 0) {
    attributes = wanted;
    attributes.cap.max_inline_data = shape.inline_bytes = 0;
    pair.reset(ibv_create_qp(domain, &attributes));
  }
  if (pair) return pair;
  return failure(fmt::format("{} cannot make a queue pair for {} sends and {} receives: {}",
                             ibv_get_device_name(domain->context->device), shape.sends, shape.receives,
                             std::system_category().message(errno)),
                 errno == ENOMEM ? "ulimit -l unlimited; or give a lower --queue-depth or fewer --queue-pairs"
                                 : "give a lower --queue-depth or fewer --queue-pairs");
}

Result<void> initialise(ibv_qp* pair, const Port& port) {
  ibv_qp_attr attributes{};
  attributes.qp_state = IBV_QPS_INIT;
  attributes.port_num = port.number;
  attributes.qkey = kDatagramKey;
  attributes.qp_access_flags = static_cast<unsigned>(kQueuePairAccess);
  const bool reliable = pair->qp_type == IBV_QPT_RC;
  const int mask =
      IBV_QP_STATE | IBV_QP_PKEY_INDEX | IBV_QP_PORT | (reliable ? IBV_QP_ACCESS_FLAGS : IBV_QP_QKEY);
  return changed(ibv_modify_qp(pair, &attributes, mask), "initialised", port, nullptr);
}

Result<void> make_ready(ibv_qp* pair, const Port& port, const Settings& settings, const Route& route,
                        const QueuePairName& mine, const QueuePairName& theirs, std::uint8_t ack_timeout) {
  const bool reliable = pair->qp_type == IBV_QPT_RC;
  ibv_qp_attr attributes{};
  attributes.qp_state = IBV_QPS_RTR;
  attributes.path_mtu = mtu_code(route.mtu);
  attributes.dest_qp_num = theirs.number;
  attributes.rq_psn = theirs.first_psn;
  attributes.max_dest_rd_atomic = static_cast<std::uint8_t>(route.reads);
  attributes.min_rnr_timer = kRnrTimer;
  attributes.ah_attr = address_attributes(port, settings, route);
  int mask = IBV_QP_STATE;
  if (reliable)
    mask |= IBV_QP_AV | IBV_QP_PATH_MTU | IBV_QP_DEST_QPN | IBV_QP_RQ_PSN | IBV_QP_MAX_DEST_RD_ATOMIC |
            IBV_QP_MIN_RNR_TIMER;
  if (auto ready = changed(ibv_modify_qp(pair, &attributes, mask), "ready to receive", port, &route); !ready)
    return ready;
  attributes = {};
  attributes.qp_state = IBV_QPS_RTS;
  attributes.sq_psn = mine.first_psn;
  attributes.timeout = ack_timeout;
  attributes.retry_cnt = kRetries;
  attributes.rnr_retry = kNotReadyRetries;
  attributes.max_rd_atomic = static_cast<std::uint8_t>(route.reads);
  mask = IBV_QP_STATE | IBV_QP_SQ_PSN;
  if (reliable) mask |= IBV_QP_TIMEOUT | IBV_QP_RETRY_CNT | IBV_QP_RNR_RETRY | IBV_QP_MAX_QP_RD_ATOMIC;
  return changed(ibv_modify_qp(pair, &attributes, mask), "ready to send", port, &route);
}

Result<AddressHandle> address_of_peer(ibv_pd* domain, const Port& port, const Settings& settings,
                                      const Route& route) {
  ibv_ah_attr attributes = address_attributes(port, settings, route);
  AddressHandle handle(ibv_create_ah(domain, &attributes));
  if (handle) return handle;
  return tl::unexpected(changed(errno == 0 ? EINVAL : errno, "addressed to the peer", port, &route).error());
}

}  // namespace millrace::rdma
