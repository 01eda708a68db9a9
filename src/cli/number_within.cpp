// SPDX-License-Identifier: Apache-2.0
#include "cli/number_within.hpp"

#include <fmt/format.h>

#include <string>

namespace millrace::cli {

CLI::Validator number_within(double least, double most) {
  const auto check = [least, most](std::string& text) {
    double value = 0;
    if (CLI::detail::lexical_cast(text, value) && value >= least && value <= most) return std::string();
    return fmt::format("Value {} not in range {:g} to {:g}", text, least, most);
  };
  return {check, fmt::format("FLOAT in [{:g} - {:g}]", least, most)};
}

}  // namespace millrace::cli
