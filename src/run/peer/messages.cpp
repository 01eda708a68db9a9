// SPDX-License-Identifier: Apache-2.0
#include "run/peer/messages.hpp"

#include <algorithm>
#include <utility>

#include "record/document.hpp"
#include "run/peer/connection.hpp"
#include "run/peer/wire.hpp"
#include "run/peer/wrapping.hpp"

namespace millrace::run::peer {
namespace {

constexpr std::size_t kMostOfEndpoint = 4096;
constexpr std::size_t kMostOfExchange = std::size_t{64} * 1024;
constexpr std::uint64_t kMostOfTime_ns = 1'000'000'000ULL * 86'400 * 30;
constexpr std::size_t kMostPeriods = 1 << 20;

// What the other end would not take is cut here: a module may say anything.
std::string_view clip(const std::string& text, std::size_t most = kMostOfText) {
  return std::string_view(text).substr(0, most);
}

template <typename T>
std::optional<T> whole(const Reader& in, T value) {
  return in.done() ? std::optional<T>(std::move(value)) : std::nullopt;
}

void write(Writer& out, const WorkerPlan& w) {
  out.text(clip(w.role, kMostOfName))
      .text(clip(w.from, kMostOfEndpoint))
      .text(clip(w.to, kMostOfEndpoint))
      .integer(w.numa_node);
  out.number(w.threads).number(w.memory_bytes).number(w.locked_bytes);
}

WorkerPlan read_worker_plan(Reader& in) {
  WorkerPlan w;
  w.role = in.words(kMostOfName);
  w.from = in.text(kMostOfEndpoint);
  w.to = in.text(kMostOfEndpoint);
  w.numa_node = static_cast<int>(std::clamp<std::int64_t>(in.integer(), -1, 65'535));
  w.threads = static_cast<std::uint32_t>(in.number(1 << 20));
  w.memory_bytes = in.number();
  w.locked_bytes = in.number();
  return w;
}

void write(Writer& out, const std::vector<stats::Slice>& slices) {
  out.number(slices.size());
  std::int64_t before = 0;
  for (const stats::Slice& slice : slices) {
    out.integer(slice.begin_ns - before).integer(slice.end_ns - slice.begin_ns);
    out.number(slice.bytes).number(slice.operations);
    before = slice.end_ns;
  }
}

std::vector<stats::Slice> read_slices(Reader& in) {
  std::vector<stats::Slice> slices(in.count(kMostPeriods, 4));
  std::int64_t before = 0;
  for (stats::Slice& slice : slices) {
    slice.begin_ns = wrapping_sum(before, in.integer());
    slice.end_ns = before = wrapping_sum(slice.begin_ns, in.integer());
    slice.bytes = in.number();
    slice.operations = in.number();
  }
  return slices;
}

void write(Writer& out, const stats::LatencyHistogram& histogram) {
  const auto buckets = histogram.sparse();
  out.number(buckets.size());
  for (const auto& [index, count] : buckets) out.number(index).number(count);
}

std::optional<stats::LatencyHistogram> read_histogram(Reader& in) {
  stats::LatencyHistogram::SparseBuckets buckets(in.count(MILLRACE_LATENCY_BUCKETS, 2));
  for (auto& [index, count] : buckets) {
    index = static_cast<std::uint32_t>(in.number(MILLRACE_LATENCY_BUCKETS));
    count = in.number();
  }
  auto histogram = stats::LatencyHistogram::from_sparse(buckets);
  if (!in.ok() || !histogram) return std::nullopt;
  return std::move(*histogram);
}

void write(Writer& out, const WorkerOutcome& worker) {
  out.text(to_json(worker.report)).integer(worker.begin_ns).integer(worker.end_ns);
  out.number(worker.bytes).number(worker.operations).number(worker.slices.size());
  for (const auto& slices : worker.slices) write(out, slices);
  out.number(worker.latency.size());
  for (const auto& histogram : worker.latency) write(out, histogram);
}

std::optional<WorkerOutcome> read_worker_outcome(Reader& in) {
  WorkerOutcome worker;
  worker.report = worker_report_from_json(in.text(kMostOfMessage));
  worker.begin_ns = in.integer();
  worker.end_ns = in.integer();
  worker.bytes = in.number();
  worker.operations = in.number();
  worker.slices.resize(in.count(kMaxRecorders));
  for (auto& slices : worker.slices) slices = read_slices(in);
  for (std::size_t epochs = in.count(kEpochs); epochs > 0; --epochs) {
    auto histogram = read_histogram(in);
    if (!histogram) return std::nullopt;
    worker.latency.push_back(std::move(*histogram));
  }
  return worker;
}

}  // namespace

std::string encode(const MachineMessage& message) {
  return Writer()
      .text(message.own_address)
      .text(message.askers_address)
      .text(record::topology_to_json(message.machine, {}))
      .bytes();
}

std::optional<MachineMessage> decode_machine(const std::string& body) {
  Reader in(body);
  MachineMessage message;
  message.own_address = in.text(kMostOfName);
  message.askers_address = in.text(kMostOfName);
  auto document = record::parse_document(in.text(kMostOfMessage), "the peer's topology");
  if (!in.done() || !document || document->hosts.size() != 1) return std::nullopt;
  document->hosts.front().name = printable(document->hosts.front().name);
  message.machine = {std::move(document->hosts.front()), std::move(document->topology)};
  return message;
}

std::string encode(const PlanRequest& request) {
  Writer out;
  out.text(request.probe).number(request.given.size());
  for (const auto& [name, text] : request.given) out.text(name).text(text);
  out.number(static_cast<std::uint64_t>(request.hosts.self)).number(request.hosts.addresses.size());
  for (const std::string& address : request.hosts.addresses) out.text(address);
  out.number(static_cast<std::uint64_t>(request.answer_time.ns));
  return out.bytes();
}

std::optional<PlanRequest> decode_plan_request(const std::string& body) {
  Reader in(body);
  PlanRequest request;
  request.probe = in.words(kMostOfName);
  request.given.resize(in.count(kMostParameters));
  for (auto& [name, text] : request.given) {
    name = in.words(kMostOfName);
    text = in.text(kMostOfText);
  }
  request.hosts.self = static_cast<int>(in.number(kMostHosts));
  request.hosts.addresses.resize(in.count(kMostHosts));
  for (std::string& address : request.hosts.addresses) address = in.text(kMostOfName);
  request.answer_time.ns = static_cast<std::int64_t>(in.number(kMostOfTime_ns));
  if (request.hosts.self < 1 ||
      static_cast<std::size_t>(request.hosts.self) >= request.hosts.addresses.size())
    return std::nullopt;
  return whole(in, std::move(request));
}

std::string encode(const PlanAnswer& answer) {
  Writer out;
  out.text(answer.status).text(clip(answer.reason)).text(clip(answer.hint)).number(answer.usage ? 1 : 0);
  out.number(answer.workers.size());
  for (const WorkerPlan& worker : answer.workers) write(out, worker);
  return out.bytes();
}

std::optional<PlanAnswer> decode_plan_answer(const std::string& body) {
  Reader in(body);
  PlanAnswer answer;
  answer.status = in.text(kMostOfName);
  answer.reason = in.words(kMostOfText);
  answer.hint = in.words(kMostOfText);
  answer.usage = in.number(1) == 1;
  answer.workers.resize(in.count(kMostRanks, 7));
  for (WorkerPlan& worker : answer.workers) worker = read_worker_plan(in);
  return whole(in, std::move(answer));
}

std::string encode(const LaunchRequest& request) {
  Writer out;
  out.number(static_cast<std::uint64_t>(request.first_rank))
      .number(static_cast<std::uint64_t>(request.ranks));
  out.number(static_cast<std::uint64_t>(request.options.time_limit.ns));
  out.number(static_cast<std::uint64_t>(request.options.deadline.ns));
  return out.bytes();
}

std::optional<LaunchRequest> decode_launch(const std::string& body) {
  Reader in(body);
  LaunchRequest request;
  request.first_rank = static_cast<int>(in.number(kMostRanks));
  request.ranks = static_cast<int>(in.number(kMostRanks));
  request.options.time_limit.ns = static_cast<std::int64_t>(in.number(kMostOfTime_ns));
  request.options.deadline.ns = static_cast<std::int64_t>(in.number(kMostOfTime_ns));
  request.options.target = 0;  // the host that asked decides when it is enough
  return whole(in, request);
}

std::string encode(const Failure& failure) {
  return Writer().text(failure.status).text(clip(failure.reason)).text(clip(failure.hint)).bytes();
}

std::optional<Failure> decode_failure(const std::string& body) {
  Reader in(body);
  Failure failed;
  failed.status = in.text(kMostOfName);
  failed.reason = in.words(kMostOfText);
  failed.hint = in.words(kMostOfText);
  return whole(in, std::move(failed));
}

std::string encode(const StopRequest& request) {
  return Writer().text(request.reason).text(clip(request.why)).number(request.granted).bytes();
}

std::optional<StopRequest> decode_stop(const std::string& body) {
  Reader in(body);
  StopRequest request;
  request.reason = in.words(kMostOfName);
  request.why = in.words(kMostOfText);
  request.granted = in.number();
  return whole(in, std::move(request));
}

std::string encode(const Pace& pace) {
  return Writer().number(pace.reached).number(pace.pace_ns).number(pace.ran).bytes();
}

std::optional<Pace> decode_pace(const std::string& body) {
  Reader in(body);
  Pace pace;
  // Bounded so that no sum of two overflows.
  pace.reached = in.number(1ULL << 62);
  pace.pace_ns = in.number(1ULL << 62);
  pace.ran = in.number(1ULL << 60);
  return whole(in, pace);
}

std::string encode(const HostRates& rates) {
  Writer out;
  out.integer(rates.begin_ns).number(rates.bytes.size());
  for (std::size_t i = 0; i < rates.bytes.size(); ++i) out.number(rates.bytes[i]).number(rates.operations[i]);
  return out.bytes();
}

std::optional<HostRates> decode_rates(const std::string& body) {
  Reader in(body);
  HostRates rates;
  rates.begin_ns = in.integer();
  rates.bytes.resize(in.count(kMostPeriods, 2));
  rates.operations.resize(rates.bytes.size());
  for (std::size_t i = 0; i < rates.bytes.size(); ++i) {
    rates.bytes[i] = in.number();
    rates.operations[i] = in.number();
  }
  return whole(in, std::move(rates));
}

std::string encode(const std::vector<std::string>& gathered) {
  Writer out;
  for (const std::string& bytes : gathered) out.text(bytes);
  return out.bytes();
}

std::optional<std::vector<std::string>> decode_gathered(const std::string& body, std::size_t ranks) {
  Reader in(body);
  std::vector<std::string> gathered(ranks);
  for (std::string& bytes : gathered) bytes = in.text(kMostOfExchange);
  return whole(in, std::move(gathered));
}

std::string encode(const InstanceOutcome& outcome) {
  Writer out;
  out.text(outcome.status).text(clip(outcome.reason)).text(clip(outcome.hint)).text(outcome.stop_reason);
  out.integer(outcome.begin_ns).integer(outcome.end_ns);
  out.number(outcome.counters.size());
  for (const auto& [name, value] : outcome.counters) out.text(clip(name, kMostOfName)).real(value);
  out.number(outcome.workers.size());
  for (const WorkerOutcome& worker : outcome.workers) write(out, worker);
  return out.bytes();
}

std::optional<InstanceOutcome> decode_outcome(const std::string& body) {
  Reader in(body);
  InstanceOutcome outcome;
  outcome.status = in.text(kMostOfName);
  outcome.reason = in.words(kMostOfText);
  outcome.hint = in.words(kMostOfText);
  outcome.stop_reason = in.text(kMostOfName);
  outcome.begin_ns = in.integer();
  outcome.end_ns = in.integer();
  for (std::size_t left = in.count(kMostOfName * 16, 9); left > 0; --left) {
    const std::string name = in.text(kMostOfName);
    outcome.counters[name] = in.real();
  }
  for (std::size_t left = in.count(kMostRanks, 8); left > 0; --left) {
    auto worker = read_worker_outcome(in);
    if (!worker) return std::nullopt;
    outcome.workers.push_back(std::move(*worker));
  }
  return whole(in, std::move(outcome));
}

std::string encode(std::int64_t number) { return Writer().integer(number).bytes(); }

std::optional<std::int64_t> decode_number(const std::string& body) {
  Reader in(body);
  const std::int64_t number = in.integer();
  return whole(in, number);
}

std::string encode_pong(std::int64_t number, std::int64_t time_ns) {
  return Writer().integer(number).integer(time_ns).bytes();
}

std::optional<std::pair<std::int64_t, std::int64_t>> decode_pong(const std::string& body) {
  Reader in(body);
  const std::int64_t number = in.integer();
  const std::int64_t time_ns = in.integer();
  return whole(in, std::pair(number, time_ns));
}

}  // namespace millrace::run::peer
