// SPDX-License-Identifier: Apache-2.0
#include "modules/nccl/pairs_probe.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cstring>
#include <utility>

#include "modules/collective/cancellation.hpp"
#include "modules/collective/pattern.hpp"
#include "modules/nccl/enqueue.hpp"
#include "modules/nccl/verification.hpp"

namespace millrace::nccl {
namespace {

constexpr std::uint64_t kOfPair =
    3;  // transfers in a row; of the first, where pairs change, no rate is taken

// Not the mean: a transfer that something disturbed must not make a link slow. Of an even count the upper
// one.
double median_of(std::vector<double> values) {
  if (values.empty()) return 0;
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

// "gpu:0" as part of a metric's name.
std::string in_metric(std::string name) {
  std::erase(name, ':');
  return name;
}

}  // namespace

sdk::Outcome PairsProbe::describe(sdk::Host& host) {
  const auto settings = settings_from(host, collective::Collective::kSendReceive);
  return settings ? add_ranks(host, *settings) : collective::report(host, settings.error());
}

Result<void> PairsProbe::prepare(const sdk::Host& host) {
  auto settings = settings_from(host, collective::Collective::kSendReceive);
  if (!settings) return tl::unexpected(settings.error());
  settings->graph = false;
  auto opened = Rank::open(host, std::move(*settings));
  if (!opened) return tl::unexpected(opened.error());
  rank_ = std::move(*opened);
  const auto n = static_cast<std::size_t>(host.ranks());
  rates_.resize(n);
  auto small = cuda::DeviceMemory::allocate(rank_->context, (n + 1) * n * sizeof(double));
  if (!small) return tl::unexpected(small.error());
  small_ = std::move(*small);
  return fill_for_measuring(rank_->settings, host.rank(), rank_->buffers);
}

sdk::Outcome PairsProbe::open(sdk::Host& host) {
  const auto prepared = prepare(host);
  return prepared ? sdk::Outcome::kOk : collective::report(host, prepared.error());
}

// A collective of one number: none goes on before all have come.
Result<void> PairsProbe::meet_all() {
  auto* at = reinterpret_cast<void*>(small_.data());
  return rank_->communicator.settle(
      ncclAllReduce(at, at, 1, ncclInt32, ncclMax, rank_->communicator.handle(), rank_->stream.handle()),
      "letting a pair wait for the others");
}

Result<void> PairsProbe::check_received(const sdk::Host& host, int from) {
  const Settings& s = rank_->settings;
  const Turn& turn = rank_->buffers.turns().front();
  std::vector<std::byte> here(turn.output_bytes);
  if (auto done = read(here, turn.output); !done) return done;
  const auto wrong = collective::first_wrong(
      here, collective::input_period(s.type, s.operation, from, s.ranks), s.element(), 0);
  host.verified(!wrong);
  ++checked_;
  host.counter("collective:verified_bytes", static_cast<double>(here.size()));
  if (!wrong) return {};
  return failure(
      fmt::format("rank {}: element {} of what came is not that of rank {}", host.rank(), *wrong, from),
      "the link between them or a GPU's memory corrupts data: `nvidia-smi nvlink -e`");
}

// All ranks call it; two move bytes. `first`: of a row, with a check instead of a rate.
Result<void> PairsProbe::move(const sdk::Host& host, const RankPair& pair, bool first,
                              sdk::Recorder& recorder) {
  Rank& r = *rank_;
  const bool gets = pair.to == host.rank();
  const bool sends = pair.from == host.rank();
  const Turn& turn = r.buffers.turns().front();
  const bool checks = first && r.settings.verify && gets;
  if (checks)
    if (auto done = poison(turn.output, turn.output_bytes); !done) return done;
  if (auto met = meet_all(); !met) return met;
  if (!sends && !gets)
    return r.communicator.wait_until([&] { return r.stream.is_done(); }, "waiting for another pair");
  const std::size_t count = turn.input_bytes / r.settings.element();
  auto put = r.timeline.put([&] {
    const ncclDataType_t type = type_of(r.settings.type);
    const ncclResult_t said = sends ? ncclSend(reinterpret_cast<const void*>(turn.input), count, type,
                                               pair.to, r.communicator.handle(), r.stream.handle())
                                    : ncclRecv(reinterpret_cast<void*>(turn.output), count, type, pair.from,
                                               r.communicator.handle(), r.stream.handle());
    return r.communicator.settle(said, fmt::format("sendrecv from {} to {}", pair.from, pair.to));
  });
  if (!put) return put;
  const auto interval = r.timeline.take();
  if (!interval) return tl::unexpected(interval.error());
  if (!gets) return {};
  const std::int64_t took_ns = std::max<std::int64_t>(interval->end_ns - interval->begin_ns, 1);
  recorder.done(host.now_ns(), turn.output_bytes);
  recorder.latency(static_cast<std::uint64_t>(took_ns));
  if (checks) return check_received(host, pair.from);
  if (first) return {};
  const double rate = static_cast<double>(turn.output_bytes) / (static_cast<double>(took_ns) * 1e-9);
  const auto all = names(host);
  host.sample(fmt::format("{}_to_{}_bytes_per_s", in_metric(all[static_cast<std::size_t>(pair.from)]),
                          in_metric(all[static_cast<std::size_t>(pair.to)]))
                  .c_str(),
              rate);
  rates_[static_cast<std::size_t>(pair.from)].push_back(rate);
  return {};
}

// On one host ranks are its GPUs, in this order.
std::vector<std::string> PairsProbe::names(const sdk::Host& host) const {
  std::vector<std::string> all;
  for (int rank = 0; rank < host.ranks(); ++rank)
    all.push_back(host.hosts() < 2 ? rank_->settings.gpus[static_cast<std::size_t>(rank)].id()
                                   : fmt::format("rank:{}", rank));
  return all;
}

// Exchanges are over when the run is stopped: the ranks' rates travel by a collective.
Result<void> PairsProbe::name_slow(const sdk::Host& host) {
  const auto n = static_cast<std::size_t>(host.ranks());
  Rank& r = *rank_;
  std::vector<double> mine;
  for (const auto& rates : rates_) mine.push_back(median_of(rates));
  const CUdeviceptr all_at = small_.data() + n * sizeof(double);
  if (auto done = write(small_.data(), std::as_bytes(std::span(mine))); !done) return done;
  auto put = r.communicator.settle(
      ncclAllGather(reinterpret_cast<const void*>(small_.data()), reinterpret_cast<void*>(all_at), n,
                    ncclFloat64, r.communicator.handle(), r.stream.handle()),
      "gathering the rates");
  if (!put) return put;
  if (auto done = r.communicator.wait_until([&] { return r.stream.is_done(); }, "gathering the rates"); !done)
    return done;
  std::vector<double> all(n * n);
  if (auto done = read(std::as_writable_bytes(std::span(all)), all_at); !done) return done;
  if (host.rank() != 0) return {};
  const auto unmeasured = static_cast<std::size_t>(std::count(all.begin(), all.end(), 0.0)) - n;
  if (unmeasured > 0) {
    host.raise_flag("pairs-missing");
    host.log(MILLRACE_LOG_WARNING, fmt::format("{} of {} pairs had no turn: a longer --duration reaches all",
                                               unmeasured, n * (n - 1)));
  }
  for (const std::string& slow : slow_pairs(all, names(host))) {
    host.raise_flag(("slow: " + slow).c_str());
    host.log(MILLRACE_LOG_WARNING, fmt::format("{}: below three quarters of the other pairs", slow));
  }
  return {};
}

sdk::Outcome PairsProbe::run(sdk::Host& host) {
  sdk::Recorder recorder = host.recorder();
  const auto n = static_cast<std::size_t>(host.ranks());
  const std::size_t pairs = n * (n - 1);
  if (auto set = rank_->timeline.calibrate(); !set) return collective::report(host, set.error());
  for (std::uint64_t iteration = 0;;) {
    const std::uint64_t until = host.continue_until(iteration);
    if (until == iteration) break;
    for (; iteration < until; ++iteration) {
      const RankPair pair = pair_at((iteration / kOfPair) % pairs, host.ranks());
      const auto moved = move(host, pair, iteration % kOfPair == 0, recorder);
      if (!moved) return collective::report(host, moved.error());
    }
  }
  const auto named = name_slow(host);
  return named ? sdk::Outcome::kOk : collective::report(host, named.error());
}

sdk::Outcome PairsProbe::close(sdk::Host& host) {
  if (rank_->communicator.aborted()) small_.abandon();
  small_ = {};
  const auto closed = rank_->close();
  return closed ? sdk::Outcome::kOk : collective::report(host, closed.error());
}

}  // namespace millrace::nccl
