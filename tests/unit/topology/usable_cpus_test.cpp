// SPDX-License-Identifier: Apache-2.0
// How many of eight hardware threads a process may use, and what leaves it so few.
#include "topology/usable_cpus.hpp"

#include <gmock/gmock.h>
#include <sched.h>

#include "recorded_machine.hpp"
#include "topology/doctor.hpp"
#include "topology/tree_text.hpp"

namespace millrace::topology {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class UsableCpus : public RecordedMachine {
 protected:
  void may_run_on(const std::string& list) const {
    write("/proc/self/status", "CapEff:\t0000000000000000\nCpus_allowed_list:\t" + list + "\n");
  }
  [[nodiscard]] Cpu cpu() const { return machine().host.cpu; }
  [[nodiscard]] std::vector<Finding> findings(const std::string& id) const {
    auto all = examine(machine(), root_, false);
    std::erase_if(all, [&](const Finding& f) { return f.id != id; });
    return all;
  }
};

TEST_F(UsableCpus, AreAllOfThemWhereNothingLimits) {
  EXPECT_EQ(cpu().usable_threads, 8);
  EXPECT_EQ(cpu().limited_by, "");
  may_run_on("0-255");  // as many as the kernel could have
  EXPECT_EQ(cpu().usable_threads, 8);
  EXPECT_EQ(usable_cpus_words(cpu()), "");
  EXPECT_TRUE(findings("cpus-restricted").empty());
  EXPECT_THAT(describe(machine(), View{}, 100), Not(HasSubstr("usable")));
}

TEST_F(UsableCpus, AreThoseThatACpusetLeaves) {
  may_run_on("1,4-5");
  write("/sys/fs/cgroup/user.slice/cpuset.cpus.effective", "1,4-5\n");
  EXPECT_EQ(cpu().threads, 8) << "the machine has them nonetheless";
  EXPECT_EQ(cpu().usable_threads, 3);
  EXPECT_EQ(usable_cpus_words(cpu()), "3 of 8 hardware threads: a cpuset allows no more");
  EXPECT_THAT(describe(machine(), View{}, 100), HasSubstr("8 threads (3 usable: a cpuset allows no more)"));
  const auto found = findings("cpus-restricted");
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].severity, "warning");
  EXPECT_EQ(found[0].what,
            "this process may run on CPUs 1,4-5 alone, 3 of 8 hardware threads: a cpuset allows no more");
  EXPECT_THAT(found[0].remedy, HasSubstr("cpuset.cpus"));
}

TEST_F(UsableCpus, AreThoseThatTheCpusetOfAGroupAboveLeaves) {
  may_run_on("0-1");
  write("/sys/fs/cgroup/cpuset.cpus.effective", "0-1\n");  // the group itself has no such controller
  EXPECT_EQ(cpu().limited_by, "cpuset");
  write("/proc/self/cgroup", "3:cpuset:/job\n");
  write("/proc/self/mountinfo",
        "20 1 8:2 / / rw - ext4 /dev/sda2 rw\n"
        "31 20 0:34 / /sys/fs/cgroup/cpuset rw - cgroup cgroup rw,cpuset\n");
  EXPECT_EQ(cpu().limited_by, "affinity");
  write("/sys/fs/cgroup/cpuset/job/cpuset.effective_cpus", "0-1\n");
  EXPECT_EQ(cpu().limited_by, "cpuset") << "of version 1";
}

TEST_F(UsableCpus, AreThoseOfItsAffinityWhereTheCpusetLeavesMore) {
  may_run_on("0-1");
  write("/sys/fs/cgroup/user.slice/cpuset.cpus.effective", "0-3\n");
  EXPECT_EQ(cpu().usable_threads, 2);
  EXPECT_EQ(cpu().limited_by, "affinity");
  EXPECT_THAT(findings("cpus-restricted").at(0).remedy, HasSubstr("taskset"));
}

TEST_F(UsableCpus, AreNoMoreThanTheLeastQuotaGivesCpuTimeTo) {
  write("/sys/fs/cgroup/cpu.max", "300000 100000\n");
  write("/sys/fs/cgroup/user.slice/cpu.max", "50000 20000\n");
  EXPECT_EQ(cpu().usable_threads, 2.5);
  EXPECT_EQ(usable_cpus_words(cpu()), "2.5 of 8 hardware threads: a CPU quota allows no more");
  EXPECT_TRUE(findings("cpus-restricted").empty()) << "the quota has a finding of its own";
  EXPECT_EQ(findings("cgroup-cpu-limit").size(), 2U);
  may_run_on("3");
  EXPECT_EQ(cpu().usable_threads, 1);
  EXPECT_EQ(cpu().limited_by, "affinity") << "a quota of more than that takes nothing";
}

TEST_F(UsableCpus, AreAllAsFarAsADocumentTells) {
  Cpu older;
  older.threads = 64;
  EXPECT_EQ(usable_threads(older), 64);
  EXPECT_EQ(usable_cpus_words(older), "");
  older.usable_threads = 0;  // nonsense
  EXPECT_EQ(usable_threads(older), 64);
}

TEST(UsableCpusLive, AreThoseThatThisThreadIsBoundTo) {
  cpu_set_t before;
  ASSERT_EQ(sched_getaffinity(0, sizeof(before), &before), 0);
  if (CPU_COUNT(&before) < 2) GTEST_SKIP() << "there is one CPU to run on: nothing to be bound to";
  cpu_set_t one;
  CPU_ZERO(&one);
  for (int cpu = 0; cpu < CPU_SETSIZE && CPU_COUNT(&one) == 0; ++cpu)
    if (CPU_ISSET(cpu, &before)) CPU_SET(cpu, &one);
  ASSERT_EQ(sched_setaffinity(0, sizeof(one), &one), 0);
  const auto machine = discover("/");
  ASSERT_EQ(sched_setaffinity(0, sizeof(before), &before), 0);
  ASSERT_TRUE(machine) << machine.error().what;
  EXPECT_LE(*machine->host.cpu.usable_threads, 1);
  EXPECT_NE(machine->host.cpu.limited_by, "");
}

}  // namespace
}  // namespace millrace::topology
