// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <filesystem>
#include <memory>
#include <string>

#include "cli/commands.hpp"
#include "cli/topo_fabric.hpp"
#include "record/document.hpp"
#include "topology/discover.hpp"
#include "topology/doctor.hpp"
#include "topology/tree_text.hpp"

namespace millrace::cli {
namespace {
namespace fs = std::filesystem;

struct TopoOptions {
  std::string from = topology::machine_root().string(), snapshot, path, json;
  std::shared_ptr<FabricOptions> fabric = std::make_shared<FabricOptions>();
};

Result<void> show_document(const TopoOptions& options, const Context& context) {
  if (!options.path.empty())
    return failure("--path needs a machine, and --from names a document",
                   "leave out --path, or give the folder of a recorded machine");
  const auto document = record::read_document(options.from);
  if (!document) return tl::unexpected(document.error());
  for (std::size_t i = 0; i < document->hosts.size(); ++i) {
    if (document->hosts.size() > 1 && i > 0) fmt::print("\n");
    topology::Machine machine{document->hosts[i], {}};
    for (const auto& e : document->topology.endpoints)
      if (e.host == static_cast<int>(i)) machine.graph.endpoints.push_back(e);
    for (const auto& r : document->topology.resources)
      if (r.host == static_cast<int>(i)) machine.graph.resources.push_back(r);
    machine.graph.links = document->topology.links;
    if (!options.json.empty())
      return record::write_text(
          record::topology_to_json({document->hosts[i], document->topology}, document->findings),
          options.json);
    fmt::print("{}", topology::describe(machine, {}, context.table_width()));
  }
  return {};
}

Result<void> show(const TopoOptions& options, const Context& context) {
  std::error_code error;
  if (!options.fabric->kind.empty()) return generate_fabric(*options.fabric, options.json);
  if (fabric::is_fabric(options.from)) {
    if (!options.path.empty() || !options.snapshot.empty())
      return failure("--path and --snapshot need a machine, and --from names a fabric", "leave them out");
    return show_fabric(options.from, options.json);
  }
  if (!options.snapshot.empty() && fs::is_regular_file(options.from, error))
    return failure("--snapshot records a machine, and --from names a document",
                   "give the folder of a recorded machine");
  if (fs::is_regular_file(options.from, error)) return show_document(options, context);
  const auto machine = topology::discover(options.from);
  if (!machine) return tl::unexpected(machine.error());
  if (!options.snapshot.empty()) {
    if (auto done = topology::snapshot(options.snapshot, options.from); !done) return done;
    context.remark(fmt::format("recorded in {}; look at it with `millrace topo --from {}`", options.snapshot,
                               options.snapshot));
  }
  if (!options.json.empty()) {
    const auto findings = topology::examine(*machine, options.from);
    if (auto written = record::write_text(record::topology_to_json(*machine, findings), options.json);
        !written)
      return written;
    if (options.path.empty() || options.json == "-") return {};
  }
  if (!options.path.empty()) {
    const auto location = topology::locate(*machine, options.path, options.from);
    if (!location) return tl::unexpected(location.error());
    fmt::print("{}", topology::describe_path(*machine, options.path, *location, context.table_width()));
    return {};
  }
  if (options.snapshot.empty())
    fmt::print("{}",
               topology::describe(*machine, topology::look(*machine, options.from), context.table_width()));
  return {};
}

}  // namespace

void add_topo(CLI::App& app, Context& context) {
  auto options = std::make_shared<TopoOptions>();
  CLI::App* command = app.add_subcommand(
      "topo", "Show the machine's drives, links, GPUs and ports, and the most that each can deliver");
  command->add_option("--from", options->from,
                      "A recorded machine (folder), a document or a fabric, instead of this machine");
  command->add_option("--path", options->path,
                      "Show what this file or folder lies on, and its hops to memory");
  command->add_option("--snapshot", options->snapshot, "Record the machine's /sys and /proc in a new folder");
  command->add_option("--json", options->json, "Write the topology as JSON; - is standard output");
  add_fabric_options(*command, options->fabric);
  command->footer(
      "Examples:\n"
      "  millrace topo\n"
      "  millrace topo --path /data\n"
      "  millrace topo --snapshot rack7-node3\n"
      "  millrace topo --from rack7-node3 --json -\n"
      "  millrace topo --generate fat-tree --hosts 1024 --gpus 8 --rails 8 --json fabric.json\n"
      "  millrace topo --from fabric.json");
  command->callback([&context, options] {
    if (const auto done = show(*options, context); !done) context.fail(done.error());
  });
}

}  // namespace millrace::cli
