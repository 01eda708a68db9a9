// SPDX-License-Identifier: Apache-2.0
// Joins the queue pairs of a link by the RDMA connection manager (rdma_cm), which finds the path from IP
// addresses: those of the GIDs that both ends agreed on. The queue pairs stay our own; rdma_cm says how to
// set them (rdma_init_qp_attr).
#pragma once

#include <cstdint>
#include <vector>

#include "millrace/probe.hpp"
#include "modules/rdma/link_end.hpp"
#include "modules/rdma/verbs.hpp"

namespace millrace::rdma {

class CmJoin {
 public:
  CmJoin(const sdk::Host& host, LinkEnd& end);

  // The responder: listens on the address of its GID alone; tells the port.
  Result<std::uint16_t> listen();
  // The responder, then: takes a connection for every reliable queue pair.
  Result<void> accept_all();
  // The initiator: connects every reliable queue pair to the responder's port.
  Result<void> connect_all(std::uint16_t port);

 private:
  Result<rdma_cm_event*> next_event();
  Result<void> expect(rdma_cm_event_type wanted);
  Result<void> connect(std::size_t index, std::uint16_t port);
  Result<void> accept(rdma_cm_event& request);
  Result<void> set_up(rdma_cm_id* id, std::size_t index);
  [[nodiscard]] rdma_conn_param parameters(std::size_t index) const;
  [[nodiscard]] std::size_t reliable() const;  // queue pairs: the control line's, and of RC the others
  tl::unexpected<Error> failed(const char* doing, int error) const;

  const sdk::Host& host_;
  LinkEnd& end_;
  std::int64_t deadline_ns_;
  EventChannel channel_;
  CmId listener_;
  std::vector<CmId> ids_;
};

}  // namespace millrace::rdma
