// SPDX-License-Identifier: Apache-2.0
// What to say when the command line cannot be read: one message, with the nearest right name.
#pragma once

#include <string>
#include <vector>

#include "units/result.hpp"

namespace CLI {
class App;
class ParseError;
}  // namespace CLI

namespace millrace::cli {

Error usage_error(const CLI::App& app, const CLI::ParseError& error,
                  const std::vector<std::string>& arguments);

}  // namespace millrace::cli
