// SPDX-License-Identifier: Apache-2.0
// What the measured sets say of resources that the workload's reading crosses, beyond the drives themselves.
#pragma once

#include <vector>

#include "diagnose/evidence.hpp"
#include "diagnose/feed_path.hpp"
#include "diagnose/infer.hpp"

namespace millrace::diagnose {

// Adds a hop for each class of resources between the drives and memory (switch uplinks and links, the link
// between sockets, ports, file systems, drives behind several folders, memory of other NUMA nodes) that
// several measurements at once were seen to fill, unless a hop speaks of it already. Its capacity is what was
// carried through it, for the part of the records that goes that way; what was held to be of a drive's class
// and is told apart by this leaves that class.
void add_shared_hops(const record::Document& document, const Inference& inference,
                     const StorageEvidence& evidence, double memory_crossings, FeedPath& path);

// Whether each of the measurements crosses a resource that the inference saw filled by several of them at
// once: then it is known what they share.
bool shares_are_known(const Inference& inference, const MeasuredSet& set);

}  // namespace millrace::diagnose
