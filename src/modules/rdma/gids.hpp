// SPDX-License-Identifier: Apache-2.0
// The addresses of an RDMA port (GIDs), and which of them two ports had better use with each other.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>

namespace millrace::rdma {

enum class GidType : std::uint8_t { kInfiniBand = 0, kRoceV1 = 1, kRoceV2 = 2 };  // as enum ibv_gid_type

struct Gid {
  std::array<std::uint8_t, 16> raw{};  // network order; of RoCE v2 the IP address (IPv4 as ::ffff:a.b.c.d)
  std::uint32_t index = 0;             // in the port's table
  GidType type = GidType::kRoceV2;

  // The IP address as text: "10.9.0.1", "fe80::1".
  [[nodiscard]] std::string text() const;
  [[nodiscard]] bool is_ipv4() const;
  [[nodiscard]] bool is_link_local() const;
  [[nodiscard]] bool is_zero() const { return raw == std::array<std::uint8_t, 16>{}; }
  bool operator==(const Gid&) const = default;
};

// The pair, mine first, for two RoCE ports: of RoCE v2 and of one kind (IPv4, IPv6, link-local IPv6; in this
// order of preference); the addresses by which the hosts already reached each other where both ports have
// them ("" where there are none), else those that share the longest prefix, which are in one network if any
// are. Both ends come to the same pair. Nothing: they share no kind of RoCE v2 address.
std::optional<std::pair<Gid, Gid>> choose_gids(std::span<const Gid> mine, std::span<const Gid> theirs,
                                               const std::string& my_address,
                                               const std::string& their_address);

}  // namespace millrace::rdma
