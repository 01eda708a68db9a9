// SPDX-License-Identifier: Apache-2.0
#include "topology/link_watch.hpp"

#include <gmock/gmock.h>

#include "recorded_machine.hpp"

namespace millrace::topology {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

class Watch : public RecordedMachine {
 protected:
  const std::string narrow_ = "pcie:0000:38:00.0:read";  // runs at x2, both ends could x4
  const std::string asleep_ = "pcie:0000:9a:00.0:read";  // trained down to 2.5 GT/s while idle
};

TEST_F(Watch, FindsALoadedLinkThatNeverRanAtItsMaximum) {
  const Machine m = machine();
  LinkWatch watch(m, root_);
  watch.sample();
  const auto found = watch.findings({narrow_});
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].severity, "warning");
  EXPECT_EQ(found[0].resource, narrow_);
  EXPECT_THAT(found[0].what, HasSubstr("ran at 16 GT/s x2 under load; both its ends can do 16 GT/s x4"));
}

TEST_F(Watch, LetsALinkBeThatWokeUpUnderLoadAndWentToSleepAgain) {
  const Machine m = machine();
  LinkWatch watch(m, root_);
  watch.sample();
  ASSERT_EQ(watch.findings({asleep_}).size(), 1U);
  write_pci("0000:9a:00.0", "current_link_speed", "32.0 GT/s PCIe\n");
  watch.sample();
  write_pci("0000:9a:00.0", "current_link_speed", "2.5 GT/s PCIe\n");
  watch.sample();
  EXPECT_THAT(watch.findings({asleep_}), IsEmpty());
}

TEST_F(Watch, SaysNothingOfLinksThatNothingCrossed) {
  const Machine m = machine();
  LinkWatch watch(m, root_);
  watch.sample();
  EXPECT_THAT(watch.findings({}), IsEmpty());
  EXPECT_THAT(watch.findings({"drive:nvme0n1"}), IsEmpty());
}

}  // namespace
}  // namespace millrace::topology
