// SPDX-License-Identifier: Apache-2.0
#include "machine.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>

namespace millrace::planted {
namespace {

constexpr double kNoise = 0.03;
constexpr int kRepeats = 5;
constexpr double kPace = 1;  // steps/s at which the planted part is full

class Builder {
 public:
  explicit Builder(std::uint64_t seed) : random_(seed) {}

  Machine build() {
    const int sockets = pick(1, 2);
    for (int s = 0; s < sockets; ++s) add_socket(s);
    if (sockets == 2)
      across_ = {add("inter_socket:0-1", "inter_socket"), add("inter_socket:1-0", "inter_socket")};
    for (int s = 0; s < sockets; ++s) add_sources(s, sockets);
    for (int s = 0; s < sockets; ++s) add_gpus(s);
    for (int s = 0; s < sockets; ++s) add_inside(s);
    drop_unused();
    set_capacities();
    return std::move(machine_);
  }

 private:
  struct Socket {
    int memory = 0, cpu = 0;
    double arriving = 0;  // bytes of a step that come to its memory
    int gpus = 0;
    std::vector<std::pair<int, int>> switches;  // uplinks towards memory and away from it
  };

  int pick(int low, int high) { return std::uniform_int_distribution<int>(low, high)(random_); }
  double even(double low, double high) { return std::uniform_real_distribution<double>(low, high)(random_); }

  int add(std::string id, std::string kind) {
    machine_.parts.push_back({std::move(id), std::move(kind), 0, 0});
    return static_cast<int>(machine_.parts.size()) - 1;
  }
  Part& part(int index) { return machine_.parts[static_cast<std::size_t>(index)]; }

  void add_socket(int s) {
    Socket socket;
    socket.memory = add(fmt::format("memory_controller:{}", s), "memory_controller");
    socket.cpu = add(fmt::format("cpu:prep:{}", s), "cpu_stage");
    for (int i = pick(0, 3); i > 0; --i) {
      const std::string name = fmt::format("pcie:switch{}.{}", s, i);
      const int towards = add(name + ":read", "pcie_switch_uplink");
      socket.switches.emplace_back(towards, add(name + ":write", "pcie_switch_uplink"));
    }
    sockets_.push_back(std::move(socket));
  }

  // A drive or a port, its own link, maybe an uplink, maybe the link between the sockets, and memory.
  void add_source(int s, int to, int uplink) {
    const bool drive = pick(0, 3) > 0;
    const std::string name = fmt::format("{}{}", drive ? "nvme" : "eth", sources_++);
    const double share = even(0.5, 2);
    std::vector<Visit> path{{add((drive ? "drive:" : "nic:") + name, drive ? "drive" : "nic"), 1},
                            {add("pcie:" + name + ":read", "pcie_link"), 1}};
    if (uplink >= 0) path.push_back({uplink, 1});
    if (s != to) path.push_back({across_[static_cast<std::size_t>(s)], 1});
    Socket& target = sockets_[static_cast<std::size_t>(to)];
    path.push_back({target.memory, 1});
    for (const Visit& visit : path) part(visit.server).bytes_per_step += share;
    target.arriving += share;
    machine_.ways.push_back({drive ? "storage.read" : "tcp.read", (drive ? "storage:" : "nic:") + name,
                             fmt::format("memory:{}", to), std::move(path)});
  }

  void add_sources(int s, int sockets) {
    const auto to = [&] { return sockets == 2 && pick(0, 3) == 0 ? 1 - s : s; };
    for (const auto& [towards, away] : sockets_[static_cast<std::size_t>(s)].switches)
      for (int i = pick(1, 4); i > 0; --i) add_source(s, to(), towards);
    for (int i = pick(sockets_[static_cast<std::size_t>(s)].switches.empty() ? 1 : 0, 2); i > 0; --i)
      add_source(s, to(), -1);
  }

