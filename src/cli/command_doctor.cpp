// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <filesystem>
#include <memory>
#include <string>

#include "cli/commands.hpp"
#include "record/document.hpp"
#include "topology/doctor.hpp"
#include "topology/tree_text.hpp"

namespace millrace::cli {
namespace {

struct DoctorOptions {
  std::string from = topology::machine_root().string(), json;
};

Result<void> look_for_trouble(const DoctorOptions& options, const Context& context) {
  std::error_code error;
  topology::Machine machine;
  std::vector<topology::Finding> findings;
  if (std::filesystem::is_regular_file(options.from, error)) {
    const auto document = record::read_document(options.from);
    if (!document) return tl::unexpected(document.error());
    if (!document->hosts.empty()) machine.host = document->hosts.front();
    machine.graph = document->topology;
    findings = document->findings;
  } else {
    auto found = topology::discover(options.from);
    if (!found) return tl::unexpected(found.error());
    machine = std::move(*found);
    findings = topology::examine(machine, options.from);
  }
  if (!options.json.empty())
    return record::write_text(record::topology_to_json(machine, findings), options.json);
  fmt::print("{}", topology::describe(findings, context.width()));
  return {};
}

}  // namespace

void add_doctor(CLI::App& app, Context& context) {
  auto options = std::make_shared<DoctorOptions>();
  CLI::App* command = app.add_subcommand(
      "doctor", "Name what is wrong with the machine or would spoil a measurement, with its remedy");
  command->add_option("--from", options->from,
                      "A recorded machine (folder) or a document, instead of this machine");
  command->add_option("--json", options->json, "Write topology and findings as JSON; - is standard output");
  command->footer(
      "Examples:\n"
      "  millrace doctor\n"
      "  sudo millrace doctor            as root it also reads ACS and packet sizes\n"
      "  millrace doctor --from rack7-node3");
  command->callback([&context, options] {
    if (const auto done = look_for_trouble(*options, context); !done) context.fail(done.error());
  });
}

}  // namespace millrace::cli
