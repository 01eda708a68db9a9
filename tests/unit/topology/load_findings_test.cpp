// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>

#include "recorded_machine.hpp"
#include "topology/doctor.hpp"

namespace millrace::topology {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

class Load : public RecordedMachine {
 protected:
  [[nodiscard]] std::vector<Finding> found(bool under_load = false) const {
    auto all = examine(machine(), root_, under_load);
    std::erase_if(all, [](const Finding& f) { return f.id != "machine-loaded"; });
    return all;
  }
  void pressure(const std::string& avg10) {
    write("/proc/pressure/cpu", "some avg10=" + avg10 + " avg60=50.00 avg300=50.00 total=1\n");
  }
};

TEST_F(Load, IsFoundByThePressureOfTheLastTenSeconds) {
  write("/proc/loadavg", "18.95 17.43 13.97 13/186 2493\n");
  pressure("42.10");
  ASSERT_EQ(found().size(), 1U);
  EXPECT_EQ(found().front().severity, "warning");
  EXPECT_THAT(found().front().what, AllOf(HasSubstr("a load of 18.9"), HasSubstr("42 % of the last 10 s")));
  EXPECT_THAT(found().front().remedy, HasSubstr("--exclusive"));
  EXPECT_TRUE(found(true).empty()) << "under load the load is the measurement's own";
  pressure("4.90");
  EXPECT_TRUE(found().empty()) << "the load average still tells of what has ended";
}

TEST_F(Load, IsFoundByTheLoadAverageWhereTheKernelTellsNoPressure) {
  write("/proc/loadavg", "1000.00 1.00 1.00 1/186 2493\n");
  EXPECT_EQ(found().size(), 1U);
  write("/proc/loadavg", "0.40 1.00 1.00 1/186 2493\n");
  EXPECT_TRUE(found().empty());
}

}  // namespace
}  // namespace millrace::topology
