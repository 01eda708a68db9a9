// SPDX-License-Identifier: Apache-2.0
#include "cli/usage_error.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <optional>

#include "units/nearest_name.hpp"

namespace millrace::cli {
namespace {

std::vector<std::string> command_names(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; }))
    names.push_back(command->get_name());
  return names;
}

std::vector<std::string> flag_names(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::Option* option : app.get_options())
    for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
  return names;
}

std::string hint_for(const std::optional<std::string>& nearest, const std::string& help) {
  return nearest ? fmt::format("did you mean '{}'? `{}` lists them", *nearest, help)
                 : fmt::format("`{}` lists them", help);
}

}  // namespace

Error usage_error(const CLI::App& app, const CLI::ParseError& error,
                  const std::vector<std::string>& arguments) {
  const auto chosen = app.get_subcommands();
  if (chosen.empty() && !arguments.empty() && !arguments.front().starts_with("-")) {
    const auto names = command_names(app);
    return {fmt::format("there is no command '{}'", arguments.front()),
            hint_for(nearest_name(arguments.front(), names), "millrace --help")};
  }
  if (chosen.empty() && arguments.empty())
    return {"no command was given", fmt::format("there are {}: `millrace --help` says what each does",
                                                fmt::join(command_names(app), ", "))};
  // A wrong flag in front of no command is a wrong flag first.
  if (chosen.empty() && !arguments.empty()) {
    const auto names = flag_names(app);
    const std::string flag = arguments.front().substr(0, arguments.front().find('='));
    if (flag.starts_with("--") && std::find(names.begin(), names.end(), flag) == names.end())
      return {fmt::format("millrace has no option {}", flag),
              hint_for(nearest_name(flag, names), "millrace --help")};
  }
  const CLI::App& command = chosen.empty() ? app : *chosen.front();
  const std::string help =
      chosen.empty() ? "millrace --help" : fmt::format("millrace {} --help", command.get_name());
  if (dynamic_cast<const CLI::ExtrasError*>(&error) != nullptr) {
    auto extras = command.remaining();
    if (extras.empty()) extras = app.remaining(true);
    const std::string extra = extras.empty() ? "" : extras.front().substr(0, extras.front().find('='));
    if (extra.starts_with("-")) {
      auto names = flag_names(command);
      for (const std::string& name : flag_names(app)) names.push_back(name);
      return {fmt::format("{} has no option {}", chosen.empty() ? "millrace" : command.get_name(), extra),
              hint_for(nearest_name(extra, names), help)};
    }
    return {fmt::format("'{}' is one argument too many for {}", extra, command.get_name()),
            fmt::format("see `{}`", help)};
  }
  return {error.what(), fmt::format("see `{}`", help)};
}

}  // namespace millrace::cli
