// SPDX-License-Identifier: Apache-2.0
#include "modules/tcp/rendezvous.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/random.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <sstream>

#include "modules/tcp/network_failure.hpp"
#include "units/quantity.hpp"

namespace millrace::tcp {
namespace {

constexpr std::size_t kNonceBytes = 32;
constexpr std::int64_t kGreetingTimeNs = 2'000'000'000;  // that a connection has to say who it is
constexpr std::size_t kMostUnknown = 64;                 // connections that have not said so yet
constexpr const char* kProtocol = "millrace-tcp/1";

using Nonce = std::array<unsigned char, kNonceBytes>;

// The client's first bytes on each connection; the server answers with the client's nonce.
struct Greeting {
  char magic[8] = {'M', 'R', 'T', 'C', 'P', '/', '1', '\n'};
  Nonce nonce = {};
  std::uint32_t index = 0;  // big-endian
};
static_assert(sizeof(Greeting) == 44);

// What a rank tells all others.
struct Card {
  std::uint16_t port = 0;
  Nonce nonce = {};
};

Result<Nonce> fresh_nonce() {
  Nonce nonce;
  if (getrandom(nonce.data(), nonce.size(), 0) != static_cast<ssize_t>(nonce.size()))
    return network_failure(errno, "draw random bytes");
  return nonce;
}

// In a time that does not tell how much of it was right.
bool equal(const Nonce& a, const Nonce& b) {
  unsigned difference = 0;
  for (std::size_t i = 0; i < a.size(); ++i) difference |= static_cast<unsigned>(a[i] ^ b[i]);
  return difference == 0;
}

std::string written(const Card& card) {
  std::string text = fmt::format("{} {} ", kProtocol, card.port);
  for (const unsigned char byte : card.nonce) text += fmt::format("{:02x}", byte);
  return text;
}

Result<Card> read_card(const std::string& text) {
  std::istringstream words(text);
  std::string protocol, nonce;
  unsigned port = 0;
  if (!(words >> protocol >> port >> nonce) || protocol != kProtocol || port > 65535 ||
      nonce.size() != 2 * kNonceBytes || nonce.find_first_not_of("0123456789abcdef") != std::string::npos)
    return failure("the other end speaks another version of the tcp module",
                   "run the same version of Millrace on all hosts");
  Card card;
  card.port = static_cast<std::uint16_t>(port);
  for (std::size_t i = 0; i < kNonceBytes; ++i)
    card.nonce[i] = static_cast<unsigned char>(std::stoul(nonce.substr(2 * i, 2), nullptr, 16));
  return card;
}

Result<std::vector<Card>> exchange_cards(const sdk::Host& host, const Card& mine, std::int64_t timeout_ns) {
  const std::vector<std::string> texts = host.exchange(written(mine), timeout_ns);
  if (texts.empty() && host.cancelled()) return stopped_from_outside();
  if (texts.empty()) return failure("the other end did not come to the meeting", "see its output");
  std::vector<Card> cards;
  for (const std::string& text : texts) {
    const Result<Card> card = read_card(text);
    if (!card) return tl::unexpected(card.error());
    cards.push_back(*card);
  }
  return cards;
}

std::string waited(const LinkOptions& options) { return to_text(Duration{options.connect_timeout_ns}); }

// --- the client ---

Result<void> wait_until_connected(const sdk::Host& host, int fd, const Address& to,
                                  const LinkOptions& options, std::int64_t deadline_ns) {
  while (!host.cancelled()) {
    pollfd ready = {fd, POLLOUT, 0};
    if (poll(&ready, 1, static_cast<int>(kLookNs / 1'000'000)) > 0) {
      int error = 0;
      socklen_t size = sizeof(error);
      getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
      if (error != 0) return network_failure(error, "connect to " + to.text());
      return {};
    }
    if (host.now_ns() > deadline_ns)
      return failure(fmt::format("{} did not answer within {}", to.text(), waited(options)),
                     "is it the right address, is the path up, does a firewall drop what comes? "
                     "--connect-timeout waits for longer");
  }
  return stopped_from_outside();
}

Result<Connection> connect_to(const sdk::Host& host, const Address& server, const LinkOptions& options,
                              std::int64_t deadline_ns) {
  Result<Socket> socket = make_socket(server.family(), options);
  if (!socket) return tl::unexpected(socket.error());
  if (bind(socket->fd(), options.client.raw(), options.client.length()) != 0)
    return network_failure(errno, "connect from " + options.client.host_text());
  if (connect(socket->fd(), server.raw(), server.length()) != 0 && errno != EINPROGRESS)
    return network_failure(errno, "connect to " + server.text());
  if (const Result<void> connected = wait_until_connected(host, socket->fd(), server, options, deadline_ns);
      !connected)
    return tl::unexpected(connected.error());
  if (const Result<void> finished = finish_socket(socket->fd(), options); !finished)
    return tl::unexpected(finished.error());
  Connection connection;
  connection.socket = std::move(*socket);
  connection.peer = server;
  return connection;
}

Result<Meeting> connect_all(const sdk::Host& host, const LinkOptions& options, StreamCounts streams,
                            const std::vector<Card>& cards) {
  const std::int64_t deadline_ns = host.now_ns() + options.connect_timeout_ns;
  Meeting meeting;
  for (int rank = 1; rank < host.ranks(); ++rank) {
    const Card& card = cards[static_cast<std::size_t>(rank)];
    Result<Address> server = server_address(host, options, rank);
    if (!server) return tl::unexpected(server.error());
    server->set_port(card.port);
    for (std::uint32_t index = 0; index < streams.all(); ++index) {
      Result<Connection> connection = connect_to(host, *server, options, deadline_ns);
      if (!connection) return tl::unexpected(connection.error());
      connection->peer_rank = rank;
      connection->index = index;
      connection->outgoing = index < streams.from_client;
      Greeting greeting;
      greeting.nonce = card.nonce;
      greeting.index = htonl(index);
      if (const Result<void> sent =
              send_all(host, *connection, &greeting, sizeof(greeting), options.connect_timeout_ns);
          !sent)
        return tl::unexpected(sent.error());
      meeting.connections.push_back(std::move(*connection));
    }
  }
  for (const Connection& connection : meeting.connections) {
    Nonce answer = {};
    if (const Result<void> answered =
            receive_all(host, connection, answer.data(), answer.size(), options.connect_timeout_ns);
        !answered)
      return tl::unexpected(answered.error());
    if (!equal(answer, cards[0].nonce))
      return failure(fmt::format("{} is not the other end of this measurement", connection.peer_text()),
                     "something between takes connections in its place: a proxy, or another's port");
  }
  return meeting;
}

// --- a server ---

class Doorkeeper {
 public:
  Doorkeeper(const sdk::Host& host, const LinkOptions& options, StreamCounts streams, Socket listener,
             const Card& mine, const Card& client)
      : host_(host),
        options_(options),
        streams_(streams),
        listener_(std::move(listener)),
        mine_(mine),
        client_(client),
        admitted_(streams.all()) {}

