// SPDX-License-Identifier: Apache-2.0
#include "modules/tcp/link_options.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <tuple>

#include "modules/tcp/network_failure.hpp"
#include "modules/tcp/socket.hpp"

namespace millrace::tcp {
namespace {

Result<Address> parsed(const char* flag, const std::string& text) {
  return Address::parse(text).map_error([&](Error error) {
    error.what = fmt::format("--{}: {}", flag, error.what);
    return error;
  });
}

// One host: both ends on it, over loopback unless addresses are given; one that is given serves for both.
Result<void> set_addresses_here(const sdk::Host& host, LinkOptions& options) {
  const std::string mine(host.text("address")), theirs(host.text("peer-address"));
  const Result<Address> client = mine.empty() ? Address::parse("127.0.0.1") : parsed("address", mine);
  if (!client) return tl::unexpected(client.error());
  const Result<Address> server = theirs.empty() ? client : parsed("peer-address", theirs);
  if (!server) return tl::unexpected(server.error());
  options.client = mine.empty() ? *server : *client;
  options.only_server = *server;
  return {};
}

Result<void> set_addresses(const sdk::Host& host, LinkOptions& options) {
  if (host.hosts() < 2) return set_addresses_here(host, options);
  const std::string mine(host.text("address")), theirs(host.text("peer-address"));
  const Result<Address> client = mine.empty() ? Address::parse(host.address(0)) : parsed("address", mine);
  if (!client) return tl::unexpected(client.error());
  options.client = *client;
  if (theirs.empty()) return {};
  if (host.hosts() > 2)
    return failure("--peer-address names one host, and there are several others",
                   "leave it out: each listens on the address by which the hosts know each other");
  const Result<Address> server = parsed("peer-address", theirs);
  if (!server) return tl::unexpected(server.error());
  options.only_server = *server;
  return {};
}

}  // namespace

Result<Address> server_address(const sdk::Host& host, const LinkOptions& options, int server) {
  Result<Address> address =
      options.only_server ? Result<Address>(*options.only_server) : Address::parse(host.address(server));
  if (!address) return address;
  if (address->family() != options.client.family())
    return failure(fmt::format("{} and {} are addresses of two families", options.client.host_text(),
                               address->host_text()),
                   "give both by --address and --peer-address: two of IPv4, or two of IPv6");
  return address;
}

Result<LinkOptions> link_options_from(const sdk::Host& host) {
  LinkOptions options;
  if (const Result<void> fine = set_addresses(host, options); !fine) return tl::unexpected(fine.error());
  options.port = static_cast<std::uint16_t>(host.integer("port"));
  std::tie(options.first_port, options.last_port) = host.ports();
  options.connect_timeout_ns = host.duration_ns("connect-timeout");
  options.silence_ns = host.duration_ns("silence");
  options.congestion = host.text("congestion");
  options.mss = static_cast<int>(host.bytes("mss"));
  options.send_buffer = static_cast<int>(host.bytes("send-buffer"));
  options.receive_buffer = static_cast<int>(host.bytes("receive-buffer"));
  options.busy_poll_ns = host.duration_ns("busy-poll");
  return options;
}

Result<void> try_link_options(const sdk::Host& host, const LinkOptions& options) {
  const bool here = host.hosts() < 2;
  const int servers = here ? 1 : host.hosts() - 1;
  for (int server = 1; server <= servers; ++server) {
    const Result<Address> address = server_address(host, options, server);
    if (!address) return tl::unexpected(address.error());
    if (!here && host.host_index() != server) continue;
    Address own = *address;
    own.set_port(options.port);
    if (const Result<Socket> listener = listen_on(own, options); !listener)
      return tl::unexpected(listener.error());
  }
  if (!here && host.host_index() != 0) return {};
  const Result<Socket> socket = make_socket(options.client.family(), options);
  if (!socket) return tl::unexpected(socket.error());
  if (Result<void> finished = finish_socket(socket->fd(), options); !finished) return finished;
  if (bind(socket->fd(), options.client.raw(), options.client.length()) != 0)
    return network_failure(errno, "connect from " + options.client.host_text());
  return {};
}

}  // namespace millrace::tcp
