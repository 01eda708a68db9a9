// SPDX-License-Identifier: Apache-2.0
#include "modules/rdma/settings.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "modules/rdma/layout.hpp"
#include "modules/rdma/link_role.hpp"

namespace millrace::rdma {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(Ports, a_number_after_a_device_is_its_port) {
  // What the core makes of --device mlx5_0 --device mlx5_1:2 --device mlx5_2
  const auto ports = parse_ports({"mlx5_0", "mlx5_1", "2", "mlx5_2"}, "device");
  ASSERT_TRUE(ports);
  EXPECT_THAT(*ports, ElementsAre(PortName{"mlx5_0", 0}, PortName{"mlx5_1", 2}, PortName{"mlx5_2", 0}));
}

TEST(Ports, none_named_is_the_first_active_one) {
  EXPECT_THAT(*parse_ports({}, "device"), ElementsAre(PortName{"", 0}));
}

TEST(Ports, what_is_no_port_is_refused_by_the_name_of_its_flag) {
  for (const std::vector<std::string>& words : {std::vector<std::string>{"1"},
                                                {"mlx5_0", "1", "2"},
                                                {"mlx5_0", "0"},
                                                {"mlx5_0", "256"},
                                                {""},
                                                {"all", "mlx5_0"}}) {
    const auto ports = parse_ports(words, "peer-device");
    ASSERT_FALSE(ports) << words.front();
    EXPECT_THAT(ports.error().what, HasSubstr("--peer-device"));
  }
}

TEST(Sizes, a_list_is_read_in_order) {
  EXPECT_THAT(*parse_sizes("64,4KiB,1MiB", 1 << 30), ElementsAre(64, 4096, 1 << 20));
}

TEST(Sizes, all_are_the_powers_of_two_up_to_eight_mebibytes_or_the_largest_there_can_be) {
  const auto sizes = parse_sizes("all", 1 << 30);
  EXPECT_EQ(sizes->front(), 2U);
  EXPECT_EQ(sizes->back(), std::uint64_t{8} << 20);
  EXPECT_EQ(parse_sizes("all", 1024)->back(), 1024U);
}

TEST(Sizes, what_is_no_size_is_named) {
  for (const char* text : {"64,", "0", "64,banana", "2GiB", ","}) {
    const auto sizes = parse_sizes(text, 1 << 30);
    ASSERT_FALSE(sizes) << text;
    EXPECT_THAT(sizes.error().what, HasSubstr("--sizes"));
  }
}

TEST(LinkRoles, are_read_back_as_they_are_written) {
  for (const LinkRole& role : {LinkRole{true, 0, 0, false}, LinkRole{false, 12, 3, true}}) {
    const auto read = LinkRole::parse(role.text());
    ASSERT_TRUE(read) << role.text();
    EXPECT_EQ(*read, role);
    EXPECT_EQ(role.other_end().other_end(), role);
  }
  for (const char* text :
       {"", "reader", "initiator", "initiator 1", "initiator 1.", "initiator -1.0", "responder 1.0x"})
    EXPECT_FALSE(LinkRole::parse(text)) << text;
}

TEST(LinkRoles, of_a_reversed_link_the_far_end_initiates) {
  EXPECT_TRUE((LinkRole{true, 1, 0, false}).near());
  EXPECT_FALSE((LinkRole{true, 1, 0, true}).near());
  EXPECT_TRUE((LinkRole{false, 1, 0, true}).near());
}

TEST(Layouts, no_two_slots_overlap_and_all_lie_inside) {
  const Layout layout(3, 100, 4096, 40);
  EXPECT_EQ(layout.stride(), 192U);  // 140 bytes, whole cache lines
  EXPECT_EQ(layout.slots(), 21U);
  std::vector<bool> taken(layout.bytes());
  const auto take = [&](std::uint64_t offset) {
    ASSERT_LE(offset + layout.stride(), layout.bytes());
    for (std::uint64_t i = 0; i < layout.stride(); ++i) {
      EXPECT_FALSE(taken[offset + i]);
      taken[offset + i] = true;
    }
  };
  for (std::uint32_t pair = 0; pair < 3; ++pair)
    for (std::uint64_t n = 0; n < layout.slots(); ++n) {
      take(layout.out(pair, n));
      take(layout.in(pair, n));
    }
}

TEST(Layouts, a_message_larger_than_the_area_has_one_slot) {
  const Layout layout(1, 1 << 20, 4096, 0);
  EXPECT_EQ(layout.slots(), 1U);
  EXPECT_EQ(layout.in(0, 7), layout.in(0, 0));
}

}  // namespace
}  // namespace millrace::rdma
