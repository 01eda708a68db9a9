// SPDX-License-Identifier: Apache-2.0
#include "modules/gloo/mesh.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <gloo/transport/context.h>
#include <gloo/transport/tcp/address.h>
#include <gloo/transport/tcp/device.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <string>
#include <vector>

#include "modules/collective/cancellation.hpp"
#include "modules/gloo/gloo_failure.hpp"

namespace millrace::gloo {
namespace {

using Bytes = std::vector<char>;

std::string numeric(const sockaddr_storage& address) {
  char text[INET6_ADDRSTRLEN] = {};
  if (address.ss_family == AF_INET)
    inet_ntop(AF_INET, &reinterpret_cast<const sockaddr_in&>(address).sin_addr, text, sizeof(text));
  if (address.ss_family == AF_INET6)
    inet_ntop(AF_INET6, &reinterpret_cast<const sockaddr_in6&>(address).sin6_addr, text, sizeof(text));
  return text;
}

// The same address, however it is written.
bool is_same(const std::string& a, const std::string& b) {
  for (const int family : {AF_INET, AF_INET6}) {
    in6_addr of_a{}, of_b{};
    if (inet_pton(family, a.c_str(), &of_a) == 1 && inet_pton(family, b.c_str(), &of_b) == 1)
      return std::memcmp(&of_a, &of_b, sizeof(of_a)) == 0;
  }
  return false;
}

// A context whose pairs we connect ourselves: what ::gloo::rendezvous::Context does by a store, without one.
class Mesh : public ::gloo::Context {
 public:
  Mesh(int own_rank, int ranks) : ::gloo::Context(own_rank, ranks) {}

  // Begins to listen, once for each other rank; the addresses, one after another, its own left out.
  Bytes listen(const std::string& address, int rank_on_host) {
    device_ = ::gloo::transport::tcp::CreateDevice(::gloo::transport::tcp::attr(address.c_str()));
    transportContext_ = device_->createContext(rank, size);
    transportContext_->setTimeout(getTimeout());
    Bytes all;
    for (int other = 0; other < size; ++other) {
      if (other == rank) continue;
      auto& pair = transportContext_->createPair(other);
      pair->setLocalRank(rank_on_host);
      const Bytes one = pair->address().bytes();
      all.insert(all.end(), one.begin(), one.end());
    }
    return all;
  }

  void connect(int other, const Bytes& address) { transportContext_->getPair(other)->connect(address); }
};

// Where `from` listens for `to`; empty: what it said makes no sense.
Bytes address_for(const std::string& said, int from, int to, int ranks) {
  const auto others = static_cast<std::size_t>(ranks - 1);
  if (said.empty() || said.size() % others != 0) return {};
  const std::size_t one = said.size() / others;
  const auto index = static_cast<std::size_t>(to > from ? to - 1 : to);
  const auto begin = said.begin() + static_cast<std::ptrdiff_t>(index * one);
  return {begin, begin + static_cast<std::ptrdiff_t>(one)};
}

}  // namespace

Result<std::shared_ptr<::gloo::Context>> connect_all(const sdk::Host& host, const Settings& settings) {
  const int rank = host.rank();
  if (host.ranks() != settings.ranks)
    return failure(fmt::format("{} ranks came, and {} were asked for", host.ranks(), settings.ranks),
                   "run the same version of Millrace on all hosts");
  const Result<std::string> own = address_of(host, host.host_index());
  if (!own) return tl::unexpected(own.error());
  const auto mesh = std::make_shared<Mesh>(rank, settings.ranks);
  mesh->setTimeout(std::chrono::milliseconds(settings.timeout_ns / 1'000'000));
  try {
    const Bytes mine = mesh->listen(*own, rank % settings.ranks_here);
    const std::vector<std::string> all = host.exchange({mine.data(), mine.size()}, settings.timeout_ns);
    if (all.empty() && host.cancelled()) return collective::stopped_from_outside();
    if (all.empty()) return failure("the other ranks did not come to the meeting", "see their output");
    for (int other = 0; other < settings.ranks; ++other) {
      if (other == rank) continue;
      const Bytes address = address_for(all[static_cast<std::size_t>(other)], other, rank, settings.ranks);
      const Result<std::string> agreed = address_of(host, other / settings.ranks_here);
      if (!agreed) return tl::unexpected(agreed.error());
      const std::string said = numeric(::gloo::transport::tcp::Address(address).getSockaddr());
      if (!is_same(said, *agreed))
        return failure(fmt::format("rank {} listens on {}, not on {}", other, said, *agreed),
                       "run the same version of Millrace on all hosts; see --address and --peer-address");
      mesh->connect(other, address);
    }
  } catch (const std::exception& thrown) {
    if (host.cancelled() || (is_a_consequence(thrown) && collective::soon_cancelled(host)))
      return collective::stopped_from_outside();
    return tl::unexpected(gloo_error(thrown, fmt::format("connecting the ranks from {}", *own)));
  }
  return mesh;
}

Result<void> try_address(const sdk::Host& host) {
  for (int index = 0; index < std::max(host.hosts(), 1); ++index)
    if (const Result<std::string> valid = address_of(host, index); !valid)
      return tl::unexpected(valid.error());
  const Result<std::string> own = address_of(host, host.host_index());
  try {
    ::gloo::transport::tcp::CreateDeviceAttr(::gloo::transport::tcp::attr(own->c_str()));
  } catch (const std::exception& thrown) {
    return tl::unexpected(gloo_error(thrown, "listening on " + *own));
  }
  return {};
}

}  // namespace millrace::gloo
