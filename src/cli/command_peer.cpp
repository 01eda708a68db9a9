// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "cli/commands.hpp"
#include "run/address_range.hpp"
#include "run/numeric_address.hpp"
#include "run/peer/serve.hpp"
#include "run/port_range.hpp"
#include "units/quantity.hpp"

namespace millrace::cli {
namespace {

struct PeerArguments {
  std::string listen, idle = "10min", token_file, ports;
  std::vector<std::string> allowed;
  int sessions = 1;
};

Result<run::peer::ServeOptions> read_options(const PeerArguments& arguments) {
  const auto named = [](const char* flag) {
    return [flag](Error error) {
      error.what = fmt::format("{}: {}", flag, error.what);
      return error;
    };
  };
  run::peer::ServeOptions options;
  const auto address = run::peer::parse_address(arguments.listen).map_error(named("--listen"));
  if (!address) return tl::unexpected(address.error());
  const auto idle = parse_duration(arguments.idle).map_error(named("--idle"));
  if (!idle) return tl::unexpected(idle.error());
  if (idle->ns < 1'000'000'000) return failure("--idle: it must be 1s at least", "for example --idle 10min");
  options.listen = *address;
  options.idle = *idle;
  options.sessions = arguments.sessions;
  for (const std::string& text : arguments.allowed) {
    auto allowed = run::address_range(text).map_error(named("--allow-address"));
    if (!allowed) return tl::unexpected(allowed.error());
    options.allowed.push_back(std::move(*allowed));
  }
  if (!arguments.ports.empty()) {
    const auto ports = run::port_range(arguments.ports).map_error(named("--ports"));
    if (!ports) return tl::unexpected(ports.error());
    options.ports = *ports;
  }
  if (!arguments.token_file.empty()) options.token_file = arguments.token_file;
  return options;
}

void serve(const PeerArguments& arguments, Context& context) {
  const auto options = read_options(arguments);
  if (!options) return context.fail(options.error());
  run::peer::ServeCallbacks callbacks;
  callbacks.ready = [&](const run::peer::Address& listening, const std::string& token) {
    fmt::print("listening on {}\n", run::peer::to_text(listening));
    fmt::print("token {}\n", token.empty() ? "in " + arguments.token_file : token);
    std::fflush(stdout);
    // A wildcard is no address that anybody can reach.
    const bool everywhere = !run::numeric_address(listening.host);
    const std::string there =
        everywhere
            ? fmt::format("ADDRESS:{} (ADDRESS: one of this host that the other reaches)", listening.port)
            : run::peer::to_text(listening);
    context.remark(fmt::format("on the other host: {}millrace measure PROBE{} --peer {}",
                               token.empty() ? "" : "MILLRACE_TOKEN=… ",
                               token.empty() ? " --token-file FILE" : "", there));
  };
  callbacks.say = [&](const std::string& line) {
    if (context.quiet) return;
    fmt::print("{}\n", line);
    std::fflush(stdout);
  };
  const auto served = run::peer::serve(*options, callbacks);
  if (served) return;
  if (served.error().exit == Exit::kInterrupted)
    context.exit = Exit::kInterrupted;
  else
    context.fail(served.error());
}

}  // namespace

void add_peer(CLI::App& app, Context& context) {
  auto arguments = std::make_shared<PeerArguments>();
  CLI::App* command =
      app.add_subcommand("peer", "Be the other end of a measurement that another host asks for");
  command
      ->add_option("--listen", arguments->listen,
                   "ADDRESS:PORT of this host to listen on, and nowhere else; port 0: any free one")
      ->required();
  command->add_option("--idle", arguments->idle, "End when nobody came, or nothing was asked, for so long")
      ->capture_default_str();
  command->add_option("--token-file", arguments->token_file,
                      "Write the token here, for the owner alone, instead of printing it");
  command->add_option(
      "--allow-address", arguments->allowed,
      "An address, or a network of them (10.1.0.0/16), that probes may use besides those of the session: the "
      "other host's and this one's own, such as those of RDMA ports; several times: more of them");
  command->add_option(
      "--ports", arguments->ports,
      "FIRST-LAST: the TCP ports at which tcp.* may listen, as a firewall lets them through; Gloo and "
      "NCCL take any");
  command->add_option("--sessions", arguments->sessions, "End after so many sessions, each with a new token")
      ->check(CLI::Range(1, 1'000'000))
      ->capture_default_str();
  command->footer(
      "It serves who knows the token it prints, one at a time, each token once, and then ends. It runs\n"
      "its own modules' probes and no others, none that is given a path, and touches no files for another\n"
      "host. Probes use the addresses of the session and those allowed here: RDMA ports of another network\n"
      "need that, and so do the other peers of a collective of Gloo's.\n"
      "Example:\n"
      "  node2$ millrace peer --listen 10.0.0.2:7411 --token-file token\n"
      "  node1$ scp node2:token . && millrace measure tcp.stream --peer 10.0.0.2:7411 --token-file token");
  command->callback([arguments, &context] { serve(*arguments, context); });
}

}  // namespace millrace::cli
