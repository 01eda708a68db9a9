// SPDX-License-Identifier: Apache-2.0
#include "modules/nccl/unique_id.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>

#include <cstdint>
#include <cstring>

namespace millrace::nccl {
namespace {

constexpr std::size_t kMagicBytes = sizeof(std::uint64_t);

}  // namespace

std::optional<std::string> address_in(std::string_view id) {
  sockaddr_in6 v6{};
  if (id.size() < kMagicBytes + sizeof v6) return std::nullopt;
  std::memcpy(&v6, id.data() + kMagicBytes, sizeof v6);
  char text[INET6_ADDRSTRLEN] = {};
  if (v6.sin6_family == AF_INET6) return inet_ntop(AF_INET6, &v6.sin6_addr, text, sizeof text);
  if (v6.sin6_family != AF_INET) return std::nullopt;
  sockaddr_in v4{};
  std::memcpy(&v4, id.data() + kMagicBytes, sizeof v4);
  return inet_ntop(AF_INET, &v4.sin_addr, text, sizeof text);
}

Result<void> check_unique_id(std::string_view id, const std::function<bool(const std::string&)>& may_use) {
  const auto address = address_in(id);
  if (!address)
    return failure("the id of NCCL's that rank 0 sent names no address that this module can read",
                   "run one version of NCCL, from 2.16 to 2.30, on all hosts", Exit::kInconclusive);
  if (may_use(*address)) return {};
  return failure(
      fmt::format("rank 0 waits at {}: neither an address of the session nor one that this peer allows",
                  *address),
      fmt::format("see NCCL_SOCKET_IFNAME on the host of rank 0; or start the peer with --allow-address {}",
                  *address),
      Exit::kInconclusive);
}

}  // namespace millrace::nccl
