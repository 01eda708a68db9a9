// SPDX-License-Identifier: Apache-2.0
// What `millrace peer` does: lets one other host at a time use this one as the other end of its measurements.
// All that it takes from there are the name of a probe, its parameters and what ranks tell each other; the
// probe is one of its own modules, and no probe that is given paths is run.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "run/peer/address.hpp"
#include "run/port_range.hpp"
#include "units/quantity.hpp"
#include "units/result.hpp"

namespace millrace::run::peer {

struct ServeOptions {
  Address listen;
  Duration idle{600'000'000'000};  // without a session, or in a session without a measurement
  std::optional<std::filesystem::path> token_file;
  int sessions = 1;  // each with a token of its own
  // Addresses that a probe may use besides those of the session, see address_range.hpp.
  std::vector<std::string> allowed;
  PortRange ports;  // at which probes may listen
};

struct ServeCallbacks {
  // Where it listens and the token of the next session; `token` is empty where it stands in the file.
  std::function<void(const Address& listening, const std::string& token)> ready;
  std::function<void(const std::string& line)> say;
};

// Returns when all sessions are over, nobody came in time, or it was interrupted (Exit::kInterrupted).
Result<void> serve(const ServeOptions& options, const ServeCallbacks& callbacks);

}  // namespace millrace::run::peer
