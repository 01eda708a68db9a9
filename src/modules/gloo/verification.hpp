// SPDX-License-Identifier: Apache-2.0
// One collective apart from those that are measured, of inputs whose result is known to the bit.
#pragma once

#include "millrace/probe.hpp"
#include "modules/gloo/arrays.hpp"
#include "modules/gloo/calls.hpp"
#include "modules/gloo/settings.hpp"
#include "units/result.hpp"

namespace millrace::gloo {

// Every rank calls it, with the first turn and its call. Says verified(). Throws as a Call does.
Result<void> verify(const sdk::Host& host, const Settings& settings, const Turn& turn, const Call& call);

// What the arrays hold while it is measured: see resting_input_of.
void fill_for_measuring(const Settings& settings, int rank, const std::vector<Turn>& turns);

}  // namespace millrace::gloo
