// SPDX-License-Identifier: Apache-2.0
#include "selftest/neighbours.hpp"

#include <fmt/format.h>
#include <pthread.h>
#include <sched.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>

namespace millrace::selftest {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kRegion = std::size_t{128} << 20;  // two a thread: beyond any share of a cache
constexpr std::size_t kPiece = std::size_t{4}
                               << 20;  // copied at once; the C library streams such past caches

std::string cpu_folder(int cpu) { return fmt::format("/sys/devices/system/cpu/cpu{}", cpu); }

// The list of its SMT siblings names the core as well as anything.
std::string core_in_sysfs(int cpu) {
  std::ifstream file(cpu_folder(cpu) + "/topology/thread_siblings_list");
  std::string line;
  return std::getline(file, line) ? line : std::to_string(cpu);
}

// The folder of a CPU has a link to that of its node, "node0".
std::string node_in_sysfs(int cpu) {
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(cpu_folder(cpu), error))
    if (std::string name = entry.path().filename(); name.starts_with("node")) return name;
  return {};
}

}  // namespace

Neighbours::Neighbours(const std::vector<int>& cpus) {
  for (const int cpu : cpus) threads_.emplace_back([this, cpu] { copy_on(cpu); });
  while (copying_.load() < cpus.size()) std::this_thread::yield();
}

Neighbours::~Neighbours() {
  stop_ = true;
  for (std::thread& thread : threads_) thread.join();
}

std::uint64_t Neighbours::memory_bytes(std::size_t cpus) { return 2 * kRegion * cpus; }

void Neighbours::copy_on(int cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(static_cast<std::size_t>(cpu), &set);
  pthread_setaffinity_np(pthread_self(), sizeof(set), &set);
  // Touched here, so that they lie on this CPU's node.
  std::vector<char> from(kRegion, 1), to(kRegion, 2);
  ++copying_;
  while (!stop_.load(std::memory_order_relaxed))
    for (std::size_t at = 0; at < kRegion && !stop_.load(std::memory_order_relaxed); at += kPiece) {
      std::memcpy(to.data() + at, from.data() + at, kPiece);
      // The copies are never read: only this keeps the compiler from leaving them out.
      asm volatile("" : : "r"(to.data()) : "memory");
      copied_.fetch_add(kPiece, std::memory_order_relaxed);
    }
}

CoreHalves halves_of(const std::vector<int>& allowed, const std::function<std::string(int cpu)>& core_of,
                     const std::function<std::string(int cpu)>& node_of) {
  CoreHalves halves;
  if (allowed.empty()) return halves;
  const std::string node = node_of(allowed.front());
  std::vector<std::vector<int>> cores;
  std::map<std::string, std::size_t> known;
  for (const int cpu : allowed) {
    if (node_of(cpu) != node) continue;
    const auto [at, fresh] = known.emplace(core_of(cpu), cores.size());
    if (fresh) cores.emplace_back();
    cores[at->second].push_back(cpu);
  }
  const std::size_t ours = (cores.size() + 1) / 2;
  for (std::size_t i = 0; i < cores.size(); ++i) {
    std::vector<int>& half = i < ours ? halves.ours : halves.neighbours;
    half.insert(half.end(), cores[i].begin(), cores[i].end());
  }
  return halves;
}

CoreHalves halves_of_this_machine() {
  cpu_set_t set;
  CPU_ZERO(&set);
  std::vector<int> allowed;
  if (sched_getaffinity(0, sizeof(set), &set) == 0)
    for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu)
      if (CPU_ISSET(static_cast<std::size_t>(cpu), &set)) allowed.push_back(cpu);
  return halves_of(allowed, core_in_sysfs, node_in_sysfs);
}

}  // namespace millrace::selftest
