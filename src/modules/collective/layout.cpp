// SPDX-License-Identifier: Apache-2.0
#include "modules/collective/layout.hpp"

namespace millrace::collective {
Layout layout_of(Collective collective, std::uint64_t elements, int rank, int ranks, int root) {
  const auto n = static_cast<std::uint64_t>(ranks);
  const bool is_root = rank == root;
  const std::uint64_t share = elements / n;
  const std::uint64_t total = deals_out(collective) ? share * n : elements;
  switch (collective) {
    case Collective::kAllReduce:
    case Collective::kAllToAll:
      return {total, total, total};
    case Collective::kAllGather:
      return {total, share, total};
    case Collective::kReduceScatter:
      return {total, total, share};
    case Collective::kBroadcast:
      return {total, is_root ? total : 0, total};
    case Collective::kReduce:
      return {total, total, is_root ? total : 0};
    case Collective::kGather:
      return {total, share, is_root ? total : 0};
    case Collective::kScatter:
      return {total, is_root ? total : 0, share};
    case Collective::kSendReceive:  // around a ring: to the next rank, from the one before
      return {total, total, total};
  }
  return {};
}

std::vector<Piece> pieces_of(Collective collective, const Layout& layout, int rank, int ranks, int root) {
  const std::uint64_t share = layout.total / static_cast<std::uint64_t>(ranks);
  const auto block = [share](int index) { return static_cast<std::uint64_t>(index) * share; };
  std::vector<Piece> pieces;
  if (layout.output == 0) return pieces;
  switch (collective) {
    case Collective::kAllReduce:
    case Collective::kReduce:
      return {{0, layout.total, kReduced, 0}};
    case Collective::kReduceScatter:
      return {{0, share, kReduced, block(rank)}};
    case Collective::kBroadcast:
      return {{0, layout.total, root, 0}};
    case Collective::kScatter:
      return {{0, share, root, block(rank)}};
    case Collective::kSendReceive:
      return {{0, layout.total, (rank + ranks - 1) % ranks, 0}};
    case Collective::kAllGather:
    case Collective::kGather:
      for (int source = 0; source < ranks; ++source) pieces.push_back({block(source), share, source, 0});
      return pieces;
    case Collective::kAllToAll:
      for (int source = 0; source < ranks; ++source)
        pieces.push_back({block(source), share, source, block(rank)});
      return pieces;
  }
  return pieces;
}

}  // namespace millrace::collective
