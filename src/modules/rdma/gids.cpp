// SPDX-License-Identifier: Apache-2.0
#include "modules/rdma/gids.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <bit>
#include <tuple>

namespace millrace::rdma {
namespace {

enum Kind { kLinkLocal, kIpv6, kIpv4 };

Kind kind_of(const Gid& gid) {
  if (gid.is_ipv4()) return kIpv4;
  return gid.is_link_local() ? kLinkLocal : kIpv6;
}

int shared_prefix_bits(const Gid& a, const Gid& b) {
  for (std::size_t i = 0; i < a.raw.size(); ++i)
    if (const auto differs = static_cast<std::uint8_t>(a.raw[i] ^ b.raw[i]); differs != 0)
      return static_cast<int>(i * 8) + std::countl_zero(differs);
  return 128;
}

}  // namespace

bool Gid::is_ipv4() const {
  constexpr std::array<std::uint8_t, 12> kMapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  return std::equal(kMapped.begin(), kMapped.end(), raw.begin());
}

bool Gid::is_link_local() const { return raw[0] == 0xfe && (raw[1] & 0xc0) == 0x80; }

std::string Gid::text() const {
  char buffer[INET6_ADDRSTRLEN] = {};
  if (is_ipv4())
    inet_ntop(AF_INET, raw.data() + 12, buffer, sizeof buffer);
  else
    inet_ntop(AF_INET6, raw.data(), buffer, sizeof buffer);
  return buffer;
}

std::optional<std::pair<Gid, Gid>> choose_gids(std::span<const Gid> mine, std::span<const Gid> theirs,
                                               const std::string& my_address,
                                               const std::string& their_address) {
  std::optional<std::pair<Gid, Gid>> best;
  using Raw = std::array<std::uint8_t, 16>;
  std::tuple<bool, int, int, int, Raw, Raw> best_score;
  for (const Gid& a : mine)
    for (const Gid& b : theirs) {
      if (a.type != GidType::kRoceV2 || b.type != GidType::kRoceV2 || kind_of(a) != kind_of(b)) continue;
      const bool known = !my_address.empty() && a.text() == my_address && b.text() == their_address;
      // The last three are to decide between equals, and the same seen from either end.
      const std::tuple score(known, static_cast<int>(kind_of(a)), shared_prefix_bits(a, b),
                             -static_cast<int>(a.index + b.index), std::min(a.raw, b.raw),
                             std::max(a.raw, b.raw));
      if (best && score <= best_score) continue;
      best = {a, b};
      best_score = score;
    }
  return best;
}

}  // namespace millrace::rdma
