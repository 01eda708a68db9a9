// SPDX-License-Identifier: Apache-2.0
#include "diagnose/latency/queue.hpp"

#include <algorithm>
#include <vector>

namespace millrace::diagnose {

std::optional<Distribution> waiting_time(const Distribution& service, double arrivals_per_s) {
  const Grid grid = service.grid();
  // A service time beyond the grid counts as its end: a little too short, and the grid is chosen so that it
  // is rare.
  const double mean = service.mean_s() + service.beyond() * grid.end_s();
  const double load = arrivals_per_s * mean;
  if (load >= 1) return std::nullopt;
  if (mean <= 0) return Distribution::constant(0, grid);
  // The residual service time has the density (1 − F(x)) ÷ E[S], which is constant between two points of the
  // grid; each half of such a piece goes to its nearer end.
  std::vector<double> residual(grid.points);
  double longer = 1;
  for (std::size_t k = 0; k + 1 < grid.points; ++k) {
    longer -= service.mass()[k];
    const double half = std::max(0.0, longer) * grid.step_s / mean / 2;
    residual[k] += half;
    residual[k + 1] += half;
  }
  // g = (1 − ρ) Σ ρⁿ r*ⁿ solved for g = (1 − ρ)δ₀ + ρ r*g, point after point (Panjer 1981).
  Distribution out(grid);
  std::vector<double>& waiting = out.mass_;
  const double own = 1 - load * residual[0];
  double on_grid = 0;
  for (std::size_t k = 0; k < grid.points; ++k) {
    double sum = k == 0 ? 1 - load : 0;
    for (std::size_t j = 1; j <= k; ++j) sum += load * residual[j] * waiting[k - j];
    waiting[k] = sum / own;
    on_grid += waiting[k];
  }
  out.beyond_ = std::max(0.0, 1 - on_grid);
  return out;
}

}  // namespace millrace::diagnose