  Result<Meeting> admit_all() {
    const std::int64_t deadline_ns = host_.now_ns() + options_.connect_timeout_ns;
    while (meeting_.connections.size() < streams_.all()) {
      if (host_.cancelled()) return stopped_from_outside();
      if (host_.now_ns() > deadline_ns) return too_few();
      if (const Result<void> looked = look(); !looked) return tl::unexpected(looked.error());
    }
    std::sort(meeting_.connections.begin(), meeting_.connections.end(),
              [](const Connection& a, const Connection& b) { return a.index < b.index; });
    return std::move(meeting_);
  }

 private:
  struct Unknown {
    Socket socket;
    Greeting greeting;
    std::size_t received = 0;
    std::int64_t since_ns = 0;
  };

  tl::unexpected<Error> too_few() const {
    const std::string strangers =
        meeting_.strangers > 0 ? fmt::format("; {} from elsewhere were refused", meeting_.strangers) : "";
    return failure(fmt::format("{} of {} connections came from {} within {}{}", meeting_.connections.size(),
                               streams_.all(), options_.client.host_text(), waited(options_), strangers),
                   "does a firewall drop them, or does the client leave by another address? See --address");
  }

  Result<void> look() {
    std::vector<pollfd> ready = {{listener_.fd(), POLLIN, 0}};
    for (const Unknown& unknown : unknown_) ready.push_back({unknown.socket.fd(), POLLIN, 0});
    if (poll(ready.data(), ready.size(), static_cast<int>(kLookNs / 1'000'000)) > 0) {
      for (std::size_t i = unknown_.size(); i-- > 0;) {
        if (ready[i + 1].revents == 0) continue;
        if (const Result<bool> known = listen_to(unknown_[i]); !known)
          return tl::unexpected(known.error());
        else if (*known)
          unknown_.erase(unknown_.begin() + static_cast<std::ptrdiff_t>(i));
      }
      if (ready[0].revents != 0)
        if (Result<void> accepted = accept_some(); !accepted) return accepted;
    }
    const std::int64_t now = host_.now_ns();
    const auto late = std::remove_if(unknown_.begin(), unknown_.end(), [now](const Unknown& unknown) {
      return now - unknown.since_ns > kGreetingTimeNs;
    });
    meeting_.strangers += static_cast<std::uint32_t>(unknown_.end() - late);
    unknown_.erase(late, unknown_.end());
    return {};
  }

