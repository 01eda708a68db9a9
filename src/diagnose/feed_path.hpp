// SPDX-License-Identifier: Apache-2.0
// The feed path of a workload: every hop that a record crosses from the drive to the device, with its
// capacity.
#pragma once

#include <string>
#include <vector>

#include "diagnose/capacity.hpp"
#include "diagnose/evidence.hpp"
#include "workload/profile.hpp"

namespace millrace::diagnose {

struct Hop {
  std::vector<std::string> resources;  // one, or a class that cannot be told apart; the first names it
  std::string kind;                    // as record::Bottleneck has it
  std::string name;                    // "reading from vda (virtio)": does as the subject of a sentence
  std::string noun;                    // "storage", "preparation on the CPU": what starves
  bool shared = true;                  // by all accelerators; else each has its own
  bool essential = false;              // without a measurement of it nobody can say "fed"
  Capacity capacity;                   // of all accelerators together when shared, else of one
  std::vector<record::ExplanationStep> derivation = {};  // of that, where it is no mean of measurements alone
  // Of all accelerators together.
  [[nodiscard]] double times(int accelerators) const { return shared ? 1.0 : accelerators; }
};

constexpr double kAllOfIt = 1 - 1e-9;  // shares that add up to all, by rounding

struct FeedPath {
  std::vector<Hop> hops;  // in the order in which a byte crosses them
  std::vector<std::string> notes;
  bool stand_in = true;   // something in the device's place
  bool in_gpu = false;    // it ends in GPU memory (a stand-in GPU's, where stand_in)
  bool measured = false;  // anything at all
  double in_memory = 0;  // share of the data that lies in memory itself (tmpfs): reading copies it from there
};

FeedPath feed_path(const record::Document& document, const workload::Profile& profile, int accelerators);

// The part from the drives to memory: storage itself and the links whose limit is known (storage_hops.cpp).
void add_storage_hops(const record::Document& document, const workload::Profile& profile,
                      const StorageEvidence& evidence, FeedPath& path);

// The network that the storage lies behind, where a measurement of a link says that it is that
// (network_hops.cpp).
void add_network_hops(const record::Document& document, FeedPath& path);

// All CPU work together against the hardware threads that the measuring process might use: what reading
// (`storage`) and the pipeline's `stages` cost of CPU time (cpu_hop.cpp); null: those were not measured.
void add_cores(const record::Document& document, const StorageEvidence& storage,
               const record::Measurement* stages, FeedPath& path);

// The part into the GPUs' memory by what gpu.copy measured of their links (gpu_hops.cpp); false: it measured
// nothing.
bool add_gpu_hops(const record::Document& document, int accelerators, FeedPath& path);

}  // namespace millrace::diagnose
