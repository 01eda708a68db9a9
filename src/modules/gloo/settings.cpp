// SPDX-License-Identifier: Apache-2.0
#include "modules/gloo/settings.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <utility>

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
  if (s.collective == Collective::kReduceScatter && s.size > kMostScattered)
    return failure(fmt::format("Gloo's reduce_scatter takes at most {}", to_binary({kMostScattered})),
                   "give a smaller --size");
  return {};
}

}  // namespace

std::uint64_t default_region() { return std::min(2 * last_level_cache_bytes(), kMostRegion); }

Result<Settings> settings_from(const sdk::Host& host, Collective collective) {
  const int here = static_cast<int>(host.integer("ranks"));
  auto request = collective::request_from(host, collective, here * std::max(host.hosts(), 1), kMostRanks,
                                          "give --ranks 2");
  if (!request) return tl::unexpected(request.error());
  Settings s{*request, here, host.text("algorithm") == "bcube"};
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
  if (address.empty())
    return cannot(fmt::format("this host did not agree to deal with host {} of this measurement", index),
                  "start `millrace peer` on each host with --allow-address and the addresses of the others");
  in6_addr any{};
  if (inet_pton(AF_INET, address.c_str(), &any) != 1 && inet_pton(AF_INET6, address.c_str(), &any) != 1)
    return failure(fmt::format("'{}' is no numeric IP address", address),
                   fmt::format("give --{} as 10.0.0.1 or fd00::1", parameter));
  return address;
}

}  // namespace millrace::gloo
