// SPDX-License-Identifier: Apache-2.0
#include "run/channel.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <thread>
#include <vector>

namespace millrace::run {
namespace {

struct Pair {
  Channel near, far;
  Pair() {
    int ends[2];
    if (!make_channel(ends)) std::abort();
    near = Channel(ends[0]);
    far = Channel(ends[1]);
  }
};

TEST(Channel, CarriesMessagesInOrderWithTheirKinds) {
  Pair pair;
  EXPECT_TRUE(pair.near.send(MessageKind::kLog, "first"));
  EXPECT_TRUE(pair.near.send(MessageKind::kReady, ""));
  EXPECT_TRUE(pair.near.send(MessageKind::kExchange, std::string("\0+\n", 3)));
  const auto first = pair.far.receive(1000);
  const auto second = pair.far.receive(1000);
  const auto third = pair.far.receive(1000);
  ASSERT_TRUE(first && second && third);
  EXPECT_EQ(first->body, "first");
  EXPECT_EQ(second->kind, MessageKind::kReady);
  EXPECT_EQ(second->body, "");
  EXPECT_EQ(third->body, std::string("\0+\n", 3));
}

TEST(Channel, CarriesMessagesOfAnyLength) {
  Pair pair;
  std::vector<std::string> bodies;
  for (const std::size_t size : {65535U, 65536U, 65537U, 131072U, 5'000'001U})
    bodies.push_back(std::string(size, static_cast<char>('a' + bodies.size())));
  std::thread sender([&] {  // more than the socket holds: it has to be read meanwhile
    for (const std::string& body : bodies) EXPECT_TRUE(pair.near.send(MessageKind::kResult, body));
  });
  for (const std::string& body : bodies) {
    const auto message = pair.far.receive(20'000);
    ASSERT_TRUE(message);
    EXPECT_EQ(message->kind, MessageKind::kResult);
    EXPECT_EQ(message->body.size(), body.size());
    EXPECT_TRUE(message->body == body);
  }
  sender.join();
}

TEST(Channel, KeepsAMessageThatHasArrivedInPart) {
  Pair pair;
  std::thread sender([&] { pair.near.send(MessageKind::kResult, std::string(3'000'000, 'x')); });
  std::size_t looks = 0;
  std::optional<Message> message;
  for (bool closed = false; !message && looks < 100'000; ++looks) {
    message = pair.far.poll_message(closed);
    ASSERT_FALSE(closed);
    if (!message) std::this_thread::sleep_for(std::chrono::microseconds(100));
  }
  sender.join();
  ASSERT_TRUE(message);
  EXPECT_EQ(message->body.size(), 3'000'000U);
}

TEST(Channel, WaitsNoLongerThanAsked) {
  Pair pair;
  const auto began = std::chrono::steady_clock::now();
  EXPECT_FALSE(pair.far.receive(50));
  const auto waited = std::chrono::steady_clock::now() - began;
  EXPECT_GE(waited, std::chrono::milliseconds(49));
  EXPECT_LT(waited, std::chrono::seconds(5));
}

TEST(Channel, TellsThatTheOtherEndIsGoneOnceEverythingIsRead) {
  Pair pair;
  EXPECT_TRUE(pair.near.send(MessageKind::kResult, "last words"));
  pair.near = Channel();
  bool closed = false;
  const auto last = pair.far.poll_message(closed);
  ASSERT_TRUE(last);
  EXPECT_EQ(last->body, "last words");
  EXPECT_FALSE(closed);
  EXPECT_FALSE(pair.far.poll_message(closed));
  EXPECT_TRUE(closed);
  EXPECT_FALSE(pair.far.receive(-1)) << "does not wait for ever";
}

TEST(Channel, HearsTheLastWordsOfAnEndThatDidNotReadWhatItWasSent) {
  Pair pair;
  EXPECT_TRUE(pair.far.send(MessageKind::kExchange, "never read"));
  EXPECT_TRUE(pair.near.send(MessageKind::kResult, "last words"));
  pair.near = Channel();
  bool closed = false;
  const auto last = pair.far.poll_message(closed);
  ASSERT_TRUE(last);
  EXPECT_EQ(last->body, "last words");
  EXPECT_FALSE(pair.far.poll_message(closed));
  EXPECT_TRUE(closed);
}

TEST(Channel, SaysThatASendReachedNobodyAndRaisesNoSignal) {
  Pair pair;
  pair.far = Channel();
  EXPECT_FALSE(pair.near.send(MessageKind::kLog, "anybody?"));
}

}  // namespace
}  // namespace millrace::run
