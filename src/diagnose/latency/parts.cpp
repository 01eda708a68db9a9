// SPDX-License-Identifier: Apache-2.0
#include "diagnose/latency/parts.hpp"

#include <fmt/core.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <string_view>

#include "diagnose/conventions.hpp"
#include "workload/serving_time.hpp"

namespace millrace::diagnose {
namespace {

// A round trip that is this much shorter than the profile's own, where that one is of a distance at all
// (across a town it is a millisecond), is not of the distance that the profile is about.
constexpr double kOtherDistance = 10, kLeastDistanceS = 1e-3;

bool has_flag(const record::Measurement& m, std::string_view flag) {
  return std::find(m.flags.begin(), m.flags.end(), flag) != m.flags.end();
}

// The one that is said to be of this network, else one over TCP, which is what a client speaks, else one over
// RDMA.
const record::Measurement* round_trip(const record::Document& document) {
  const record::Measurement* found = nullptr;
  const auto rank = [](const record::Measurement& m) {
    return (m.label == conventions::kClientNetwork ? 2 : 0) + (m.probe == "tcp.latency" ? 1 : 0);
  };
  for (const record::Measurement& m : document.measurements) {
    // Of RDMA in its latency mode alone: elsewhere a latency is an operation's among many in flight.
    const bool asks =
        m.probe == "tcp.latency" ||
        (m.probe.starts_with("rdma.") && (has_flag(m, "round-trip") || has_flag(m, "half-round-trip")));
    if (m.status != "ok" || !m.latency_histogram || m.latency_histogram->buckets.empty() || !asks) continue;
    if (m.label == conventions::kStorageNetwork)
      continue;                             // the network to the storage, which no client is on
    if (has_flag(m, "loopback")) continue;  // no network at all
    if (found == nullptr || rank(m) > rank(*found)) found = &m;
  }
  return found;
}

std::optional<stats::LatencyHistogram> histogram_of(const record::Measurement& m) {
  auto read = stats::LatencyHistogram::from_sparse(m.latency_histogram->buckets);
  if (!read || read->count() == 0) return std::nullopt;
  return std::move(*read);
}

void measure_network(const record::Document& document, PartTime& part, bool on_fabric,
                     std::vector<std::string>& notes) {
  if (on_fabric) {
    notes.push_back(
        fmt::format("{}: a fabric does not tell it, the given {} at the median stands in; put your own into "
                    "the profile (`millrace workloads W --json`), or diagnose a host's document",
                    part.name, time_words(part.p50_s)));
    return;
  }
  const record::Measurement* m = round_trip(document);
  auto histogram = m != nullptr ? histogram_of(*m) : std::nullopt;
  if (!histogram) {
    notes.push_back(
        fmt::format("{}: no round trip was measured, the given {} at the median stands in (`millrace "
                    "measure tcp.latency --label network --peer ADDRESS:PORT --json F`, then `--with F`)",
                    part.name, time_words(part.p50_s)));
    return;
  }
  const bool half = has_flag(*m, "half-round-trip");
  const double scale = half ? 2 : 1;
  const double median = scale * histogram->quantile(0.5).value_or(0);
  if (m->label != conventions::kClientNetwork && part.p50_s >= kLeastDistanceS &&
      median * kOtherDistance < part.p50_s) {
    notes.push_back(
        fmt::format("{}: {} measured a round trip of {}, which is not the distance that this workload is "
                    "about: the given {} stands",
                    part.name, m->id, time_words(median), time_words(part.p50_s)));
    return;
  }
  part.source = fmt::format("{} {}{}, {} operations", m->id, m->probe,
                            half ? ", twice a half round trip" : "", histogram->count());
  part.counted = std::move(histogram);
  part.counted_scale = scale;
  part.measured = true;
  part.evidence = {m->id};
}

// Bytes over a rate: the rate's interval is what is known of its spread, and its slow end stands for the
// tail.
void carry(double bytes, const HopRate& rate, double share, PartTime& part) {
  part.p50_s = bytes / (rate.mean * share);
  part.p99_s = rate.low > 0 ? std::max(part.p50_s, bytes / (rate.low * share)) : part.p50_s;
  part.measured = rate.measured;
  part.evidence = rate.evidence;
  part.source = fmt::format("{} ÷ {}{}", bytes_words(bytes), rate_words(rate.mean * share),
                            !rate.given_by.empty() ? ", " + rate.given_by
                            : rate.measured        ? fmt::format(" ({})", fmt::join(rate.evidence, ", "))
                                                   : ", given");
}

void compute(PartTime& part, double s, std::string source) {
  part.p50_s = part.p99_s = s;
  part.source = std::move(source);
}

}  // namespace

bool holds_the_replica(workload::PartKind kind) {
  return kind == workload::PartKind::kCompute || kind == workload::PartKind::kTransfer ||
         kind == workload::PartKind::kDecode;
}

Distribution PartTime::on(Grid grid) const {
  const Distribution one = counted ? Distribution::counted(*counted, counted_scale * mended, grid)
                                   : Distribution::log_normal(p50_s * mended, p99_s * mended, grid);
  return longest_of > 1 ? one.longest_of(longest_of) : one;
}

std::optional<double> PartTime::quantile(double q) const {
  if (!counted) return q < 0.75 ? p50_s : p99_s;
  const auto told = counted->resolved_quantile(q);
  return told ? std::optional(*told * counted_scale) : std::nullopt;
}

std::vector<PartTime> part_times(const record::Document& document, const workload::Profile& profile,
                                 const ServingHops& hops, std::vector<std::string>& notes) {
  const workload::Serving& serving = profile.serving;
  const workload::RequestCost cost = workload::request_cost(profile);
  const int ranks = serving.fan_out > 0 ? serving.fan_out : serving.replica_ranks;
  std::vector<PartTime> parts;
  for (const workload::BudgetPart& given : serving.parts) {
    PartTime part;
    part.name = given.name;
    part.kind = given.kind;
    part.p50_s = given.p50_s;
    part.p99_s = given.p99_s;
    part.source = given.source.empty() ? "given" : "given: " + given.source;
    const bool own = given.p50_s > 0;
    switch (given.kind) {
      case workload::PartKind::kNetwork:
        measure_network(document, part, hops.on_fabric, notes);
        break;
      case workload::PartKind::kFetch:
        part.longest_of = ranks;
        // On a fabric a given time is what was seen under its load; a rate alone does not tell that.
        if (!own || (hops.read.measured && !hops.on_fabric))
          carry(cost.fetch_bytes, hops.read, 1.0 / hops.replicas, part);
        break;
      case workload::PartKind::kTransfer:
        part.longest_of = ranks;
        if (!own || hops.copy.measured) carry(cost.transfer_bytes, hops.copy, 1, part);
        break;
      case workload::PartKind::kCompute:
        if (!own)
          compute(part, cost.prefill_s,
                  fmt::format("computed: prefill of {:.0f} tokens at {:g} of the peak", cost.new_tokens,
                              serving.mfu));
        break;
      case workload::PartKind::kDecode:
        if (!own) compute(part, cost.decode_s, "computed: the weights read once from the GPU's memory");
        break;
      case workload::PartKind::kQueue:
      case workload::PartKind::kFixed:
        break;
    }
    parts.push_back(std::move(part));
  }
  return parts;
}

}  // namespace millrace::diagnose
