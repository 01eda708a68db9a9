// SPDX-License-Identifier: Apache-2.0
#include "modules/rdma/probe.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <thread>

#include "modules/rdma/cm_join.hpp"
#include "modules/rdma/phase.hpp"
#include "modules/rdma/plan.hpp"
#include "modules/rdma/port_counters.hpp"
#include "modules/rdma/serve.hpp"
#include "modules/rdma/stream.hpp"
#include "modules/rdma/used_parameters.hpp"

namespace millrace::rdma {
namespace {

constexpr std::int64_t kOthersWord_ns = 2'000'000'000;
constexpr std::size_t kMostSweptSamples = 2000;                    // of one size
constexpr std::uint64_t kSweptInFlight = std::uint64_t{64} << 20;  // bytes, so that a slow link drains

// An exchange has said why it failed; a run that was stopped has no fault.
tl::unexpected<Error> not_exchanged() { return failure(""); }

Result<std::vector<Greeting>> all_greetings(const sdk::Host& host, const Greeting& mine,
                                            std::int64_t timeout_ns) {
  const auto texts = host.exchange(to_bytes(mine), timeout_ns);
  if (texts.empty()) return not_exchanged();
  std::vector<Greeting> all;
  for (const std::string& text : texts) {
    auto greeting = greeting_from(text);
    if (!greeting)
      return failure(fmt::format("rank {} sent something that is no greeting", all.size()),
                     "run the same version of Millrace on all hosts");
    all.push_back(std::move(*greeting));
  }
  return all;
}

Result<Greeting> partner_of(const LinkRole& role, const std::vector<Greeting>& all, const std::string& here) {
  const std::string wanted = role.other_end().text();
  const auto found =
      std::find_if(all.begin(), all.end(), [&](const Greeting& greeting) { return greeting.role == wanted; });
  if (found != all.end()) return *found;
  return failure(
      fmt::format("{} has no port of the other end to talk to (pair {} of ports)", here, role.lane + 1),
      "the ends have different numbers of active ports: name them by --device and --peer-device");
}

// Of all links together, which wait for each other here, so that the next size is theirs together too.
Result<double> sum_over_links(const sdk::Host& host, double mine, std::int64_t timeout_ns) {
  const auto figures = host.exchange(fmt::format("{}", mine), timeout_ns);
  if (figures.empty()) return not_exchanged();
  double sum = 0;
  for (const std::string& text : figures) {
    double figure = 0;
    std::from_chars(text.data(), text.data() + text.size(), figure);
    sum += figure;
  }
  return sum;
}

bool soon_cancelled(const sdk::Host& host) {
  const std::int64_t deadline = host.now_ns() + kOthersWord_ns;
  while (!host.cancelled() && host.now_ns() < deadline)
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  return host.cancelled();
}

Work work_of(const Settings& settings, std::uint64_t size, bool on_device) {
  Work work;
  work.size = size;
  work.tuning = settings.tuning(size, on_device);
  return work;
}

// Few enough in flight that the end of a phase comes soon.
Work swept(Work work, const Settings& settings, bool on_device) {
  Settings shallow = settings;
  const std::uint64_t most = std::max<std::uint64_t>(kSweptInFlight / work.size, 2);
  shallow.wishes.depth = static_cast<std::uint32_t>(std::min<std::uint64_t>(work.tuning.depth, most));
  work.tuning = shallow.tuning(work.size, on_device);
  return work;
}

}  // namespace

sdk::Outcome RdmaProbe::describe(sdk::Host& host, Operation operation) {
  const auto settings = settings_from(host, operation);
  return settings ? plan_workers(host, *settings) : report(host, settings.error());
}

bool RdmaProbe::counts() const {
  return end_->role().initiator == (operation_ != Operation::kSend) ||
         (end_->settings().mode == Mode::kLatency && end_->role().initiator);
}

sdk::Outcome RdmaProbe::give_up(const sdk::Host& host, const Error& error) {
  if (host.cancelled()) return sdk::Outcome::kCancelled;
  // The other end tells the core as well, with a way out: its word counts, and it comes in a moment.
  if (end_ != nullptr && end_->control().other_has_failed() && soon_cancelled(host))
    return sdk::Outcome::kCancelled;
  if (end_ != nullptr && !error.what.empty()) end_->control().say_failed(error.what);
  return error.what.empty() ? sdk::Outcome::kFailed : report(host, error);
}

sdk::Outcome RdmaProbe::open(sdk::Host& host) {
  const auto done = set_up(host);
  return done ? sdk::Outcome::kOk : give_up(host, done.error());
}

Result<void> RdmaProbe::set_up(const sdk::Host& host) {
  const auto settings = settings_from(host, operation_);
  if (!settings) return tl::unexpected(settings.error());
  const auto role = LinkRole::parse(host.worker().role);
  if (!role) return failure("the worker's role is none of this module's", "this is a bug of Millrace");
  auto end = LinkEnd::open(host, *settings, *role);
  if (!end) return tl::unexpected(end.error());
  end_ = std::move(*end);
  if (auto met = meet(host); !met) return met;
  if (auto joined = join(host); !joined) return joined;
  receiver_.emplace(host, *end_);
  ping_pong_.emplace(host, *end_, *receiver_);
  if (settings->verify) {
    auto verified = verify(host, *end_, *receiver_);
    if (!verified) return tl::unexpected(verified.error());
    verified_ = *verified;
    if (auto cleared = ping_pong_->clear(); !cleared) return cleared;
  }
  return sweep(host);
}

Result<void> RdmaProbe::meet(const sdk::Host& host) {
  const auto all = all_greetings(host, end_->greeting(), end_->settings().timeout_ns);
  if (!all) return tl::unexpected(all.error());
  const auto theirs = partner_of(end_->role(), *all, end_->port().text());
  if (!theirs) return tl::unexpected(theirs.error());
  const Greeting& mine = end_->greeting();
  const auto same_port = [&](const Greeting& other) {
    return other.host == mine.host && other.device == mine.device && other.port == mine.port;
  };
  reports_counters_ = std::find_if(all->begin(), all->end(), same_port)->role == mine.role;
  return end_->meet(host, *theirs);
}

Result<void> RdmaProbe::join(const sdk::Host& host) {
  const std::int64_t timeout = end_->settings().timeout_ns;
  std::optional<CmJoin> cm;
  if (end_->settings().connect == Connect::kRdmaCm) {
    cm.emplace(host, *end_);
    std::string told = end_->role().text() + " 0";
    if (!end_->role().initiator) {
      const auto port = cm->listen();
      if (!port) return tl::unexpected(port.error());
      told = fmt::format("{} {}", end_->role().text(), *port);
    }
    const auto all = host.exchange(told, timeout);
    if (all.empty()) return not_exchanged();
    const std::string wanted = end_->role().other_end().text() + " ";
    const auto theirs = std::find_if(all.begin(), all.end(),
                                     [&](const std::string& text) { return text.starts_with(wanted); });
    std::uint16_t port = 0;
    if (theirs != all.end())
      std::from_chars(theirs->data() + wanted.size(), theirs->data() + theirs->size(), port);
    if (auto joined = end_->role().initiator ? cm->connect_all(port) : cm->accept_all(); !joined)
      return joined;
  }
  const bool datagrams = end_->settings().transport == Transport::kDatagram;
  if (!cm || datagrams)
    if (auto joined = end_->join(cm ? 1 : 0); !joined) return joined;
  if (auto prepared = end_->prepare(); !prepared) return prepared;
  // Nobody sends before everybody can receive.
  return host.exchange("ready", timeout).empty() ? Result<void>(not_exchanged()) : Result<void>();
}

Result<void> RdmaProbe::sweep(const sdk::Host& host) {
  for (const std::uint64_t size : end_->settings().sweep) {
    double bytes_per_s = 0;
    if (auto done = sweep_size(host, size, bytes_per_s); !done) return done;
    if (auto cleared = ping_pong_->clear(); !cleared) return cleared;
    if (auto both = finish_phase(host, *end_, true); !both) return both;
    if (end_->settings().mode == Mode::kLatency) continue;
    const auto sum = sum_over_links(host, bytes_per_s, end_->settings().timeout_ns);
    if (!sum) return tl::unexpected(sum.error());
    if (host.rank() == 0 && *sum > 0) swept_.emplace_back(fmt::format("size_{}_bytes_per_s", size), *sum);
  }
  return {};
}

Result<void> RdmaProbe::sweep_size(const sdk::Host& host, std::uint64_t size, double& bytes_per_s) {
  const Settings& settings = end_->settings();
  const bool initiates = end_->role().initiator;
  Phase phase = initiates ? Phase(host, *end_, host.now_ns() + settings.sweep_time_ns) : Phase(host, *end_);
  if (settings.mode == Mode::kLatency) {
    if (!initiates)
      return operation_ == Operation::kRead ? serve(host, phase) : ping_pong_->answer(size, phase);
    const std::string name = fmt::format("size_{}_latency_s", size);
    const double share = settings.report_half ? 0.5e-9 : 1e-9;
    std::size_t taken = 0;
    return ping_pong_->ask(size, phase, [&](std::int64_t, std::int64_t round_trip_ns) {
      if (taken++ < kMostSweptSamples) swept_.emplace_back(name, share * static_cast<double>(round_trip_ns));
    });
  }
  const bool on_device = end_->region().on_device();
  const Work work = swept(work_of(settings, size, on_device), settings, on_device);
  Result<Passage> passage;
  if (initiates) {
    passage = stream(host, *end_, work, phase);
  } else if (operation_ == Operation::kSend) {
    passage = receiver_->receive(work, phase);
  } else {
    return serve(host, phase);
  }
  if (!passage) return tl::unexpected(passage.error());
  if (counts()) bytes_per_s = passage->per_second() * static_cast<double>(size);
  return {};
}

void RdmaProbe::say_what_was_used(const sdk::Host& host) const {
  say_parameters(host, *end_);
  const Settings& settings = end_->settings();
  for (const auto& [name, value] : swept_) host.sample(name.c_str(), value);
  if (verified_.looked) {
    const bool lost = settings.transport == Transport::kReliable && verified_.missing > 0;
    host.verified(verified_.wrong == 0 && !lost);
    host.counter("rdma:verified_messages", static_cast<double>(verified_.messages));
    if (verified_.missing > 0 && !lost) host.raise_flag("datagrams-lost");
  }
  if (settings.huge_pages && !end_->region().on_device() && !end_->region().on_huge_pages())
    host.raise_flag("no-huge-pages");
  if (end_->refused_inline() && settings.wishes.inline_bytes) host.raise_flag("inline-refused");
  if (end_->region().on_device() && !end_->by_dmabuf()) host.raise_flag("not-by-dmabuf");
  if (!end_->role().initiator) return;
  if (settings.mode == Mode::kLatency)
    host.raise_flag(settings.report_half ? "half-round-trip" : "round-trip");
  const std::string way =
      end_->route().gids ? fmt::format("GID {} {} to {}", end_->route().gids->first.index,
                                       end_->route().gids->first.text(), end_->route().gids->second.text())
                         : fmt::format("LID to {}", end_->route().their_lid);
  host.log(MILLRACE_LOG_INFO,
           fmt::format("{} to {}, MTU {}, by {}", end_->here(), end_->there(), end_->route().mtu, way));
}

Result<void> RdmaProbe::measure(const sdk::Host& host) {
  const Settings& settings = end_->settings();
  sdk::Recorder recorder;
  if (counts()) {
    recorder = host.recorder();
    if (!recorder) return failure("no recorder is left", "this is a bug of Millrace");
  }
  Phase phase(host, *end_);
  const bool initiates = end_->role().initiator;
  if (settings.mode == Mode::kLatency) {
    if (!initiates)
      return operation_ == Operation::kRead ? serve(host, phase) : ping_pong_->answer(settings.size, phase);
    const int parts = settings.report_half ? 2 : 1;
    return ping_pong_->ask(settings.size, phase, [&](std::int64_t now_ns, std::int64_t round_trip_ns) {
      recorder.latency(static_cast<std::uint64_t>(round_trip_ns / parts));
      recorder.done(now_ns, settings.size);
    });
  }
  Work work = work_of(settings, settings.size, end_->region().on_device());
  work.drain = false;  // what is in flight at the end does not count
  work.recorder = counts() ? &recorder : nullptr;
  if (!initiates && operation_ != Operation::kSend) return serve(host, phase);
  const auto passage = initiates ? stream(host, *end_, work, phase) : receiver_->receive(work, phase);
  if (!passage) return tl::unexpected(passage.error());
  if (settings.transport == Transport::kDatagram)
    host.counter(initiates ? "rdma:datagrams_sent" : "rdma:datagrams_received",
                 static_cast<double>(passage->messages()));
  return {};
}

sdk::Outcome RdmaProbe::run(sdk::Host& host) {
  say_what_was_used(host);
  const Port& port = end_->port();
  const PortCounters before =
      reports_counters_ ? read_port_counters(port.device, port.number) : PortCounters{};
  const auto measured = measure(host);
  if (!measured) return give_up(host, measured.error());
  if (reports_counters_) {
    const auto grown = growth(before, read_port_counters(port.device, port.number));
    const std::string of_host = host.hosts() > 1 ? fmt::format("host{}:", host.host_index()) : "";
    for (const auto& [name, value] : grown)
      host.counter(fmt::format("rdma:{}{}:{}:{}", of_host, port.device, port.number, name).c_str(), value);
    if (tells_of_loss(grown)) host.raise_flag("packets-lost");
    if (tells_of_congestion(grown)) host.raise_flag("congestion-notified");
  }
  if (ping_pong_->lost() > 0) {
    host.counter("rdma:datagrams_lost", static_cast<double>(ping_pong_->lost()));
    host.raise_flag("datagrams-lost");
  }
  // The measuring is over: what goes wrong from here on costs no figure.
  if (const auto both = finish_phase(host, *end_, false); !both)
    host.log(MILLRACE_LOG_WARNING, fmt::format("at the end: {}", both.error().what));
  return sdk::Outcome::kOk;
}

}  // namespace millrace::rdma
