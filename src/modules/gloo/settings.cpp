// SPDX-License-Identifier: Apache-2.0
#include "modules/gloo/settings.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>

#include "modules/gloo/cache.hpp"
#include "units/quantity.hpp"

namespace millrace::gloo {
namespace {

using collective::Collective;
using collective::ElementType;
using collective::Operation;

constexpr int kMostRanks = 256;                       // an exchange of 64 KiB holds their addresses
constexpr std::uint64_t kMostScattered = 1ULL << 30;  // Gloo's reduce_scatter counts bytes in an int
constexpr std::uint64_t kMostRegion = 512ULL << 20;   // unless asked for
constexpr std::int64_t kLeastTimeout_ns = 1'000'000;  // Gloo counts milliseconds

tl::unexpected<Error> cannot(std::string what, std::string hint) {
  return failure(std::move(what), std::move(hint), Exit::kInconclusive);
}

Result<void> within_what_gloo_can(const Settings& s) {
  if (s.type == ElementType::kBfloat16 && s.operation)
    return cannot("Gloo has no arithmetic for bf16", "give --type half or float; nccl has bf16, on GPUs");
  if (s.operation == Operation::kAverage)
    return cannot("Gloo has no operation avg", "give --op sum: it moves the same bytes");
  if (s.collective == Collective::kReduceScatter && !s.in_place)
    return cannot("Gloo's reduce_scatter works in place only", "leave --in-place on");
  if (s.collective == Collective::kAllToAll && s.in_place)
    return cannot("Gloo's alltoall does not work in place", "leave --in-place off");
  return {};
}

Result<void> sensible(const Settings& s) {
  const std::string name(collective::name_of(s.collective));
  if (s.ranks < 2)
    return failure(fmt::format("{} needs two ranks or more, and there is 1", name), "give --ranks 2");
  if (s.ranks > kMostRanks)
    return failure(fmt::format("{} ranks are more than the {} that fit", s.ranks, kMostRanks),
                   "give fewer --ranks");
  if (s.root >= s.ranks)
    return failure(fmt::format("--root {} is none of the {} ranks", s.root, s.ranks),
                   fmt::format("ranks count from 0: give 0 to {}", s.ranks - 1));
  if (s.layout(0).total == 0) {
    const bool shared = s.collective != Collective::kAllReduce && s.collective != Collective::kBroadcast;
    const std::uint64_t least = s.element() * (shared ? static_cast<std::uint64_t>(s.ranks) : 1);
    return failure(fmt::format("--size {} is too small for {}: {} of {} bytes need {}", s.size, name,
                               shared ? fmt::format("an element for each of {} ranks,", s.ranks)
                                      : std::string("one element,"),
                               s.element(), least),
                   fmt::format("give --size {} or more", least));
  }
  if (s.collective == Collective::kReduceScatter && s.size > kMostScattered)
    return failure(fmt::format("Gloo's reduce_scatter takes at most {}", to_binary({kMostScattered})),
                   "give a smaller --size");
  return {};
}

std::uint64_t default_region() { return std::min(2 * last_level_cache_bytes(), kMostRegion); }

}  // namespace

Result<Settings> settings_from(const sdk::Host& host, Collective collective) {
  Settings s;
  s.collective = collective;
  s.size = host.bytes("size");
  s.type = collective::type_named(host.text("type")).value_or(ElementType::kFloat);
  if (collective::reduces(collective))
    s.operation = collective::operation_named(host.text("op")).value_or(Operation::kSum);
  s.ranks_here = static_cast<int>(host.integer("ranks"));
  s.ranks = s.ranks_here * std::max(host.hosts(), 1);
  s.root = static_cast<int>(host.integer("root"));
  s.in_place = host.flag("in-place");
  s.bcube = host.text("algorithm") == "bcube";
  s.region = host.given("region") ? host.bytes("region") : default_region();
  s.verify = host.flag("verify");
  s.timeout_ns = std::max(host.duration_ns("timeout"), kLeastTimeout_ns);
  if (const Result<void> fine = sensible(s); !fine) return tl::unexpected(fine.error());
  if (const Result<void> can = within_what_gloo_can(s); !can) return tl::unexpected(can.error());
  return s;
}

Result<std::string> address_of(const sdk::Host& host, int index) {
  const char* parameter = index == 0 ? "address" : "peer-address";
  std::string address;
  if (index > 0 && host.hosts() > 2 && host.given("peer-address"))
    return failure("--peer-address is of one other host, and there are several",
                   "leave it out: the addresses by which the hosts know each other are taken");
  if (host.given(parameter))
    address = host.text(parameter);
  else
    address = host.hosts() > 1 ? host.address(index) : "127.0.0.1";
  in6_addr any{};
  if (inet_pton(AF_INET, address.c_str(), &any) != 1 && inet_pton(AF_INET6, address.c_str(), &any) != 1)
    return failure(fmt::format("'{}' is no numeric IP address", address),
                   fmt::format("give --{} as 10.0.0.1 or fd00::1", parameter));
  return address;
}

}  // namespace millrace::gloo