  void add_gpus(int s) {
    Socket& socket = sockets_[static_cast<std::size_t>(s)];
    if (socket.arriving <= 0) return;
    std::vector<std::vector<Visit>> paths;
    const auto gpu = [&](int uplink) {
      std::vector<Visit> path{{socket.memory, 1}};
      if (uplink >= 0) path.push_back({uplink, 1});
      path.push_back({add(fmt::format("pcie:gpu{}:write", gpus_++), "pcie_link"), 1});
      paths.push_back(std::move(path));
    };
    for (const auto& [towards, away] : socket.switches)
      for (int i = pick(0, 2); i > 0; --i) gpu(away);
    for (int i = pick(0, 1); i > 0; --i) gpu(-1);
    for (auto& path : paths) {
      for (const Visit& visit : path)
        part(visit.server).bytes_per_step += socket.arriving / static_cast<double>(paths.size());
      const int link = path.back().server;
      machine_.ways.push_back({"gpu.copy", fmt::format("memory:{}", s),
                               fmt::format("gpu:{}", part(link).id.substr(8)), std::move(path)});
    }
  }

  // What needs no device: copies within memory, and preparation, which reads and writes it.
  void add_inside(int s) {
    const Socket& socket = sockets_[static_cast<std::size_t>(s)];
    const std::string memory = fmt::format("memory:{}", s);
    machine_.ways.push_back({"memory.copy", memory, memory, {{socket.memory, 2}}});
    machine_.ways.push_back({"cpu.prepare", memory, memory, {{socket.cpu, 1}, {socket.memory, 2}}});
    part(socket.cpu).bytes_per_step += socket.arriving;
    part(socket.memory).bytes_per_step += 2 * socket.arriving;
  }

  // What no byte of the job crosses (an uplink without GPUs behind it) is no part of this story.
  void drop_unused() {
    std::vector<int> now(machine_.parts.size(), -1);
    std::vector<Part> kept;
    for (std::size_t p = 0; p < machine_.parts.size(); ++p) {
      if (machine_.parts[p].bytes_per_step <= 0) continue;
      now[p] = static_cast<int>(kept.size());
      kept.push_back(std::move(machine_.parts[p]));
    }
    machine_.parts = std::move(kept);
    std::erase_if(machine_.ways, [&](const Way& way) {
      return std::any_of(way.crosses.begin(), way.crosses.end(),
                         [&](const Visit& visit) { return now[static_cast<std::size_t>(visit.server)] < 0; });
    });
    for (Way& way : machine_.ways)
      for (Visit& visit : way.crosses) visit.server = now[static_cast<std::size_t>(visit.server)];
  }

  // The kind is drawn first, so that rare ones are planted as often as drives.
  std::size_t pick_planted() {
    std::vector<std::string> kinds;
    for (const Part& one : machine_.parts)
      if (std::find(kinds.begin(), kinds.end(), one.kind) == kinds.end()) kinds.push_back(one.kind);
    const std::string& kind = kinds[static_cast<std::size_t>(pick(0, static_cast<int>(kinds.size()) - 1))];
    std::vector<std::size_t> of_kind;
    for (std::size_t p = 0; p < machine_.parts.size(); ++p)
      if (machine_.parts[p].kind == kind) of_kind.push_back(p);
    return of_kind[static_cast<std::size_t>(pick(0, static_cast<int>(of_kind.size()) - 1))];
  }

  void set_capacities() {
    machine_.planted = pick_planted();
    std::vector<std::size_t> order(machine_.parts.size());
    for (std::size_t p = 0; p < order.size(); ++p) order[p] = p;
    std::shuffle(order.begin(), order.end(), random_);
    const int rivals = pick(0, kMostRivals);
    for (const std::size_t p : order) {
      Part& one = machine_.parts[p];
      double margin = 1;
      if (p != machine_.planted) {
        const bool rival = machine_.rivals < rivals;
        margin = rival ? kMargin : even(kMargin, 3);
        machine_.rivals += rival ? 1 : 0;
      }
      one.bytes_per_s = one.bytes_per_step * 1e9 * kPace * margin;
      one.bytes_per_step *= 1e9;
    }
  }

