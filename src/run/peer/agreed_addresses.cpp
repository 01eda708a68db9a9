// SPDX-License-Identifier: Apache-2.0
#include "run/peer/agreed_addresses.hpp"

#include <fmt/format.h>
#include <millrace/module_abi.h>

#include "run/address_range.hpp"

namespace millrace::run::peer {

Result<void> check_addresses(const ProbeInfo& probe, const Parameters& parameters,
                             const std::vector<std::string>& agreed) {
  for (const ParameterSpec& spec : probe.parameters) {
    if (spec.kind != MILLRACE_ADDRESS) continue;
    const auto found = parameters.find(spec.name);
    if (found == parameters.end() || found->second.empty()) continue;
    const std::string& wanted = found->second;
    if (is_within(wanted, agreed)) continue;
    return failure(
        fmt::format("--{} {} is neither an address of the session nor one that this peer allows", spec.name,
                    wanted),
        fmt::format("leave --{} out, or start that peer with --allow-address {}", spec.name, wanted),
        Exit::kInconclusive);
  }
  return {};
}

}  // namespace millrace::run::peer
