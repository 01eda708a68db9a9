// SPDX-License-Identifier: Apache-2.0
#include "modules/rdma/words.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <string>
#include <vector>

namespace millrace::rdma {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

const std::vector<std::string> kDevices{"mlx5_0", "mlx5_1"};

TEST(Words, a_peer_that_does_not_acknowledge_is_asked_after) {
  const Error error = completion_error({IBV_WC_RETRY_EXC_ERR, 0x81, "writing to", "rxe0 port 1 of 10.9.0.1",
                                        "rxe0 port 1 of 10.9.0.2", IBV_PORT_ACTIVE});
  EXPECT_EQ(error.what,
            "writing to rxe0 port 1 of 10.9.0.2 from rxe0 port 1 of 10.9.0.1: the peer did not acknowledge "
            "(transport retry counter exceeded, vendor code 0x81)");
  EXPECT_THAT(error.hint, HasSubstr("is the peer alive"));
  EXPECT_THAT(error.hint, HasSubstr("do the MTUs agree"));
}

TEST(Words, a_port_that_went_down_meanwhile_is_said_with_the_error) {
  const Error error =
      completion_error({IBV_WC_RETRY_EXC_ERR, 0, "writing to", "rxe0 port 1", "rxe0 port 1", IBV_PORT_DOWN});
  EXPECT_THAT(error.what, HasSubstr("rxe0 port 1 is DOWN now"));
  EXPECT_THAT(error.hint, HasSubstr("look at its cable"));
}

TEST(Words, every_status_of_a_completion_has_a_meaning_and_a_way_out) {
  for (int status = IBV_WC_LOC_LEN_ERR; status <= IBV_WC_GENERAL_ERR; ++status) {
    const Error error =
        completion_error({static_cast<ibv_wc_status>(status), 0, "sending to", "a port 1", "b port 1", {}});
    EXPECT_THAT(error.what, HasSubstr("sending to b port 1 from a port 1: "));
    EXPECT_FALSE(error.hint.empty()) << status;
  }
}

TEST(Words, a_device_that_is_not_there_comes_with_those_that_are) {
  const Error error = no_such_device("mlx5_O", kDevices);
  EXPECT_THAT(error.what, HasSubstr("no RDMA device 'mlx5_O'"));
  EXPECT_THAT(error.what, HasSubstr("mlx5_0, mlx5_1"));
  EXPECT_THAT(error.hint, HasSubstr("did you mean 'mlx5_0'?"));
}

TEST(Words, no_device_at_all_is_no_fault_of_the_user) {
  const Error error = no_devices({});
  EXPECT_EQ(error.what, "no RDMA device");
  EXPECT_EQ(error.exit, Exit::kInconclusive);
  EXPECT_THAT(error.hint, HasSubstr("driver"));
}

TEST(Words, a_device_that_only_the_kernel_knows_lacks_its_user_side) {
  const Error error = no_devices(kDevices);
  EXPECT_THAT(error.what, HasSubstr("mlx5_0"));
  EXPECT_THAT(error.hint, HasSubstr("ib_uverbs"));
  EXPECT_THAT(error.hint, HasSubstr("ibverbs-providers"));
}

TEST(Words, a_port_that_is_down_names_the_interface_to_bring_up) {
  const Error error = port_not_active("rxe0", 1, IBV_PORT_DOWN, "eth0");
  EXPECT_EQ(error.what, "rxe0 port 1 is DOWN, not ACTIVE");
  EXPECT_THAT(error.hint, HasSubstr("ip link set eth0 up"));
}

TEST(Words, a_port_that_waits_for_a_subnet_manager_says_so) {
  EXPECT_THAT(port_not_active("mlx5_0", 1, IBV_PORT_INIT, "").hint, HasSubstr("subnet manager"));
}

TEST(Words, too_little_lockable_memory_is_told_from_too_little_memory) {
  const Error locked = registration_refused(ENOMEM, 1 << 20, "host", "mlx5_0", 65536);
  EXPECT_THAT(locked.what, HasSubstr("64 KiB (RLIMIT_MEMLOCK)"));
  EXPECT_THAT(locked.hint, HasSubstr("ulimit -l unlimited"));
  EXPECT_THAT(registration_refused(ENOMEM, 1 << 20, "host", "mlx5_0", {}).hint, Not(HasSubstr("ulimit")));
}

TEST(Words, memory_of_a_gpu_that_is_refused_points_at_its_driver) {
  EXPECT_THAT(registration_refused(EINVAL, 1 << 20, "gpu:0", "mlx5_0", 65536).hint,
              HasSubstr("nvidia_peermem"));
}

}  // namespace
}  // namespace millrace::rdma
