// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>
#include <string>

#include "cli/commands.hpp"
#include "run/catalog.hpp"

namespace millrace::cli {
namespace {

void print_catalog(const run::Catalog& catalog) {
  for (const run::ModuleInfo& module : catalog.modules) {
    const std::string version = module.version.empty() ? "" : " " + module.version;
    const std::string reason = module.reason.empty() ? "" : fmt::format(" ({})", module.reason);
    fmt::print("{}{}: {}{}\n", module.name, version, module.state, reason);
    for (const run::ProbeInfo& probe : module.probes) fmt::print("  {:<22} {}\n", probe.name, probe.summary);
    if (module.has_memory)
      fmt::print("  {:<22} a memory that probes can end in\n", "[" + module.memory_name + "]");
  }
}

const char* unit_of(int kind) {
  switch (kind) {
    case MILLRACE_BYTES:
      return "SIZE";
    case MILLRACE_COUNT:
      return "COUNT";
    case MILLRACE_DURATION:
      return "TIME";
    case MILLRACE_RATE:
      return "RATE";
    case MILLRACE_REAL:
      return "NUMBER";
    case MILLRACE_FLAG:
      return "on|off";
    case MILLRACE_PATH:
      return "PATH";
    case MILLRACE_ADDRESS:
      return "ADDRESS";
    default:
      return "TEXT";
  }
}

void print_probe(const run::ProbeEntry& entry) {
  fmt::print("{} (module {}, {})\n  {}\n\nParameters of `millrace measure {}`:\n", entry.probe->name,
             entry.module->name, entry.module->file.string(), entry.probe->summary, entry.probe->name);
  std::size_t widest = 0;
  std::vector<std::pair<std::string, std::string>> rows;
  for (const run::ParameterSpec& spec : entry.probe->parameters) {
    const std::string value =
        spec.kind == MILLRACE_CHOICE ? fmt::format("{}", fmt::join(spec.choices, "|")) : unit_of(spec.kind);
    std::string left = fmt::format("--{} {}", spec.name, value);
    widest = std::max(widest, left.size());
    std::string right = spec.help;
    if (spec.required)
      right += " (must be given)";
    else if (!spec.default_value.empty())
      right += fmt::format(" [{}]", spec.default_value);
    if (spec.repeatable) right += ", repeatable";
    rows.emplace_back(std::move(left), std::move(right));
  }
  for (const auto& [left, right] : rows)
    fmt::print("  {:<{}}  {}\n", left, std::min<std::size_t>(widest, 44), right);
}

}  // namespace

void add_probes(CLI::App& app, Context& context) {
  auto probe = std::make_shared<std::string>();
  CLI::App* command =
      app.add_subcommand("probes", "List modules and probes, with their state; or one probe's parameters");
  command->add_option("PROBE", *probe, "Show this probe's parameters");
  command->footer("Examples:\n  millrace probes\n  millrace probes storage.read");
  command->callback([&context, probe] {
    const run::Catalog catalog = run::read_catalog();
    if (probe->empty()) return print_catalog(catalog);
    const auto entry = run::find_probe(catalog, *probe);
    if (!entry) return context.fail(entry.error());
    print_probe(*entry);
  });
}

}  // namespace millrace::cli
