// SPDX-License-Identifier: Apache-2.0
// The module as the core sees it, where there is no RDMA device.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "in_process_host.hpp"
#include "modules/rdma/ports.hpp"

namespace millrace::rdma {
namespace {

using ::testing::HasSubstr;

class Module : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!device_names().empty()) GTEST_SKIP() << "this machine has an RDMA device";
  }
  millrace::testing::InProcessHost host_{millrace::testing::module_file("rdma")};
};

TEST_F(Module, without_a_device_is_unavailable_and_says_what_would_help) {
  const auto described = host_.describe("rdma.write", {});
  EXPECT_EQ(described.describe, MILLRACE_UNAVAILABLE);
  EXPECT_THAT(described.what, HasSubstr("RDMA device"));
  EXPECT_THAT(described.hint, HasSubstr("rdma link add"));
}

TEST_F(Module, parameters_are_refused_before_any_device_is_looked_for) {
  const auto refused = [&](const char* probe,
                           const millrace::testing::InProcessHost::Parameters& parameters) {
    const auto described = host_.describe(probe, parameters);
    EXPECT_EQ(described.describe, MILLRACE_FAILED) << described.what;
    return described.what;
  };
  EXPECT_THAT(refused("rdma.write", {{"sizes", "64,x"}}), HasSubstr("--sizes: 'x'"));
  EXPECT_THAT(refused("rdma.write", {{"device", "7"}}), HasSubstr("--device: '7'"));
  EXPECT_THAT(refused("rdma.send", {{"transport", "ud"}, {"size", "64KiB"}}), HasSubstr("--transport ud"));
  EXPECT_THAT(refused("rdma.read", {{"mode", "latency"}, {"queue-pairs", "2"}}), HasSubstr("--queue-pairs"));
  EXPECT_THAT(refused("rdma.write", {{"notice", "poll"}, {"memory", "gpu:0"}}), HasSubstr("--notice poll"));
  EXPECT_THAT(refused("rdma.write", {{"addressing", "lid"}, {"connect", "rdma_cm"}}), HasSubstr("rdma_cm"));
}

TEST_F(Module, half_a_round_trip_is_offered_where_there_is_a_ping_pong) {
  const auto has_report = [&](const char* name) {
    const millrace_probe& probe = host_.probe(name);
    for (std::uint32_t i = 0; i < probe.parameter_count; ++i)
      if (std::string(probe.parameters[i].name) == "report") return true;
    return false;
  };
  EXPECT_TRUE(has_report("rdma.write"));
  EXPECT_TRUE(has_report("rdma.send"));
  EXPECT_FALSE(has_report("rdma.read"));
}

}  // namespace
}  // namespace millrace::rdma
