// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <CLI/CLI.hpp>

namespace millrace::cli {

// What CLI::Range checks, and that it is a number at all: "nan" is neither below the least nor above the
// most.
CLI::Validator number_within(double least, double most);

}  // namespace millrace::cli
