// SPDX-License-Identifier: Apache-2.0
#include "diagnose/floor.hpp"

#include <algorithm>
#include <numeric>

namespace millrace::diagnose {

CrossFitted cross_fit(const std::vector<std::vector<double>>& totals) {
  CrossFitted fitted;
  std::size_t folds = 0;
  for (const auto& set : totals) folds = std::max(folds, set.size());
  if (folds < 2) return fitted;
  std::vector<int> times(totals.size(), 0);
  for (std::size_t fold = 0; fold < folds; ++fold) {
    double most = -1;
    std::size_t best = 0;
    for (std::size_t s = 0; s < totals.size(); ++s) {
      const auto& set = totals[s];
      if (set.size() < 2) continue;
      const double sum = std::accumulate(set.begin(), set.end(), 0.0);
      const double others = (sum - set[fold % set.size()]) / static_cast<double>(set.size() - 1);
      if (others > most) most = others, best = s;
    }
    fitted.draws.push_back(totals[best][fold % totals[best].size()]);
    fitted.set_of_draw.push_back(best);
    ++times[best];
  }
  fitted.chosen = static_cast<std::size_t>(std::max_element(times.begin(), times.end()) - times.begin());
  return fitted;
}

}  // namespace millrace::diagnose