  Result<void> accept_some() {
    while (unknown_.size() < kMostUnknown) {
      Socket socket(accept4(listener_.fd(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
      if (!socket) {
        if (errno == EAGAIN || errno == EINTR || errno == ECONNABORTED) return {};
        return network_failure(errno, "take a connection");
      }
      if (!Address::of_peer(socket.fd()).same_host(options_.client))
        ++meeting_.strangers;
      else
        unknown_.push_back({std::move(socket), {}, 0, host_.now_ns()});
    }
    return {};
  }

  // True: it is known now, as a stranger or as ours, and no longer to be listened to.
  Result<bool> listen_to(Unknown& unknown) {
    auto* bytes = reinterpret_cast<char*>(&unknown.greeting);
    const ssize_t got = recv(unknown.socket.fd(), bytes + unknown.received,
                             sizeof(Greeting) - unknown.received, MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return false;
    if (got > 0) unknown.received += static_cast<std::size_t>(got);
    if (got > 0 && unknown.received < sizeof(Greeting)) return false;
    const std::uint32_t index = ntohl(unknown.greeting.index);
    const bool welcome = got > 0 && std::memcmp(unknown.greeting.magic, Greeting{}.magic, 8) == 0 &&
                         equal(unknown.greeting.nonce, mine_.nonce) && index < streams_.all() &&
                         !admitted_[index];
    if (!welcome) {
      ++meeting_.strangers;
      return true;
    }
    admitted_[index] = true;
    Connection connection;
    connection.peer = Address::of_peer(unknown.socket.fd());
    connection.socket = std::move(unknown.socket);
    connection.index = index;
    connection.outgoing = index >= streams_.from_client;
    if (const Result<void> finished = finish_socket(connection.fd(), options_); !finished)
      return tl::unexpected(finished.error());
    if (const Result<void> answered = send_all(host_, connection, client_.nonce.data(), client_.nonce.size(),
                                               options_.connect_timeout_ns);
        !answered)
      return tl::unexpected(answered.error());
    meeting_.connections.push_back(std::move(connection));
    return true;
  }

  const sdk::Host& host_;
  const LinkOptions& options_;
  StreamCounts streams_;
  Socket listener_;
  Card mine_, client_;
  std::vector<bool> admitted_;
  std::vector<Unknown> unknown_;
  Meeting meeting_;
};

}  // namespace

Result<Meeting> meet(const sdk::Host& host, const LinkOptions& options, StreamCounts streams) {
  if (host.ranks() < 2)
    return failure("a network link has two ends, and this host runs one only", "this is a bug of Millrace");
  const std::size_t peers = is_client(host) ? static_cast<std::size_t>(host.ranks()) - 1 : 1;
  if (const Result<void> allowed = allow_descriptors(peers * streams.all()); !allowed)
    return tl::unexpected(allowed.error());
  const Result<Nonce> nonce = fresh_nonce();
  if (!nonce) return tl::unexpected(nonce.error());
  Card mine = {0, *nonce};
  Socket listener;
  if (!is_client(host)) {
    Result<Address> own = server_address(host, options, host.rank());
    if (!own) return tl::unexpected(own.error());
    own->set_port(options.port);
    Result<Socket> listening = listen_on(*own, options);
    if (!listening) return tl::unexpected(listening.error());
    listener = std::move(*listening);
    mine.port = Address::of_socket(listener.fd()).port();
  }
  const Result<std::vector<Card>> cards = exchange_cards(host, mine, options.connect_timeout_ns);
  if (!cards) return tl::unexpected(cards.error());
  if (is_client(host)) return connect_all(host, options, streams, *cards);
  return Doorkeeper(host, options, streams, std::move(listener), mine, (*cards)[0]).admit_all();
}

}  // namespace millrace::tcp
