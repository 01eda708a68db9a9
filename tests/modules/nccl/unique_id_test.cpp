// SPDX-License-Identifier: Apache-2.0
// Made-up ids, laid out as NCCL's struct ncclBootstrapHandle: eight bytes of magic, then the address.
#include "modules/nccl/unique_id.hpp"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>

#include <cstring>

namespace millrace::nccl {
namespace {

using ::testing::HasSubstr;

constexpr std::size_t kIdBytes = 128;  // NCCL_UNIQUE_ID_BYTES

std::string id_at(const char* address) {
  std::string id(kIdBytes, '\0');
  id.replace(0, 8, "\x12\x34\x56\x78\x9a\xbc\xde\xf0", 8);
  sockaddr_in v4{};
  sockaddr_in6 v6{};
  v4.sin_family = AF_INET;
  v6.sin6_family = AF_INET6;
  v4.sin_port = v6.sin6_port = htons(45123);
  if (inet_pton(AF_INET, address, &v4.sin_addr) == 1)
    std::memcpy(id.data() + 8, &v4, sizeof v4);
  else if (inet_pton(AF_INET6, address, &v6.sin6_addr) == 1)
    std::memcpy(id.data() + 8, &v6, sizeof v6);
  return id;
}

bool of_the_session(const std::string& address) { return address == "10.0.0.1" || address == "fd00::1"; }

TEST(UniqueId, TellsWhereRankZeroWaits) {
  EXPECT_EQ(address_in(id_at("10.0.0.1")), "10.0.0.1");
  EXPECT_EQ(address_in(id_at("fd00::1")), "fd00::1");
}

TEST(UniqueId, ThatLeadsToAnAddressOfTheSessionIsFine) {
  EXPECT_TRUE(check_unique_id(id_at("10.0.0.1"), of_the_session));
  EXPECT_TRUE(check_unique_id(id_at("fd00::1"), of_the_session));
}

TEST(UniqueId, ThatLeadsElsewhereIsRefusedWithTheWayOut) {
  for (const char* address : {"10.0.0.10", "127.0.0.1", "fd00::2"}) {
    const auto refused = check_unique_id(id_at(address), of_the_session);
    ASSERT_FALSE(refused) << address;
    EXPECT_THAT(refused.error().what, HasSubstr(std::string("rank 0 waits at ") + address + ": neither"));
    EXPECT_THAT(refused.error().hint, HasSubstr(std::string("--allow-address ") + address));
  }
}

TEST(UniqueId, ThatCannotBeReadIsRefused) {
  std::string unix_socket = id_at("10.0.0.1");
  unix_socket[8] = AF_UNIX;
  for (const std::string& id : {std::string(), std::string(kIdBytes, '\0'), id_at("10.0.0.1").substr(0, 20),
                                unix_socket, id_at("10.0.0.1").substr(8)}) {
    const auto refused = check_unique_id(id, [](const std::string&) { return true; });
    ASSERT_FALSE(refused);
    EXPECT_THAT(refused.error().what, HasSubstr("names no address"));
  }
}

}  // namespace
}  // namespace millrace::nccl
