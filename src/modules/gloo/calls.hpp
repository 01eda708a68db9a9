// SPDX-License-Identifier: Apache-2.0
// Gloo's collectives, each made ready once for each turn of the arrays, so that a call does nothing but move.
#pragma once

#include <gloo/context.h>

#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "modules/collective/batch.hpp"
#include "modules/gloo/arrays.hpp"
#include "modules/gloo/settings.hpp"

namespace millrace::gloo {

// One collective; throws what Gloo throws (::gloo::IoException when it is not over in time, or a rank is
// gone).
using Call = std::function<void()>;

// `settings` is one that settings_from let pass.
std::vector<Call> make_calls(const std::shared_ptr<::gloo::Context>& context, const Settings& settings,
                             const std::vector<Turn>& turns);

// Every rank's `count` intervals, rank 0's first: `mine` holds this rank's. Throws as a Call does.
std::vector<collective::Interval> gathered(const std::shared_ptr<::gloo::Context>& context,
                                           std::span<collective::Interval> mine);

}  // namespace millrace::gloo
