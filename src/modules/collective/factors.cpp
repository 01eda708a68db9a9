// SPDX-License-Identifier: Apache-2.0
#include "modules/collective/factors.hpp"

namespace millrace::collective {

std::string_view name_of(Collective collective) {
  switch (collective) {
    case Collective::kAllReduce:
      return "all_reduce";
    case Collective::kAllGather:
      return "all_gather";
    case Collective::kReduceScatter:
      return "reduce_scatter";
    case Collective::kBroadcast:
      return "broadcast";
    case Collective::kReduce:
      return "reduce";
    case Collective::kAllToAll:
      return "alltoall";
    case Collective::kGather:
      return "gather";
    case Collective::kScatter:
      return "scatter";
    case Collective::kSendReceive:
      return "sendrecv";
  }
  return "";
}

bool reduces(Collective collective) {
  return collective == Collective::kAllReduce || collective == Collective::kReduceScatter ||
         collective == Collective::kReduce;
}

bool deals_out(Collective collective) {
  return collective != Collective::kAllReduce && collective != Collective::kBroadcast &&
         collective != Collective::kReduce && collective != Collective::kSendReceive;
}

double bus_factor(Collective collective, std::uint64_t ranks) {
  if (ranks < 2) return 0;
  const auto n = static_cast<double>(ranks);
  switch (collective) {
    case Collective::kAllReduce:
      return 2 * (n - 1) / n;
    case Collective::kAllGather:
    case Collective::kReduceScatter:
    case Collective::kAllToAll:
    case Collective::kGather:
    case Collective::kScatter:
      return (n - 1) / n;
    case Collective::kBroadcast:
    case Collective::kReduce:
    case Collective::kSendReceive:
      return 1;
  }
  return 0;
}

std::optional<double> wire_factor(Collective collective, std::string_view algorithm, std::uint64_t ranks) {
  if (ranks < 2) return std::nullopt;
  const bool straight = collective == Collective::kAllToAll || collective == Collective::kGather ||
                        collective == Collective::kScatter || collective == Collective::kSendReceive;
  if (straight || algorithm == "ring") return bus_factor(collective, ranks);
  if (collective != Collective::kAllReduce) return std::nullopt;
  if (algorithm == "tree") return 2;
  if (algorithm == "nvls") return 1 + 1 / static_cast<double>(ranks);
  return std::nullopt;
}

double wire_rate_floor(double bus_bytes_per_s, std::uint64_t hosts, std::uint64_t ranks) {
  if (hosts < 2 || ranks < 2) return 0;
  return bus_bytes_per_s * static_cast<double>(hosts - 1) / static_cast<double>(ranks - 1);
}

}  // namespace millrace::collective
