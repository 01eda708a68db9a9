// SPDX-License-Identifier: Apache-2.0
#include "modules/host/copy_probe.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstring>
#include <optional>
#include <set>
#include <string>

#include "modules/host/copiers.hpp"
#include "modules/host/cores.hpp"
#include "modules/host/stream_copy.hpp"
#include "units/quantity.hpp"

namespace millrace::host {
namespace {

using sdk::Outcome;

constexpr std::uint64_t kLeastRegion = std::uint64_t{256} << 20;
constexpr std::size_t kHugePage = std::size_t{2} << 20;

constexpr millrace_parameter kParameters[] = {
    sdk::parameter("from-node", MILLRACE_COUNT, "0", "NUMA node to copy from", 0, 1023),
    sdk::parameter("to-node", MILLRACE_COUNT, "0", "NUMA node to copy to", 0, 1023),
    sdk::choice("run-on", "to|from", "to", "the node on which the copying threads run"),
    sdk::parameter("threads", MILLRACE_COUNT, "1",
                   "copying threads, each on its own CPU; 0: one a core of the node", 0, 250),
    sdk::parameter(
        "sweep-threads", MILLRACE_FLAG, "off",
        "before each repeat, 1, 2, 4 ... up to --threads (0 and 1: all cores) take turns; the fastest "
        "number of them is then measured"),
    sdk::parameter(
        "size", MILLRACE_BYTES, "0",
        "bytes copied in a round, all threads together; 0: 256 MiB, or twice the last-level caches", 0, 1e13),
    sdk::parameter("block-size", MILLRACE_BYTES, "2MiB", "bytes a copy: what is timed", 4096, 1e9),
    sdk::choice("stores", "non-temporal|regular", "non-temporal",
                "regular: the C library's memcpy, which may read what it overwrites"),
};

CopyShape shape_of(const sdk::Host& host) {
  CopyShape shape{};
  shape.from_node = static_cast<int>(host.integer("from-node"));
  shape.to_node = static_cast<int>(host.integer("to-node"));
  shape.run_node = host.text("run-on") == "from" ? shape.from_node : shape.to_node;
  shape.threads = host.integer("threads");
  shape.sweep = host.flag("sweep-threads");
  if (shape.threads == 0 || (shape.sweep && shape.threads == 1))
    shape.threads = std::min<std::size_t>(cores_of_node(shape.run_node), 250);
  shape.chunk = host.bytes("block-size") / 64 * 64;
  shape.size = host.bytes("size");
  if (shape.size == 0) shape.size = std::max(kLeastRegion, 2 * last_level_caches());
  return shape;
}

std::optional<std::string> memory_of_node(const sdk::Host& host, int node) {
  for (std::uint32_t i = 0; const millrace_endpoint* endpoint = host.endpoint(i); ++i)
    if (std::strcmp(endpoint->kind, "memory") == 0 && endpoint->numa_node == node) return endpoint->id;
  // A machine without NUMA has one memory, whatever its node is called.
  for (std::uint32_t i = 0; const millrace_endpoint* endpoint = host.endpoint(i); ++i)
    if (std::strcmp(endpoint->kind, "memory") == 0 && node == 0) return endpoint->id;
  return std::nullopt;
}

// "0, 1"
std::string nodes_of(const sdk::Host& host) {
  std::set<int> nodes;
  for (std::uint32_t i = 0; const millrace_endpoint* endpoint = host.endpoint(i); ++i)
    if (std::strcmp(endpoint->kind, "memory") == 0) nodes.insert(std::max(endpoint->numa_node, 0));
  return fmt::format("{}", fmt::join(nodes, ", "));
}

void copy_regular(std::byte* to, const std::byte* from, std::size_t size) { std::memcpy(to, from, size); }

}  // namespace

CopyProbe::CopyProbe() = default;
CopyProbe::~CopyProbe() = default;

Outcome CopyProbe::describe(sdk::Host& host) {
  const CopyShape shape = shape_of(host);
  const auto from = memory_of_node(host, shape.from_node), to = memory_of_node(host, shape.to_node);
  if (!from || !to)
    return host.fail(fmt::format("--{}-node {}: this machine has no such NUMA node", !from ? "from" : "to",
                                 !from ? shape.from_node : shape.to_node),
                     fmt::format("its nodes are {}: `millrace topo` shows them", nodes_of(host)));
  std::uint64_t memory = 0;
  for (std::size_t i = 0; i < shape.threads; ++i) memory += 2 * (shape.largest_region(i) + kHugePage);
  return host.add_worker({.role = "copier",
                          .from = *from,
                          .to = *to,
                          .numa_node = shape.run_node,
                          .threads = static_cast<std::uint32_t>(shape.threads),
                          .memory_bytes = memory});
}

Outcome CopyProbe::open(sdk::Host& host) {
  const CopyShape shape = shape_of(host);
  const std::uint64_t regions = 2 * shape.region(shape.threads) * shape.threads, caches = last_level_caches();
  if (regions < caches) {
    host.raise_flag("within-cache");
    host.log(MILLRACE_LOG_WARNING,
             fmt::format("the regions ({}) fit the caches ({}): this measures them, not memory",
                         to_binary({regions}), to_binary({caches})));
  }
  copiers_ =
      std::make_unique<Copiers>(shape, host.text("stores") == "regular" ? copy_regular : stream_copy().copy);
  if (const auto started = copiers_->start(); !started)
    return host.fail(started.error().what, started.error().hint);
  threads_ = shape.threads;
  if (!shape.sweep) return Outcome::kOk;
  // Before the start barrier: the repeat itself is all of one number of threads, chosen before it began, so
  // that its mean is steady and owes nothing to the choice.
  rates_ = copiers_->sweep(host);
  threads_ = std::max_element(rates_.begin(), rates_.end(), [](const auto& a, const auto& b) {
               return a.second < b.second;
             })->first;
  return Outcome::kOk;
}

Outcome CopyProbe::run(sdk::Host& host) {
  if (const auto ran = copiers_->run(host, threads_); !ran)
    return host.fail(ran.error().what, ran.error().hint);
  for (const auto& [count, rate] : rates_)
    host.sample(fmt::format("threads_{}_bytes_per_s", count).c_str(), rate);
  if (!rates_.empty()) host.sample("threads_of_the_fastest", static_cast<double>(threads_));
  host.verified(copiers_->verified());
  return Outcome::kOk;
}

const millrace_probe& copy_probe() {
  static constexpr millrace_probe kProbe = sdk::probe<CopyProbe>(
      "memory.copy", "copies between and within NUMA nodes; bytes copied, each crosses memory twice",
      kParameters);
  return kProbe;
}

}  // namespace millrace::host
