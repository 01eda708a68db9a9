// SPDX-License-Identifier: Apache-2.0
// What Gloo throws, as a person wants to read it.
#pragma once

#include <exception>

#include "millrace/probe.hpp"
#include "units/result.hpp"

namespace millrace::gloo {

// "<doing>: Connection closed by peer [10.0.0.2]:4242", without the line of Gloo's source, and the way out.
Error gloo_error(const std::exception& thrown, const std::string& doing);

// Whether it only follows from what happened to another rank, which will say it better.
bool is_a_consequence(const std::exception& thrown);

}  // namespace millrace::gloo
