// SPDX-License-Identifier: Apache-2.0
#include "queueing.hpp"

#include <algorithm>
#include <deque>
#include <queue>
#include <random>
#include <tuple>

namespace millrace::planted {
namespace {

constexpr double kJitter = 0.2;
constexpr double kChunksOfSlowest = 60;
constexpr double kMostChunks = 500;  // of a flow, on average, in a window

class Simulator {
 public:
  Simulator(const std::vector<Server>& servers, const std::vector<QueuedFlow>& flows, std::uint64_t seed)
      : servers_(servers), flows_(flows), queues_(servers.size()), done_(flows.size(), 0), random_(seed) {
    for (Queue& queue : queues_) queue.waiting.assign(flows.size(), 0), queue.hop.assign(flows.size(), 0);
    for (std::size_t f = 0; f < flows.size(); ++f)
      for (std::size_t h = 0; h < flows[f].path.size(); ++h)
        at(flows[f].path[h]).hop[f] = static_cast<int>(h);
    for (std::size_t f = 0; f < flows.size(); ++f)
      for (int i = 0; i < flows[f].window; ++i) arrive(static_cast<int>(f), 0);
  }

  void run_until(double end) {
    while (!events_.empty() && std::get<0>(events_.top()) <= end) step();
    now_ = end;
  }
  void step() {
    const auto [time, server, flow] = events_.top();
    events_.pop();
    now_ = time;
    Queue& queue = queues_[static_cast<std::size_t>(server)];
    const int hop = queue.hop[static_cast<std::size_t>(flow)];
    queue.busy = false;
    const auto f = static_cast<std::size_t>(flow);
    if (hop + 1 < static_cast<int>(flows_[f].path.size())) {
      arrive(flow, hop + 1);
    } else {
      ++done_[f];
      arrive(flow, 0);
    }
    serve(server);
  }
  [[nodiscard]] double now() const { return now_; }
  [[nodiscard]] const std::vector<double>& done() const { return done_; }

 private:
  struct Queue {
    std::deque<int> order;     // first come, first served
    std::vector<int> waiting;  // of each flow: for taking turns
    std::vector<int> hop;      // at which point of each flow's path it stands
    int total = 0, turn = 0;
    bool busy = false;
  };

  Queue& at(const Visit& visit) { return queues_[static_cast<std::size_t>(visit.server)]; }

  void arrive(int flow, int hop) {
    const auto f = static_cast<std::size_t>(flow);
    const Visit& visit = flows_[f].path[static_cast<std::size_t>(hop)];
    Queue& queue = at(visit);
    ++queue.total;
    if (servers_[static_cast<std::size_t>(visit.server)].round_robin)
      ++queue.waiting[f];
    else
      queue.order.push_back(flow);
    serve(visit.server);
  }

  void serve(int server) {
    Queue& queue = queues_[static_cast<std::size_t>(server)];
    if (queue.busy || queue.total == 0) return;
    int flow = 0;
    if (servers_[static_cast<std::size_t>(server)].round_robin) {
      const int flows = static_cast<int>(flows_.size());
      do queue.turn = (queue.turn + 1) % flows;
      while (queue.waiting[static_cast<std::size_t>(queue.turn)] == 0);
      flow = queue.turn;
      --queue.waiting[static_cast<std::size_t>(flow)];
    } else {
      flow = queue.order.front();
      queue.order.pop_front();
    }
    --queue.total;
    queue.busy = true;
    const auto f = static_cast<std::size_t>(flow);
    const Visit& visit = flows_[f].path[static_cast<std::size_t>(queue.hop[f])];
    const double work =
        flows_[f].chunk_bytes * visit.units / servers_[static_cast<std::size_t>(server)].bytes_per_s;
    events_.emplace(now_ + work * (1 + kJitter * even_(random_)), server, flow);
  }

  using Event = std::tuple<double, int, int>;  // when, which server is done, with whose chunk
  const std::vector<Server>& servers_;
  const std::vector<QueuedFlow>& flows_;
  std::vector<Queue> queues_;
  std::vector<double> done_;  // chunks
  std::priority_queue<Event, std::vector<Event>, std::greater<>> events_;
  std::mt19937_64 random_;
  std::uniform_real_distribution<double> even_{-1, 1};
  double now_ = 0;
};

}  // namespace

std::vector<std::vector<double>> simulate(const std::vector<Server>& servers,
                                          const std::vector<QueuedFlow>& flows, int windows,
                                          std::uint64_t seed) {
  Simulator simulator(servers, flows, seed);
  const auto warm = [&] {
    for (std::size_t f = 0; f < flows.size(); ++f)
      if (simulator.done()[f] < 2.0 * flows[f].window) return false;
    return true;
  };
  while (!warm()) simulator.step();
  const double slowest = *std::min_element(simulator.done().begin(), simulator.done().end());
  double all = 0;
  for (const double done : simulator.done()) all += done;
  const double length = simulator.now() * std::min(kChunksOfSlowest / slowest,
                                                   kMostChunks * static_cast<double>(flows.size()) / all);
  std::vector<std::vector<double>> rates;
  double begin = simulator.now();
  for (int k = 0; k < windows; ++k) {
    const std::vector<double> before = simulator.done();
    simulator.run_until(begin + length);
    begin += length;
    auto& of_window = rates.emplace_back();
    for (std::size_t f = 0; f < flows.size(); ++f)
      of_window.push_back((simulator.done()[f] - before[f]) * flows[f].chunk_bytes / length);
  }
  return rates;
}

}  // namespace millrace::planted
