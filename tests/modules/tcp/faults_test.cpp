// SPDX-License-Identifier: Apache-2.0
// What goes wrong on a network: each ends in time, with a plain reason.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <poll.h>
#include <sys/resource.h>

#include <array>
#include <atomic>
#include <sstream>
#include <thread>

#include "ends.hpp"
#include "modules/tcp/address.hpp"
#include "modules/tcp/connection.hpp"
#include "modules/tcp/socket.hpp"

namespace millrace::testing {
namespace {

using namespace std::chrono_literals;
using tcp::Address;
using tcp::Socket;
using ::testing::HasSubstr;

// Every probe meets in the same way.
class TcpFaults : public ::testing::TestWithParam<const char*> {
 protected:
  [[nodiscard]] std::string probe() const { return GetParam(); }
};
INSTANTIATE_TEST_SUITE_P(Both, TcpFaults, ::testing::Values("tcp.stream", "tcp.latency"),
                         [](const auto& of) { return std::string(of.param).substr(4); });

Socket listener(const char* address = "127.0.0.1") {
  return std::move(*tcp::listen_on(*Address::parse(address), {}));
}
std::uint16_t port_of(const Socket& socket) { return Address::of_socket(socket.fd()).port(); }

Socket connect_to(std::uint16_t port, const char* from = "127.0.0.1", const char* to = "127.0.0.1") {
  Socket socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const Address own = *Address::parse(from), peer = *Address::parse(to, port);
  EXPECT_EQ(bind(socket.fd(), own.raw(), own.length()), 0);
  EXPECT_EQ(connect(socket.fd(), peer.raw(), peer.length()), 0) << strerrorname_np(errno);
  return socket;
}

std::string card(std::uint16_t port) {
  return "millrace-tcp/1 " + std::to_string(port) + " " + std::string(64, 'a');
}

// Takes rank 1's place in the exchange, and says what is wanted of it.
std::function<void(const millrace_host&)> that_offers(const std::string& text) {
  return [text](const millrace_host& host) {
    std::vector<char> all(std::size_t{2} * 65536);
    std::array<std::size_t, 2> sizes{};
    host.exchange(host.context, text.data(), text.size(), all.data(), 65536, sizes.data(), 5'000'000'000);
  };
}

TEST_P(TcpFaults, AConnectionThatIsRefusedIsSaidToBe) {
  std::uint16_t free = 0;
  { free = port_of(listener()); }
  Ends ends(probe(), {});
  ends.replace(1, that_offers(card(free)));
  const auto m = ends.measure(200ms);
  EXPECT_EQ(m[0].open, MILLRACE_FAILED);
  EXPECT_THAT(m[0].what, HasSubstr("ECONNREFUSED"));
  EXPECT_THAT(m[0].what, HasSubstr("127.0.0.1:" + std::to_string(free)));
  EXPECT_THAT(m[0].hint, HasSubstr("firewall"));
}

TEST_P(TcpFaults, AListenerThatNeverAnswersIsGivenUp) {
  const Socket silent = listener();
  Ends ends(probe(), {{"connect-timeout", "300ms"}});
  ends.replace(1, that_offers(card(port_of(silent))));
  const auto m = ends.measure(200ms);
  EXPECT_EQ(m[0].open, MILLRACE_FAILED);
  EXPECT_THAT(m[0].what, HasSubstr("nothing moved"));
}

TEST_P(TcpFaults, AnImpostorThatDoesNotKnowTheClientsNonceIsFoundOut) {
  const Socket other = listener();
  const std::jthread answers([&] {
    pollfd ready = {other.fd(), POLLIN, 0};
    poll(&ready, 1, 5000);
    const Socket taken(accept(other.fd(), nullptr, nullptr));
    const std::string wrong(32, 'x');
    EXPECT_EQ(send(taken.fd(), wrong.data(), wrong.size(), MSG_NOSIGNAL), 32);
    std::array<char, 64> rest{};
    while (recv(taken.fd(), rest.data(), rest.size(), 0) > 0) {
    }
  });
  Ends ends(probe(), {});
  ends.replace(1, that_offers(card(port_of(other))));
  const auto m = ends.measure(200ms);
  EXPECT_EQ(m[0].open, MILLRACE_FAILED);
  EXPECT_THAT(m[0].what, HasSubstr("not the other end"));
}

TEST_P(TcpFaults, AnotherVersionOfTheProtocolIsRefused) {
  for (const char* strange : {"", "millrace-tcp/2 1 aa", "millrace-tcp/1 99999 aa", "millrace-tcp/1 80 zz"}) {
    Ends ends(probe(), {});
    ends.replace(1, that_offers(strange));
    const auto m = ends.measure(200ms);
    EXPECT_EQ(m[0].open, MILLRACE_FAILED);
    EXPECT_THAT(m[0].what, HasSubstr("another version")) << strange;
  }
}

TEST_P(TcpFaults, AServerToWhichNobodyComesGivesUp) {
  Ends ends(probe(), {{"connect-timeout", "300ms"}});
  ends.replace(0, that_offers(card(0)));
  const auto m = ends.measure(200ms);
  EXPECT_EQ(m[1].open, MILLRACE_FAILED);
  EXPECT_THAT(m[1].what, HasSubstr("0 of 1 connections came from 127.0.0.1 within 300 ms"));
  EXPECT_THAT(m[1].hint, HasSubstr("firewall"));
}

TEST_P(TcpFaults, StrangersAreTurnedAwayAndTheMeasurementGoesOn) {
  std::uint16_t port = 0;
  { port = port_of(listener("127.0.0.2")); }
  std::vector<Socket> strangers;
  Ends ends(probe(), {{"port", std::to_string(port)}}, 2);
  // Once the server listens, and before the client hears of it: one from another address, one without the
  // nonce, one that says nothing.
  std::atomic<bool> came{false};
  ends.rewrite([&](int from, std::string text) {
    if (from == 1 && !came.exchange(true)) {
      strangers.push_back(connect_to(port, "127.0.0.7", "127.0.0.2"));
      strangers.push_back(connect_to(port, "127.0.0.1", "127.0.0.2"));
      const std::string wrong = "MRTCP/1\n" + std::string(36, '\0');
      EXPECT_EQ(send(strangers.back().fd(), wrong.data(), wrong.size(), MSG_NOSIGNAL), 44);
      strangers.push_back(connect_to(port, "127.0.0.1", "127.0.0.2"));
    }
    return text;
  });
  const auto m = ends.measure(200ms);
  for (const Measured& end : m) EXPECT_TRUE(end.ok()) << end.what;
  EXPECT_GE(m[1].counters.at("tcp:strangers_refused"), 2);
  std::array<char, 64> answer{};
  for (const Socket& stranger : strangers) EXPECT_LE(recv(stranger.fd(), answer.data(), answer.size(), 0), 0);
}

TEST_P(TcpFaults, NothingListensOnceTheConnectionsStand) {
  std::uint16_t port = 0;
  { port = port_of(listener()); }
  Ends ends(probe(), {{"port", std::to_string(port)}});
  int refused = 0;
  ends.when_opened(1, [&] {
    const Socket late(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const Address to = *Address::parse("127.0.0.1", port);
    refused = connect(late.fd(), to.raw(), to.length()) != 0 ? errno : 0;
  });
  const auto m = ends.measure(100ms);
  EXPECT_TRUE(m[1].ok()) << m[1].what;
  EXPECT_EQ(refused, ECONNREFUSED);
}

TEST_P(TcpFaults, APeerThatEndsInTheMiddleIsMissed) {
  for (const std::size_t lost : {0u, 1u}) {
    const std::size_t left = 1 - lost;
    Ends ends(probe(), {});
    ends.stop_after(static_cast<int>(lost), 50ms);
    ends.never_stop(static_cast<int>(left));
    const auto m = ends.measure(100ms);
    EXPECT_EQ(m[left].run, MILLRACE_FAILED);
    EXPECT_THAT(m[left].what, HasSubstr("closed the connection in the middle"));
    EXPECT_LT(m[left].run_s, 6);
  }
}

TEST(TcpStreamFaults, APeerThatFallsSilentIsGivenUp) {
  for (const int silent : {0, 1}) {
    const auto other = static_cast<std::size_t>(1 - silent);
    Ends ends("tcp.stream", {{"silence", "300ms"}, {"verify", "off"}});
    ends.never_stop(static_cast<int>(other));
    ends.hang(silent, 2500ms);
    const auto m = ends.measure(5000ms);
    EXPECT_EQ(m[other].run, MILLRACE_FAILED);
    EXPECT_THAT(m[other].what, HasSubstr("nothing moved between here and 127.0.0.1:"));
    EXPECT_THAT(m[other].what, HasSubstr("300 ms"));
    EXPECT_LT(m[other].run_s, 2.4);
  }
}

TEST(TcpLatencyFaults, AServerThatFallsSilentIsGivenUp) {
  for (const char* rate : {"", "100"}) {
    Ends ends("tcp.latency", {{"silence", "300ms"}, {"verify", "off"}, {"rate", rate}});
    ends.never_stop(0);
    ends.hang(1, 2500ms);
    const auto m = ends.measure(5000ms);
    EXPECT_EQ(m[0].run, MILLRACE_FAILED);
    EXPECT_THAT(m[0].what, HasSubstr("nothing moved between here and 127.0.0.1:"));
    EXPECT_LT(m[0].run_s, 2.4);
  }
}

// Between the two ends: hands on what comes, with one byte of the client's changed.
class Falsifier {
 public:
  Falsifier(std::uint16_t to, std::size_t at)
      : listener_(listener()), thread_([this, to, at] { hand_on(to, at); }) {}
  ~Falsifier() { over_ = true; }
  [[nodiscard]] std::uint16_t port() const { return port_of(listener_); }

 private:
  void hand_on(std::uint16_t to, std::size_t at) {
    pollfd came = {listener_.fd(), POLLIN, 0};
    poll(&came, 1, 5000);
    const Socket client(accept(listener_.fd(), nullptr, nullptr)), server = connect_to(to);
    std::size_t passed = 0;
    std::array<char, 16384> bytes{};
    while (!over_) {
      std::array<pollfd, 2> ready = {{{client.fd(), POLLIN, 0}, {server.fd(), POLLIN, 0}}};
      poll(ready.data(), 2, 50);
      for (int way = 0; way < 2; ++way) {
        if (ready[static_cast<std::size_t>(way)].revents == 0) continue;
        const int from = way == 0 ? client.fd() : server.fd(), onward = way == 0 ? server.fd() : client.fd();
        const ssize_t got = recv(from, bytes.data(), bytes.size(), 0);
        if (got <= 0) return;
        const auto size = static_cast<std::size_t>(got);
        if (way == 0 && at >= passed && at < passed + size) bytes[at - passed] ^= 1;
        if (way == 0) passed += size;
        if (send(onward, bytes.data(), size, MSG_NOSIGNAL) != got) return;
      }
    }
  }

  Socket listener_;
  std::atomic<bool> over_{false};
  std::jthread thread_;  // last: it uses the others
};

std::function<std::string(int, std::string)> through(std::unique_ptr<Falsifier>& falsifier, std::size_t at) {
  return [&falsifier, at](int from, const std::string& text) {
    if (from == 0) return text;
    std::istringstream words(text);
    std::string protocol, nonce;
    std::uint16_t port = 0;
    words >> protocol >> port >> nonce;
    falsifier = std::make_unique<Falsifier>(port, at);
    return protocol + " " + std::to_string(falsifier->port()) + " " + nonce;
  };
}

TEST(TcpStreamFaults, AFalsifiedByteIsNamed) {
  std::unique_ptr<Falsifier> falsifier;
  Ends ends("tcp.stream", {});
  ends.rewrite(through(falsifier, 44 + 1'234'567));  // after the greeting
  const auto m = ends.measure(200ms);
  EXPECT_EQ(m[1].open, MILLRACE_FAILED);
  EXPECT_EQ(m[1].verified, false);
  EXPECT_THAT(m[1].what, HasSubstr("byte 1234567 of stream 0"));
  EXPECT_THAT(m[1].hint, HasSubstr("corrupts data"));
}

TEST(TcpLatencyFaults, AFalsifiedReplyIsNamed) {
  std::unique_ptr<Falsifier> falsifier;
  Ends ends("tcp.latency", {{"message-size", "100B"}});
  ends.rewrite(through(falsifier, 44 + 203));
  const auto m = ends.measure(200ms);
  EXPECT_EQ(m[0].open, MILLRACE_FAILED);
  EXPECT_EQ(m[0].verified, false);
  EXPECT_THAT(m[0].what, HasSubstr("byte 3 of reply 2"));
}

// --- what is refused before anything is started ---

void refused(const Ends::Parameters& parameters, const std::string& what, const std::string& hint,
             int hosts = 1, int host = 0) {
  for (const char* probe : {"tcp.stream", "tcp.latency"}) {
    const Measured m = Ends(probe, parameters, hosts).describe(host);
    EXPECT_EQ(m.describe, MILLRACE_FAILED);
    EXPECT_THAT(m.what, HasSubstr(what));
    EXPECT_THAT(m.hint, HasSubstr(hint));
  }
}

TEST(TcpRefusals, AnAddressOfAnotherMachine) {
  refused({{"address", "192.0.2.1"}, {"peer-address", "127.0.0.1"}}, "cannot connect from 192.0.2.1",
          "ip address");
  refused({{"peer-address", "192.0.2.1"}, {"address", "127.0.0.1"}}, "cannot listen on 192.0.2.1",
          "ip address");
  refused({{"peer-address", "192.0.2.1"}}, "cannot listen on 192.0.2.1", "ip address", 2, 1);
}

TEST(TcpRefusals, WhatIsNoAddress) {
  refused({{"address", "localhost"}}, "--address: 'localhost' is no numeric IP address",
          "names are not looked up");
  refused({{"peer-address", "10.0.0.1:80"}}, "--peer-address: '10.0.0.1:80'", "10.0.0.1");
}

TEST(TcpRefusals, AddressesOfTwoFamilies) {
  refused({{"address", "127.0.0.1"}, {"peer-address", "::1"}}, "two families", "IPv6");
}

TEST(TcpRefusals, OnePeerAddressForSeveralPeers) {
  refused({{"peer-address", "127.0.0.2"}}, "names one host", "leave it out", 3);
}

TEST(TcpRefusals, APortInUse) {
  const Socket taken = listener();
  refused({{"port", std::to_string(port_of(taken))}}, "EADDRINUSE", "another --port");
}

TEST(TcpRefusals, ACongestionControlThatTheKernelLacks) {
  refused({{"congestion", "no-such-thing"}}, "cannot use the congestion control no-such-thing",
          "the kernel has: ");
}

TEST(TcpRefusals, MoreStreamsThanMayBeOpen) {
  rlimit before = {};
  getrlimit(RLIMIT_NOFILE, &before);
  rlimit few = before;
  few.rlim_cur = few.rlim_max = std::min<rlim_t>(before.rlim_max, 200);
  if (prlimit(0, RLIMIT_NOFILE, &few, nullptr) != 0)
    GTEST_SKIP() << "the limit of open files cannot be lowered here";
  const Measured m = Ends("tcp.stream", {{"streams", "1000"}}).describe();
  setrlimit(RLIMIT_NOFILE, &before);
  EXPECT_EQ(m.describe, MILLRACE_FAILED);
  EXPECT_THAT(m.what, HasSubstr("1000 connections are more than"));
  EXPECT_THAT(m.hint, HasSubstr("ulimit -Hn 1064"));
}

TEST(TcpRefusals, OneRankAloneIsNoLink) {
  InProcessHost host(module_file("tcp"));
  const Measured m = host.measure("tcp.stream", {}, 100ms);
  EXPECT_EQ(m.open, MILLRACE_FAILED);
  EXPECT_THAT(m.what, HasSubstr("two ends"));
}

}  // namespace
}  // namespace millrace::testing
