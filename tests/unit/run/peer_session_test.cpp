// SPDX-License-Identifier: Apache-2.0
// Both ends of a session over a real connection, one of them on a thread of its own.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>

#include <atomic>
#include <mutex>
#include <thread>

#include "run/peer/door.hpp"
#include "run/peer/guest.hpp"
#include "run/peer/handshake.hpp"
#include "run/peer/messages.hpp"
#include "run/peer/session.hpp"
#include "run/shared_state.hpp"

namespace millrace::run::peer {
namespace {

using ::testing::HasSubstr;

constexpr std::int64_t kLong = 20'000'000'000;

// Lets one in, and then does with the session what the test says.
class Listening {
 public:
  using Serve = std::function<void(Connection, Door&)>;
  explicit Listening(Serve serve)
      : door_(take(listen_on({"127.0.0.1", 0})), [this](const auto& line) { note(line); }) {
    address = door_.address();
    thread_ = std::thread([this, serve] {
      while (!over_ && !door_.is_besieged())
        if (auto session = door_.let_in(token))
          return serve(std::move(*session), door_);
        else
          wait();
    });
  }
  Listening(const Listening&) = delete;
  Listening& operator=(const Listening&) = delete;
  ~Listening() { end(); }
  void end() {
    over_ = true;
    if (thread_.joinable()) thread_.join();
  }
  void note(const std::string& line) {
    const std::lock_guard lock(mutex_);
    said_ += line + "\n";
  }
  std::string said() {
    const std::lock_guard lock(mutex_);
    return said_;
  }

  const Token token = Token::make();
  Address address;

