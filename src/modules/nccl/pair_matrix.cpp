// SPDX-License-Identifier: Apache-2.0
#include "modules/nccl/pair_matrix.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace millrace::nccl {
namespace {

constexpr double kSlow = 0.75;  // of the median

double median_of(std::span<const double> rates) {
  std::vector<double> known;
  std::copy_if(rates.begin(), rates.end(), std::back_inserter(known), [](double rate) { return rate > 0; });
  if (known.empty()) return 0;
  const auto middle = known.begin() + static_cast<std::ptrdiff_t>(known.size() / 2);
  std::nth_element(known.begin(), middle, known.end());
  return *middle;
}

}  // namespace

RankPair pair_at(std::size_t pair, int ranks) {
  const auto others = static_cast<std::size_t>(ranks - 1);
  const int from = static_cast<int>(pair / others);
  const int other = static_cast<int>(pair % others);
  return {from, other < from ? other : other + 1};
}

std::vector<std::string> slow_pairs(std::span<const double> rates, std::span<const std::string> names) {
  const std::size_t n = names.size();
  const double bound = kSlow * median_of(rates);
  const auto is_slow = [&](std::size_t from, std::size_t to) {
    return rates[to * n + from] > 0 && rates[to * n + from] < bound;
  };
  // Of two ranks there is one pair each way: no rank is to blame more than the other.
  const auto all_slow = [&](std::size_t rank, bool sending) {
    for (std::size_t other = 0; other < n; ++other)
      if (other != rank && !(sending ? is_slow(rank, other) : is_slow(other, rank))) return false;
    return n > 2;
  };
  std::vector<std::string> slow;
  std::vector<bool> sends(n), gets(n);
  for (std::size_t rank = 0; rank < n; ++rank) {
    sends[rank] = all_slow(rank, true);
    gets[rank] = all_slow(rank, false);
    if (sends[rank]) slow.push_back("from " + names[rank]);
    if (gets[rank]) slow.push_back("to " + names[rank]);
  }
  for (std::size_t from = 0; from < n; ++from)
    for (std::size_t to = 0; to < n; ++to)
      if (from != to && is_slow(from, to) && !sends[from] && !gets[to])
        slow.push_back(fmt::format("{} to {}", names[from], names[to]));
  return slow;
}

}  // namespace millrace::nccl
