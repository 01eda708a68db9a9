// SPDX-License-Identifier: Apache-2.0
// Queue pairs: made, and brought from reset to ready to send.
#pragma once

#include <cstdint>

#include "modules/rdma/greeting.hpp"
#include "modules/rdma/ports.hpp"
#include "modules/rdma/route.hpp"
#include "modules/rdma/verbs.hpp"
#include "units/result.hpp"

namespace millrace::rdma {

struct QueuePairShape {
  Transport transport = Transport::kReliable;
  std::uint32_t sends = 1, receives = 1;  // posted at most
  std::uint32_t inline_bytes = 0;
};

// As RC or UD. An inline size that the device does not have is left out; `shape.inline_bytes` then says 0.
Result<QueuePair> make_queue_pair(ibv_pd* domain, ibv_cq* sends, ibv_cq* receives, QueuePairShape& shape);

inline constexpr std::uint32_t kDatagramKey = 0x11111111;
// Of acknowledgements: 7 is the most that fits, but to soft-RoCE it means for ever (rxe_comp.c).
inline constexpr std::uint8_t kRetries = 6;
// Of "receiver not ready": 7 means for ever to all devices (ibv_modify_qp(3)), since a receiver that is slow
// is no fault. Whether its process still lives, the control line feels.
inline constexpr std::uint8_t kNotReadyRetries = 7;

inline constexpr int kQueuePairAccess =
    IBV_ACCESS_LOCAL_WRITE | IBV_ACCESS_REMOTE_WRITE | IBV_ACCESS_REMOTE_READ;

Result<void> initialise(ibv_qp* pair, const Port& port);

// To ready-to-receive, then to ready-to-send. Of datagrams `theirs` is not used. A reliable queue pair gives
// up 7 * 4.096 us * 2^ack_timeout after the peer fell silent (devices may take up to four times as long).
Result<void> make_ready(ibv_qp* pair, const Port& port, const Settings& settings, const Route& route,
                        const QueuePairName& mine, const QueuePairName& theirs, std::uint8_t ack_timeout);

// Where datagrams go to.
Result<AddressHandle> address_of_peer(ibv_pd* domain, const Port& port, const Settings& settings,
                                      const Route& route);

ibv_mtu mtu_code(std::uint32_t bytes);

}  // namespace millrace::rdma
