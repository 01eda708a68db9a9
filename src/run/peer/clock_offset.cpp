// SPDX-License-Identifier: Apache-2.0
#include "run/peer/clock_offset.hpp"

#include <algorithm>

#include "run/peer/wrapping.hpp"

namespace millrace::run::peer {

void ClockBurst::add(std::int64_t sent_ns, std::int64_t theirs_ns, std::int64_t received_ns) {
  ++count_;
  const std::int64_t trip = received_ns - sent_ns;
  const std::int64_t middle = sent_ns + trip / 2;
  const std::int64_t error = (trip + 1) / 2;
  if (!best_ || error < best_->error_ns)
    best_ = ClockOffset{middle, wrapping_difference(theirs_ns, middle), error};
}

std::int64_t ClockTranslation::offset_at(std::int64_t ours_ns) const {
  if (!end_ || end_->at_ns <= start_.at_ns) return start_.offset_ns;
  const double share =
      static_cast<double>(ours_ns - start_.at_ns) / static_cast<double>(end_->at_ns - start_.at_ns);
  const double moved =
      std::clamp(static_cast<double>(wrapping_difference(end_->offset_ns, start_.offset_ns)), -4e18, 4e18);
  return wrapping_sum(start_.offset_ns, static_cast<std::int64_t>(std::clamp(share, 0.0, 1.0) * moved));
}

std::int64_t ClockTranslation::to_here(std::int64_t theirs_ns) const {
  // The offset moves by far less than the time does: one step of the fixed point is exact to a nanosecond.
  return wrapping_difference(theirs_ns, offset_at(wrapping_difference(theirs_ns, start_.offset_ns)));
}

std::int64_t ClockTranslation::to_there(std::int64_t ours_ns) const {
  return wrapping_sum(ours_ns, offset_at(ours_ns));
}

std::int64_t ClockTranslation::error_ns() const {
  return end_ ? std::max(start_.error_ns, end_->error_ns) : start_.error_ns;
}

}  // namespace millrace::run::peer
