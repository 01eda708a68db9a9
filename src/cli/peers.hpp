// SPDX-License-Identifier: Apache-2.0
// The options by which a command reaches peers.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "run/peer/hub.hpp"
#include "units/result.hpp"

namespace millrace::cli {

struct PeerOptions {
  std::vector<std::string> peers, token_files, allowed;
};

// Sessions with all of them, proved by the tokens of the files or of MILLRACE_TOKEN, in order; nothing when
// there is no peer.
Result<std::unique_ptr<run::peer::Hub>> reach_peers(const PeerOptions& options);

}  // namespace millrace::cli
