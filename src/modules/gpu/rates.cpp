// SPDX-License-Identifier: Apache-2.0
#include "modules/gpu/rates.hpp"

#include <algorithm>
#include <set>

namespace millrace::gpu {
namespace {

constexpr std::size_t kLeastPairs = 6;

}  // namespace

double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

std::vector<std::string> out_of_line(const Rates& rates) {
  if (rates.size() < kLeastPairs) return {};
  std::vector<double> all;
  for (const auto& [pair, rate] : rates) all.push_back(rate);
  const double limit = kLow * median(all);
  std::map<int, std::pair<int, int>> low_of;  // gpu -> low pairs, pairs
  std::set<std::pair<int, int>> low;
  for (const auto& [pair, rate] : rates) {
    for (const int gpu : {pair.first, pair.second}) {
      low_of[gpu].first += rate < limit ? 1 : 0;
      ++low_of[gpu].second;
    }
    if (rate < limit) low.insert(std::minmax(pair.first, pair.second));
  }
  std::size_t low_count = 0;
  for (const auto& [pair, rate] : rates) low_count += rate < limit ? 1 : 0;
  if (3 * low_count > rates.size()) return {};
  std::vector<std::string> found;
  std::set<int> slow;
  for (const auto& [gpu, count] : low_of)
    if (count.first == count.second) slow.insert(gpu);
  for (const int gpu : slow) found.push_back("slow-gpu:" + std::to_string(gpu));
  for (const auto& [a, b] : low)
    if (!slow.contains(a) && !slow.contains(b))
      found.push_back("slow-pair:" + std::to_string(a) + "-" + std::to_string(b));
  return found;
}

}  // namespace millrace::gpu