  std::mt19937_64 random_;
  Machine machine_;
  std::vector<Socket> sockets_;
  std::vector<int> across_;
  int sources_ = 0, gpus_ = 0;
};

// Every way alone; for every part, all ways across it that one job would use together. Copies within memory
// fill it alone.
std::vector<std::vector<std::size_t>> plan(const Machine& machine) {
  std::vector<std::vector<std::size_t>> groups;
  for (std::size_t w = 0; w < machine.ways.size(); ++w) groups.push_back({w});
  std::set<std::vector<std::size_t>> known(groups.begin(), groups.end());
  for (std::size_t p = 0; p < machine.parts.size(); ++p) {
    std::vector<std::size_t> group;
    for (std::size_t w = 0; w < machine.ways.size(); ++w) {
      const Way& way = machine.ways[w];
      const bool crosses = std::any_of(way.crosses.begin(), way.crosses.end(), [&](const Visit& visit) {
        return visit.server == static_cast<int>(p);
      });
      if (crosses && way.probe != "memory.copy") group.push_back(w);
    }
    if (group.size() > 1 && known.insert(group).second) groups.push_back(std::move(group));
  }
  return groups;
}

record::Document empty_document(const Machine& machine, std::mt19937_64& random) {
  record::Document document;
  document.hosts.emplace_back();
  document.hosts[0].name = "planted";
  document.hosts[0].cpu.threads = 1024;
  // A third of the limits are known; what is known is somewhat above what is there.
  std::uniform_real_distribution<double> even(0, 1);
  for (const Part& part : machine.parts) {
    topology::Resource& resource = document.topology.resources.emplace_back();
    resource.id = resource.name = part.id;
    resource.kind = part.kind;
    if (even(random) < 1.0 / 3) {
      resource.limit_bytes_per_s = part.bytes_per_s * (1.02 + 0.5 * even(random));
      resource.limit_source = "a data sheet";
    }
  }
  return document;
}

}  // namespace

Machine random_machine(std::uint64_t seed) { return Builder(seed).build(); }

record::Document measure(const Machine& machine, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  std::normal_distribution<double> normal;
  record::Document document = empty_document(machine, random);
  std::vector<Server> servers;
  for (const Part& part : machine.parts) servers.push_back({part.bytes_per_s, random() % 2 == 0});
  std::int64_t clock_ns = 1'000'000'000;
  for (const auto& group : plan(machine)) {
    std::vector<QueuedFlow> flows;
    for (const std::size_t w : group)
      flows.push_back({machine.ways[w].crosses, static_cast<double>(1 << (17 + random() % 3)),
                       static_cast<int>(16 + random() % 33)});
    const auto rates = simulate(servers, flows, kRepeats, random());
    const std::size_t first = document.measurements.size();
    for (std::size_t i = 0; i < group.size(); ++i) {
      const Way& way = machine.ways[group[i]];
      record::Measurement& m = document.measurements.emplace_back();
      m.id = fmt::format("m{}", document.measurements.size());
      m.probe = way.probe;
      m.from = way.from;
      m.to = way.to;
      m.duration_s = kRepeats;
      for (const Visit& visit : way.crosses)
        m.path.push_back({machine.parts[static_cast<std::size_t>(visit.server)].id, visit.units});
      for (int r = 0; r < kRepeats; ++r) {
        const double rate = rates[static_cast<std::size_t>(r)][i] * (1 + kNoise * normal(random));
        const std::int64_t begin = clock_ns + r * 2'000'000'000LL;
        m.repeats.push_back({rate, 0, begin, begin + 1'000'000'000, "completed"});
        m.throughput_bytes_per_s.mean += rate / kRepeats;
      }
      for (std::size_t other = 0; other < group.size(); ++other)
        if (other != i) m.concurrent_with.push_back(fmt::format("m{}", first + other + 1));
    }
    clock_ns += 2'000'000'000LL * kRepeats;
  }
  return document;
}

std::vector<std::size_t> told_apart(const Machine& machine) {
  std::map<std::string, std::size_t> known;
  std::vector<std::size_t> number;
  for (std::size_t p = 0; p < machine.parts.size(); ++p) {
    std::string signature;
    double first = 0;
    for (std::size_t w = 0; w < machine.ways.size(); ++w)
      for (const Visit& visit : machine.ways[w].crosses) {
        if (visit.server != static_cast<int>(p)) continue;
        if (first == 0) first = visit.units;
        signature += fmt::format("{}:{:.3f};", w, visit.units / first);
      }
    number.push_back(known.emplace(signature, known.size()).first->second);
  }
  return number;
}

}  // namespace millrace::planted
