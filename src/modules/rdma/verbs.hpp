// SPDX-License-Identifier: Apache-2.0
// What libibverbs and librdmacm lend, given back at the end of its life. Declare in the order in which they
// depend on each other: context, domain, memory, completion queues, queue pairs.
#pragma once

#include <infiniband/verbs.h>
#include <rdma/rdma_cma.h>

#include <memory>

namespace millrace::rdma {

struct GiveBack {
  void operator()(ibv_context* context) const noexcept { ibv_close_device(context); }
  void operator()(ibv_pd* domain) const noexcept { ibv_dealloc_pd(domain); }
  void operator()(ibv_mr* region) const noexcept { ibv_dereg_mr(region); }
  void operator()(ibv_cq* queue) const noexcept { ibv_destroy_cq(queue); }
  void operator()(ibv_qp* pair) const noexcept { ibv_destroy_qp(pair); }
  void operator()(ibv_ah* address) const noexcept { ibv_destroy_ah(address); }
  void operator()(rdma_event_channel* channel) const noexcept { rdma_destroy_event_channel(channel); }
  void operator()(rdma_cm_id* id) const noexcept { rdma_destroy_id(id); }
};

template <typename T>
using Handle = std::unique_ptr<T, GiveBack>;

using Context = Handle<ibv_context>;
using ProtectionDomain = Handle<ibv_pd>;
using MemoryRegion = Handle<ibv_mr>;
using CompletionQueue = Handle<ibv_cq>;
using QueuePair = Handle<ibv_qp>;
using AddressHandle = Handle<ibv_ah>;
using EventChannel = Handle<rdma_event_channel>;
using CmId = Handle<rdma_cm_id>;

}  // namespace millrace::rdma
