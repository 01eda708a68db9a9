// SPDX-License-Identifier: Apache-2.0
#include "modules/tcp/stream_probe.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>

#include "modules/tcp/network_failure.hpp"
#include "modules/tcp/placement.hpp"
#include "modules/tcp/route.hpp"
#include "modules/tcp/verification.hpp"
#include "modules/tcp/zero_copy.hpp"

namespace millrace::tcp {
namespace {

constexpr std::uint64_t kStreamOtherMemory = 16 << 20;

// Threads of one worker: the first failure counts, and one that ends takes the others with it.
class Together {
 public:
  explicit Together(const sdk::Host& host) : host_(host) {}

  [[nodiscard]] bool stopped() const { return host_.cancelled() || over_.load(std::memory_order_relaxed); }

  void ended(const Result<LoopEnd>& end) {
    const std::scoped_lock hold(mutex_);
    if (!end && !error_) error_ = end.error();
    if (end && *end == LoopEnd::kPeerEnded) peer_ended_ = true;
    over_ = true;
  }

  [[nodiscard]] const std::optional<Error>& error() const { return error_; }
  [[nodiscard]] bool peer_ended() const { return peer_ended_; }

 private:
  const sdk::Host& host_;
  std::mutex mutex_;
  std::atomic<bool> over_{false};
  std::optional<Error> error_;
  bool peer_ended_ = false;
};

std::vector<std::vector<Connection*>> dealt(std::vector<Connection>& connections, bool outgoing,
                                            std::size_t threads) {
  std::vector<std::vector<Connection*>> hands(threads);
  std::size_t next = 0;
  for (Connection& connection : connections)
    if (connection.outgoing == outgoing) hands[next++ % threads].push_back(&connection);
  std::erase_if(hands, [](const auto& hand) { return hand.empty(); });
  return hands;
}

}  // namespace

sdk::Outcome StreamProbe::describe(sdk::Host& host) {
  const Result<StreamOptions> options = stream_options_from(host);
  if (!options) return report(host, options.error());
  const std::size_t peers = static_cast<std::size_t>(std::max(host.hosts() - 1, 1));
  if (const Result<void> allowed = allow_descriptors(peers * options->counts().all()); !allowed)
    return report(host, allowed.error());
  if (const Result<void> fine = try_link_options(host, options->link); !fine)
    return report(host, fine.error());
  const std::uint32_t threads = options->threads * (options->direction == Direction::kBoth ? 2 : 1);
  const std::uint64_t pages = options->zero_copy ? threads * options->block_size : 0;
  return add_ends(host, options->link, options->direction != Direction::kReceive, threads,
                  threads * options->block_size + options->verify_bytes + kStreamOtherMemory, pages);
}

Result<void> StreamProbe::share_out() {
  for (const auto& hand : dealt(meeting_.connections, true, options_.threads)) {
    Result<Sender> sender = Sender::make(hand, options_);
    if (!sender) return tl::unexpected(sender.error());
    senders_.push_back(std::move(*sender));
  }
  for (const auto& hand : dealt(meeting_.connections, false, options_.threads)) {
    Result<Receiver> receiver = Receiver::make(hand, options_);
    if (!receiver) return tl::unexpected(receiver.error());
    receivers_.push_back(std::move(*receiver));
  }
  return {};
}

Result<void> StreamProbe::prepare(const sdk::Host& host) {
  Result<StreamOptions> options = stream_options_from(host);
  if (!options) return tl::unexpected(options.error());
  options_ = std::move(*options);
  options_.threads = std::max(host.worker().threads / (options_.direction == Direction::kBoth ? 2 : 1), 1U);
  Result<Meeting> meeting = meet(host, options_.link, options_.counts());
  if (!meeting) return tl::unexpected(meeting.error());
  meeting_ = std::move(*meeting);
  if (options_.zero_copy)
    for (const Connection& connection : meeting_.connections)
      if (Result<void> enabled = ZeroCopy::enable(connection.fd()); !enabled) return enabled;
  if (options_.verify)
    if (Result<void> right = verify_streams(host, meeting_.connections, options_); !right) return right;
  return share_out();
}

void StreamProbe::say_what_was_used(const sdk::Host& host) const {
  if (options_.discard && !receivers_.empty()) host.raise_flag("discarded-in-kernel");
  if (meeting_.strangers > 0) {
    host.counter("tcp:strangers_refused", meeting_.strangers);
    host.log(MILLRACE_LOG_WARNING,
             fmt::format("{} connections that were none of ours were refused", meeting_.strangers));
  }
  say_route(host, meeting_.connections);
}

sdk::Outcome StreamProbe::open(sdk::Host& host) {
  if (const Result<void> prepared = prepare(host); !prepared) return report(host, prepared.error());
  say_what_was_used(host);
  return sdk::Outcome::kOk;
}

sdk::Outcome StreamProbe::run(sdk::Host& host) {
  Together together(host);
  const std::function<bool()> stopped = [&] { return together.stopped(); };
  std::vector<std::function<void()>> loops;
  for (Receiver& receiver : receivers_)
    loops.emplace_back([&] { together.ended(receiver.run(host, stopped)); });
  for (Sender& sender : senders_) loops.emplace_back([&] { together.ended(sender.run(host, stopped)); });
  {
    std::vector<std::jthread> others;  // with one thread the loop runs here, where the core pinned it
    for (std::size_t i = 1; i < loops.size(); ++i) others.emplace_back(loops[i]);
    loops.front()();
  }
  if (together.error()) return report(host, *together.error());
  if (together.peer_ended() && !soon_cancelled(host))
    return report(host, peer_ended(meeting_.connections.front().peer_text()));
  return sdk::Outcome::kOk;
}

}  // namespace millrace::tcp
