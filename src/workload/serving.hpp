// SPDX-License-Identifier: Apache-2.0
// What a profile says of a deployed model: how it starts, and what an answer may take.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace millrace::workload {

// Weights from storage into the GPUs' memory.
struct Loading {
  double weight_bytes_per_parameter = 2;
  double weights_bytes = 0;     // instead, of a model without a known count of parameters
  double engine_start_s = 0;    // process, library and graph start, besides the loading
  bool streamed = true;         // storage and GPU copy overlap; else one after the other
  int replica_ranks = 1;        // GPUs that share one copy of the weights
  double wanted_s = 60;         // from start to ready
  double read_bytes_per_s = 0;  // from storage into one GPU's host, where it was not measured
  std::string source;
};

// Which measurement can stand in a given part's place.
enum class PartKind {
  kNetwork,   // the round trip to whoever asks
  kQueue,     // waiting for the replica
  kFixed,     // on the CPU, or whatever else is only given
  kCompute,   // in the GPU: a language model's prefill, or the answer itself
  kFetch,     // cached keys and values from storage
  kTransfer,  // what was fetched, or the request's data, into the GPU
  kDecode,    // the first token after the prefill
};

// One part of an answer's way. Figures stand where nothing measured does; of a part whose time follows from
// the model and the accelerator (compute, fetch, transfer, decode, queue) they may be missing: 0.
struct BudgetPart {
  std::string name;  // "network round trip"
  PartKind kind = PartKind::kFixed;
  double p50_s = 0, p99_s = 0;
  std::string source;
};

struct Serving {
  double budget_s = 0;        // that 99 % of the answers keep
  double requests_per_s = 0;  // Poisson, to one replica
  int replica_ranks = 1;      // GPUs of one replica (tensor-parallel)
  int fan_out = 0;  // ranks whose fetch and transfer every answer waits for; 0: those of the replica
  std::int64_t context_tokens = 0, cached_tokens = 0;  // of the context: whose keys and values are in storage
  double weight_bytes_per_parameter = 2, kv_bytes_per_element = 2;
  double request_bytes = 0;                    // that go into the GPU (a picture); 0: the cached context's
  double mfu = 0.5, memory_utilization = 0.6;  // of prefill's FLOPs; of decode's reading of the weights
  double read_bytes_per_s = 0;                 // from storage into one GPU's host, where it was not measured
  std::vector<BudgetPart> parts;               // in order
};

// Several jobs on one site.
struct MixPart {
  std::string workload;  // MODEL-USE, or a whole name with its accelerator
  double share = 0;      // of the site's accelerators
};

struct Site {
  std::int64_t hosts = 1;
  int gpus_per_host = 8;
  std::string fabric;                                                  // for people
  double storage_read_bytes_per_s = 0, storage_write_bytes_per_s = 0;  // of the site; 0: not said
  std::string source;
};

struct Mix {
  std::vector<MixPart> parts;
  Site site;
};

}  // namespace millrace::workload
