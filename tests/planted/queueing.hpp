// SPDX-License-Identifier: Apache-2.0
// A machine as queues: chunks of bytes wait at servers in series, one after the other. Nothing here knows of
// shares, of capacities under load or of what binds: those come out, if they do.
#pragma once

#include <cstdint>
#include <vector>

namespace millrace::planted {

struct Server {
  double bytes_per_s = 0;
  bool round_robin = false;  // takes turns among flows; else first come, first served
};

struct Visit {
  int server = 0;
  double units = 1;  // bytes of work for each byte of a chunk
};

// A closed loop: whenever a chunk has been through all servers, the next one starts.
struct QueuedFlow {
  std::vector<Visit> path;
  double chunk_bytes = 0;
  int window = 1;  // chunks under way
};

// Discrete events from a cold start: rates[k][f] is what flow f got done in the k-th of `windows` equal
// windows, in bytes/s, once every flow has gone round twice. In a window the slowest flow completes some 60
// chunks. A chunk's service time varies evenly by ± a fifth.
std::vector<std::vector<double>> simulate(const std::vector<Server>& servers,
                                          const std::vector<QueuedFlow>& flows, int windows,
                                          std::uint64_t seed);

}  // namespace millrace::planted
