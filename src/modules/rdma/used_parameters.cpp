// SPDX-License-Identifier: Apache-2.0
#include "modules/rdma/used_parameters.hpp"

#include <fmt/format.h>

namespace millrace::rdma {

void say_parameters(const sdk::Host& host, const LinkEnd& end) {
  const Settings& settings = end.settings();
  const bool near = end.role().near();
  const auto say = [&](const char* name, const auto& value) {
    host.resolved(name, fmt::format("{}", value));
  };
  say(near ? "device" : "peer-device", fmt::format("{}:{}", end.port().device, end.port().number));
  say(near ? "memory" : "peer-memory", (near ? settings.near : settings.far).memory);
  if (end.route().gids) {
    say(near ? "gid-index" : "peer-gid-index", end.route().gids->first.index);
    say(near ? "gid" : "peer-gid", end.route().gids->first.text());
  }
  if (!end.role().initiator) return;
  const Tuning tuning = settings.tuning(settings.size, end.region().on_device());
  say("size", settings.size);
  say("queue-depth", tuning.depth);
  say("post-list", tuning.list);
  say("signal-every", tuning.signal_every);
  say("inline", end.refused_inline() ? 0 : tuning.inline_bytes);
  say("relaxed-ordering", tuning.relaxed_ordering ? "on" : "off");
  say("mtu", end.route().mtu);
  say("addressing", end.route().gids ? "gid" : "lid");
  if (settings.operation == Operation::kWrite && settings.mode == Mode::kLatency)
    say("notice", settings.polls ? "poll" : "immediate");
}

}  // namespace millrace::rdma