 private:
  static Socket take(Result<Socket> listener) {
    if (!listener) throw std::runtime_error(listener.error().what);
    return std::move(*listener);
  }
  void wait() const {
    std::vector<pollfd> waiting;
    door_.append_poll(waiting);
    poll(waiting.data(), waiting.size(), 10);
  }
  Door door_;
  std::atomic<bool> over_{false};
  std::mutex mutex_;
  std::string said_;
  std::thread thread_;
};

void echo(Connection session, Door&) {
  while (session.lost().empty()) {
    const auto message = session.wait(kLong);
    if (!message || message->kind == Kind::kBye) break;
    session.send(message->kind, message->body);
  }
  session.flush(kLong);
}

TEST(PeerSession, CarriesMessagesOfAnySizeBothWaysAtOnce) {
  Listening there(echo);
  auto here = call(there.address, there.token);
  ASSERT_TRUE(here) << here.error().what;
  // More than the kernel holds: neither end may wait for the other to read.
  std::vector<std::string> bodies;
  for (const std::size_t size : {0UL, 1UL, 32UL * 1024 - 1, 32UL * 1024, 32UL * 1024 + 1, 5'000'000UL, 7UL})
    bodies.push_back(std::string(size, static_cast<char>('a' + bodies.size())));
  for (const std::string& body : bodies) here->send(Kind::kExchange, body);
  for (const std::string& body : bodies) {
    const auto message = here->wait(kLong);
    ASSERT_TRUE(message) << here->lost();
    EXPECT_EQ(message->kind, Kind::kExchange);
    EXPECT_EQ(message->body, body);
  }
  here->send(Kind::kBye);
}

TEST(PeerSession, AWrongTokenIsRefusedAfterAWhileAndTheRightOneStillWorks) {
  Listening there(echo);
  const std::int64_t began = monotonic_ns();
  const auto refused = call(there.address, Token::make());
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().what, HasSubstr("refused the token"));
  EXPECT_GE(monotonic_ns() - began, 1'000'000'000);
  EXPECT_THAT(there.said(), HasSubstr("wrong token"));
  auto here = call(there.address, there.token);
  ASSERT_TRUE(here);
  here->send(Kind::kBye);
}

TEST(PeerSession, AMessageTooLargeToTakeIsNotSent) {
  Listening there(echo);
  auto here = call(there.address, there.token);
  ASSERT_TRUE(here);
  here->send(Kind::kExchange, std::string(kMostOfMessage, 'x'));
  EXPECT_THAT(here->lost(), HasSubstr("does not take"));
}

TEST(PeerSession, AnEndThatTakesNothingIsGivenUpBeforeMemoryRunsOut) {
  std::atomic<bool> over{false};
  Listening there([&over](Connection session, Door&) {
    while (!over) std::this_thread::sleep_for(std::chrono::milliseconds(5));
    session.lose("enough");
  });
  auto here = call(there.address, there.token);
  ASSERT_TRUE(here);
  const std::string body(16 << 20, 'x');
  for (int i = 0; i < 20 && here->lost().empty(); ++i) here->send(Kind::kExchange, body);
  EXPECT_THAT(here->lost(), HasSubstr("does not take"));
  over = true;
}

TEST(PeerSession, WhatIsNotSealedByTheOtherEndEndsIt) {
  // Whoever comes in between after the proofs has no keys: frames of noise, of impossible sizes, and a frame
  // that was sent before.
  for (const std::string& frame : {std::string("\x20\0\0\0", 4) + std::string(32, 'x'),
                                   std::string("\xff\xff\xff\x7f", 4), std::string(4, '\0')}) {
    std::atomic<bool> lost{false};
    Listening there([&](Connection session, Door&) {
      session.wait(kLong);
      lost = session.lost() == "what came is not sealed by the other host";
    });
    auto here = call(there.address, there.token);
    ASSERT_TRUE(here);
    send(here->fd(), frame.data(), frame.size(), MSG_NOSIGNAL);
    there.end();
    EXPECT_TRUE(lost);
  }
}

TEST(PeerSession, WhatCameBeforeTheOtherEndClosedIsStillHeard) {
  Listening there([](Connection session, Door&) {
    session.send(Kind::kOutcome, std::string(100'000, 'x'));
    session.flush(kLong);
  });
  auto here = call(there.address, there.token);
  ASSERT_TRUE(here);
  there.end();
  const auto message = here->wait(kLong);
  ASSERT_TRUE(message);
  EXPECT_EQ(message->body.size(), 100'000U);
  EXPECT_FALSE(here->wait(kLong));
  EXPECT_THAT(here->lost(), HasSubstr("closed by the other end"));
}

// A host that knows the token and says what it should not.
class GuestTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ModuleInfo module;
    module.file = "/nonexistent/module.so";
    module.name = "files";
    module.state = "ready";
    module.probes.push_back({"files.read", "reads", {}});
    module.probes.back().parameters.push_back({"path", MILLRACE_PATH, true, "", {}, "", 0, 0, true});
    module.probes.push_back({"files.none", "has no module", {}});
    catalog_.modules.push_back(module);
    machine_.host.name = "node2";
    there_.emplace([this](Connection session, Door& door) {
      Guest(std::move(session), door, machine_, catalog_, {}, [this](const auto& line) {
        there_->note(line);
      }).serve({kLong});
    });
    auto here = call(there_->address, there_->token);
    ASSERT_TRUE(here) << here.error().what;
    here_.emplace(std::move(*here));
    const auto hello = here_->wait(kLong);
    ASSERT_TRUE(hello);
    const auto machine = decode_machine(hello->body);
    ASSERT_TRUE(machine);
    EXPECT_EQ(machine->machine.host.name, "node2");
    EXPECT_EQ(machine->own_address, "127.0.0.1");
  }
  PlanAnswer plan(const std::string& probe, const std::string& own = "127.0.0.1",
                  const std::string& theirs = "127.0.0.1") {
    here_->send(Kind::kPlan,
                encode(PlanRequest{probe, {{"path", "/etc/passwd"}}, {1, {own, theirs}}, {1'000'000'000}}));
    const auto answer = here_->wait(kLong);
    const auto decoded = answer ? decode_plan_answer(answer->body) : std::nullopt;
    return decoded.value_or(PlanAnswer{"lost", here_->lost(), "", false, {}});
  }
  std::string said_at_the_end() {
    while (here_->wait(kLong)) {
    }
    there_->end();
    return there_->said();
  }

  Catalog catalog_;
  topology::Machine machine_;
  std::optional<Listening> there_;
  std::optional<Connection> here_;
};

TEST_F(GuestTest, AProbeThatIsGivenPathsIsRefused) {
  const PlanAnswer answer = plan("files.read");
  EXPECT_EQ(answer.status, "skipped");
  EXPECT_THAT(answer.reason, HasSubstr("touches no files for another host"));
  here_->send(Kind::kBye);
  EXPECT_THAT(said_at_the_end(), HasSubstr("refused: files.read"));
}

TEST_F(GuestTest, AProbeThatItDoesNotHaveIsRefused) {
  EXPECT_THAT(plan("tcp.stream").reason, HasSubstr("no probe 'tcp.stream'"));
  EXPECT_THAT(plan("../../tmp/evil.so").reason, HasSubstr("no probe"));
  here_->send(Kind::kBye);
}

TEST_F(GuestTest, AddressesThatAreNotThoseOfTheConnectionAreRefused) {
  EXPECT_THAT(plan("files.none", "192.0.2.1").reason, HasSubstr("not those of the connection"));
  EXPECT_THAT(plan("files.none", "127.0.0.1", "192.0.2.1").reason, HasSubstr("not those of the connection"));
  here_->send(Kind::kBye);
}

TEST_F(GuestTest, ALaunchOfNothingThatWasPlannedEndsTheSession) {
  here_->send(Kind::kLaunch, encode(LaunchRequest{1, 2, {}}));
  EXPECT_THAT(said_at_the_end(), HasSubstr("it sends what cannot be read"));
}

TEST_F(GuestTest, WhatIsNoMessageOfAnAskerEndsTheSession) {
  here_->send(static_cast<Kind>('?'), "what?");
  EXPECT_THAT(said_at_the_end(), HasSubstr("it sends what cannot be read"));
}

TEST_F(GuestTest, APlanThatCannotBeReadEndsTheSession) {
  here_->send(Kind::kPlan, std::string(100'000, '\xff'));
  EXPECT_THAT(said_at_the_end(), HasSubstr("it sends what cannot be read"));
}

TEST_F(GuestTest, APingIsAnsweredWithTheTime) {
  const std::int64_t before = monotonic_ns();
  here_->send(Kind::kPing, encode(std::int64_t{42}));
  const auto pong = here_->wait(kLong);
  ASSERT_TRUE(pong);
  const auto answer = decode_pong(pong->body);
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->first, 42);
  EXPECT_GE(answer->second, before);
  EXPECT_LE(answer->second, monotonic_ns());
  here_->send(Kind::kBye);
}

TEST_F(GuestTest, WhatComesLateForALaunchThatIsOverDoesNoHarm) {
  for (const Kind late : {Kind::kBegin, Kind::kStop, Kind::kExchange, Kind::kBarrier, Kind::kGrant})
    here_->send(late, "anything");
  EXPECT_EQ(plan("files.read").status, "skipped");
  here_->send(Kind::kBye);
}

}  // namespace
}  // namespace millrace::run::peer
