// SPDX-License-Identifier: Apache-2.0
// What a person gives to reach a peer: an address and a token.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>

#include "run/peer/address.hpp"
#include "run/peer/token.hpp"
#include "temporary_folder.hpp"

namespace millrace::run::peer {
namespace {

std::string contents(const std::filesystem::path& file) {
  std::ifstream in(file);
  return {std::istreambuf_iterator<char>(in), {}};
}

TEST(PeerAddress, IsReadAndWrittenInOneWay) {
  for (const char* text : {"10.0.0.2:7411", "[::1]:0", "node2:65535", "[fe80::1%eth0]:7"}) {
    const auto address = parse_address(text);
    ASSERT_TRUE(address) << text;
    EXPECT_EQ(to_text(*address), text);
  }
}

TEST(PeerAddress, RefusesWhatHasNoAddressOrNoPort) {
  for (const char* text : {"", ":", "10.0.0.2", "10.0.0.2:", "10.0.0.2:65536", "10.0.0.2:-1", "10.0.0.2:7 ",
                           "10.0.0.2:0x7", "::1:7", "[]:7", ":7"})
    EXPECT_FALSE(parse_address(text)) << text;
}

TEST(PeerAddress, ListensOnAFreePortOfTheAddressThatItWasGiven) {
  const auto listener = listen_on({"127.0.0.1", 0});
  ASSERT_TRUE(listener);
  EXPECT_EQ(own_end(*listener).host, "127.0.0.1");
  EXPECT_GT(own_end(*listener).port, 0);
  EXPECT_FALSE(listen_on(own_end(*listener))) << "taken";
  EXPECT_FALSE(listen_on({"localhost", 0})) << "a name may be several addresses";
}

TEST(PeerToken, IsDifferentEachTimeAndReadsBack) {
  const Token one = Token::make();
  const Token other = Token::make();
  EXPECT_NE(one.text(), other.text());
  EXPECT_EQ(one.text().size(), 43U);
  const auto read = Token::parse(one.text());
  ASSERT_TRUE(read);
  EXPECT_EQ(read->key(), one.key());
  EXPECT_NE(read->key(), other.key());
}

TEST(PeerToken, AnythingElseIsNone) {
  for (const std::string& text :
       {std::string(), std::string(42, 'A'), std::string(44, 'A'), std::string(42, 'A') + "+",
        std::string(42, 'A') + "\n", std::string(43, '\0')})
    EXPECT_FALSE(Token::parse(text));
}

TEST(PeerToken, IsWrittenForItsOwnerAloneAndRemovedWhileItIsStillThere) {
  const TemporaryFolder folder;
  const auto file = folder.path() / "token";
  const Token token = Token::make();
  ASSERT_TRUE(write_token(token, file));
  struct stat info {};
  ASSERT_EQ(stat(file.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777, 0600U);
  EXPECT_EQ(contents(file), token.text() + "\n");
  const Token next = Token::make();
  ASSERT_TRUE(write_token(next, file)) << "an old token may be replaced";
  remove_token(token, file);
  EXPECT_TRUE(std::filesystem::exists(file)) << "it is another one's by now";
  remove_token(next, file);
  EXPECT_FALSE(std::filesystem::exists(file));
}

TEST(PeerToken, OverwritesNoOtherFileAndFollowsNoLink) {
  const TemporaryFolder folder;
  const auto precious = folder.path() / "precious";
  std::ofstream(precious) << "precious";
  std::filesystem::create_symlink(precious, folder.path() / "link");
  std::filesystem::create_directory(folder.path() / "folder");
  for (const char* name : {"precious", "link", "folder"})
    EXPECT_FALSE(write_token(Token::make(), folder.path() / name));
  EXPECT_EQ(contents(precious), "precious");
  EXPECT_FALSE(write_token(Token::make(), folder.path() / "missing" / "token"));
}

TEST(PeerToken, SeveralStandInOneFile) {
  const TemporaryFolder folder;
  const Token one = Token::make();
  const Token other = Token::make();
  std::ofstream(folder.path() / "tokens") << one.text() << "\n\n  " << other.text() << "\r\n";
  const auto tokens = read_tokens(folder.path() / "tokens");
  ASSERT_TRUE(tokens);
  ASSERT_EQ(tokens->size(), 2U);
  EXPECT_EQ((*tokens)[1].text(), other.text());
  EXPECT_FALSE(read_tokens(folder.path() / "none"));
  EXPECT_FALSE(read_tokens("/dev/zero"));
  EXPECT_FALSE(read_tokens(folder.path()));
}

}  // namespace
}  // namespace millrace::run::peer
