// SPDX-License-Identifier: Apache-2.0
// When a repeat has run long enough: its mean, after the warm-up cut, is known as closely as asked; or its
// time is up.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "stats/batch_means.hpp"
#include "units/quantity.hpp"

namespace millrace::stats {

// A mean after the warm-up cut.
struct SettledMean : MeanEstimate {
  std::size_t cut = 0;   // values left out at the front
  double transient = 0;  // how far their mean lies from the rest's, as a share of the latter
  bool settled = true;   // false: the warm-up did not end within the first half
};

// MSER-5, then batch means of what remains. Nothing where fewer than 20 values remain.
std::optional<SettledMean> settled_mean(std::span<const double> series);

struct StoppingOptions {
  double target = 0.05;  // half-width of the 95 % interval, as a share of the mean
  Duration max_time;     // since the repeat began
  // Looking often at an interval until it happens to be narrow selects those that are too narrow: a look
  // every few slices covers as little as 59 %. So the first look is late and each next one a good step later.
  std::size_t first_look = 1000;  // slices
  double growth = 1.5;            // slices at the next look over slices at this one
};

struct StoppingResult {
  bool finished = false;
  std::string reason;                   // "converged" | "time limit"; empty while not finished
  std::optional<SettledMean> estimate;  // as of the last look, or of all values once the time is up
};

// Converged: the interval is as narrow as asked, and the warm-up ended, or what goes on of it moves the
// halves of the run apart by less than half of the target. Fed with the rates of a repeat's slices as they
// come. Not thread-safe.
class StoppingRule {
 public:
  explicit StoppingRule(const StoppingOptions& options);

  void add(double rate) { series_.push_back(rate); }
  // Takes over what a growing series has gained since the last call.
  void catch_up(std::span<const double> whole_series);

  // Looks, if a look is due. `elapsed` is what the caller's clock says since the repeat began. Once true,
  // always true.
  bool is_finished(Duration elapsed);

  [[nodiscard]] const StoppingResult& result() const { return result_; }
  [[nodiscard]] std::size_t looks() const { return looks_; }

 private:
  StoppingOptions options_;
  std::vector<double> series_;
  std::size_t next_look_;
  std::size_t looks_ = 0;
  StoppingResult result_;
};

}  // namespace millrace::stats
