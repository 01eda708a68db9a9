// SPDX-License-Identifier: Apache-2.0
// What of a fabric a job's traffic crosses, and with how many bytes a step.
//
// The model, which routing in closed form and the tests' enumeration of every pair and path both follow:
// - Ranks sit on neighbouring hosts of equally many GPUs, GPU after GPU. Members of a group on one host talk
// by NVLink.
// - A message between hosts crosses PCIe and NIC of a GPU on either side; where a GPU has several NICs,
// evenly. In a
//   plain fat tree it leaves by the sender's own NIC. In a rail-optimised one it leaves on the receiver's
//   rail: NVLink brings it to the GPU of the sender's host that has the receiver's place, so that it need not
//   change rails (PXN: NVIDIA, "Doubling all2all Performance with NCCL 2.12", 2022).
// - Between leaf groups it goes up and down leaf uplinks, between pods spine uplinks and a core switch too,
// and is
//   spread evenly over all paths of equal cost.
// - kRing is hierarchical, as NCCL's are: of a group of N ranks on k hosts, m of them on a host, each rank
// moves
//   B · N(m − 1) ÷ (m(N − 1)) by NVLink, and B · N(k − 1) ÷ (k(N − 1)) go from each host to the next one,
//   spread over the GPUs of the members there (B: bytes that a rank sends in a flat ring. In terms of bus
//   bandwidth a NIC per GPU carries busbw · (k − 1) ÷ (N − 1): reference.md, section 1; the NVLink part is a
//   ring of m on what is reduced within the host).
// - kAllToAll: a rank sends B ÷ (N − 1) to each other. kChain: a rank sends B to the next one
//   and gets as much back.
// - kRead and kWrite go evenly to all storage servers and straight to the GPU (NIC and PCIe); where storage
// has
//   a network of its own, by that one's NICs and switches and none of the other's; without shared storage,
//   between the host's own drives and the GPU.
#pragma once

#include <bitset>
#include <span>

#include "fabric/resources.hpp"
#include "workload/traffic.hpp"

namespace millrace::fabric {

// The hosts of a job: as many from `first_host` on as its ranks fill. They must exist, and be alike in their
// numbers of GPUs and NICs (Fabric::alike_at).
struct Placement {
  std::int64_t first_host = 0;
  std::int64_t ranks = 1;
};

// Adds the bytes per step on every bundle of links. O(ranks), whatever the groups' sizes.
void add_loads(const Resources& resources, const workload::Traffic& traffic, const Placement& placement,
               std::span<double> loads);

// The kinds of resources that traffic of a pattern may cross: add_loads() leaves all others alone.
using Kinds = std::bitset<kKinds>;
Kinds kinds_of(const Fabric& fabric, workload::Pattern pattern);

}  // namespace millrace::fabric
