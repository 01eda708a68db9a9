// SPDX-License-Identifier: Apache-2.0
// Findings, each planted in the recorded machine.
#include "topology/doctor.hpp"

#include <gmock/gmock.h>

#include <algorithm>

#include "recorded_machine.hpp"
#include "topology/tree_text.hpp"

namespace millrace::topology {
namespace {

using ::testing::HasSubstr;

class Doctor : public RecordedMachine {
 protected:
  [[nodiscard]] std::vector<Finding> findings(bool under_load = false) const {
    return examine(machine(), root_, under_load);
  }
  [[nodiscard]] std::vector<Finding> findings_of(const std::string& id, bool under_load = false) const {
    auto all = findings(under_load);
    std::erase_if(all, [&](const Finding& f) { return f.id != id; });
    return all;
  }
  // The only finding of this kind.
  [[nodiscard]] Finding finding(const std::string& id, bool under_load = false) const {
    const auto all = findings_of(id, under_load);
    EXPECT_EQ(all.size(), 1U) << id << "\n" << describe(findings(under_load));
    return all.empty() ? Finding{} : all.front();
  }
};

TEST_F(Doctor, FindsTheNarrowLinkAsAWarningUnderLoadAndANoteWhenIdle) {
  const auto of_drive = [&](bool under_load) {
    for (const Finding& f : findings_of("pcie-link-below-maximum", under_load))
      if (f.resource == "pcie:0000:38:00.0:read") return f;
    return Finding{};
  };
  EXPECT_EQ(of_drive(true).severity, "warning");
  EXPECT_EQ(of_drive(false).severity, "note");
  EXPECT_THAT(of_drive(true).what, HasSubstr("nvme1n1"));
  EXPECT_THAT(of_drive(true).what, HasSubstr("runs at 16 GT/s x2, both ends could 16 GT/s x4"));
}

TEST_F(Doctor, DoesNotFindLinksThatRunAtTheLesserMaximumOfTheirEnds) {
  for (const Finding& f : findings_of("pcie-link-below-maximum", true))
    EXPECT_TRUE(f.resource == "pcie:0000:38:00.0:read" || f.resource == "pcie:0000:9a:00.0:read") << f.what;
}

TEST_F(Doctor, GathersLinksThatAreMerelyAsleepInOneNote) {
  write_pci("0000:18:00.0", "current_link_speed", "2.5 GT/s PCIe\n");
  const auto all = findings_of("pcie-link-below-maximum");
  ASSERT_EQ(all.size(), 2U);
  EXPECT_THAT(all[1].what, HasSubstr("gpu:0, gpu:1"));
  EXPECT_EQ(all[1].severity, "note");
}

TEST_F(Doctor, IsNotAlarmedByAVirtualMachinesEmulatedLinks) {
  make_virtual();
  write_pci("0000:37:01.0", "max_link_speed", "64.0 GT/s PCIe\n");
  const auto all = findings_of("pcie-link-below-maximum", true);
  EXPECT_FALSE(all.empty());
  for (const Finding& f : all) EXPECT_EQ(f.severity, "note") << f.what;
}

TEST_F(Doctor, SaysThatASlotGivesLessThanTheDeviceCouldUse) {
  write_pci("0000:37:01.0", "max_link_speed", "8.0 GT/s PCIe\n");
  const Finding f = finding("pcie-slot-below-device");
  EXPECT_EQ(f.resource, "pcie:0000:38:00.0:read");
  EXPECT_THAT(f.what, HasSubstr("8 GT/s x4"));
  EXPECT_THAT(f.what, HasSubstr("16 GT/s x4"));
}

TEST_F(Doctor, FindsTheGpuWhosePortAndDrivesAreOnTheOtherNode) {
  const auto all = findings_of("device-on-far-numa-node");
  ASSERT_EQ(all.size(), 2U);
  for (const Finding& f : all) {
    EXPECT_EQ(f.resource, "gpu:1");
    EXPECT_EQ(f.severity, "warning");
  }
  EXPECT_THAT(all[0].what, HasSubstr("mlx5_0"));
  EXPECT_THAT(all[0].remedy, HasSubstr("keep jobs on gpu:1 on their own node: numactl -N 1 -m 1"));
  EXPECT_THAT(all[1].what, HasSubstr("NVMe drive"));
}

TEST_F(Doctor, IsContentWhenEveryGpuHasItsNeighboursBesideIt) {
  write_pci("0000:9a:00.0", "numa_node", "0\n");
  EXPECT_TRUE(findings_of("device-on-far-numa-node").empty());
}

TEST_F(Doctor, FindsAcsThatBreaksPeerToPeerAndNamesTheCommandToEndIt) {
  EXPECT_TRUE(findings_of("acs-enabled").empty());
  const auto config = pci("0000:17:00.0") / "config";
  std::fstream file(config, std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(0x106).put(0x1d);
  file.close();
  const Finding f = finding("acs-enabled");
  EXPECT_THAT(f.remedy, HasSubstr("0000:17:00.0"));
  EXPECT_THAT(f.remedy, HasSubstr("ECAP_ACS+6.w=0000"));
}

TEST_F(Doctor, SaysWhenAcsCannotBeSeen) {
  for (const auto& entry : std::filesystem::recursive_directory_iterator(root_ / "sys/devices"))
    if (entry.path().filename() == "config") std::filesystem::resize_file(entry.path(), 64);
  EXPECT_THAT(finding("acs-unknown").remedy, HasSubstr("sudo"));
}

TEST_F(Doctor, FindsGovernorSchedulerAndMergingWithACommandForEach) {
  for (int cpu = 0; cpu < 8; ++cpu)
    write("/sys/devices/system/cpu/cpu" + std::to_string(cpu) + "/cpufreq/scaling_governor", "powersave\n");
  for (const char* drive : {"nvme0n1", "nvme1n1"}) {
    write(std::string("/sys/class/block/") + drive + "/queue/scheduler", "none [bfq]\n");
    write(std::string("/sys/class/block/") + drive + "/queue/nomerges", "0\n");
  }
  EXPECT_THAT(finding("governor-not-performance").remedy, HasSubstr("frequency-set -g performance"));
  EXPECT_EQ(finding("scheduler-unsuitable").remedy,
            "echo none | sudo tee /sys/block/{nvme0n1,nvme1n1}/queue/scheduler");
  EXPECT_THAT(finding("nomerges-off").what, HasSubstr("nvme0n1, nvme1n1"));
}

TEST_F(Doctor, FindsASmallMemlockLimitUnlessTheProcessMayLockAnyway) {
  write("/proc/self/limits", "Max locked memory         8388608              8388608              bytes\n");
  EXPECT_THAT(finding("memlock-small").what, HasSubstr("8 MiB"));
  EXPECT_THAT(finding("memlock-small").remedy, HasSubstr("ulimit -l unlimited"));
  write("/proc/self/status", "CapEff:\t000001ffffffffff\n");
  EXPECT_TRUE(findings_of("memlock-small").empty());
}

TEST_F(Doctor, FindsKernelSettingsThatRefuseOrDisturb) {
  write("/proc/sys/kernel/io_uring_disabled", "2\n");
  write("/proc/sys/kernel/numa_balancing", "1\n");
  write("/sys/devices/system/clocksource/clocksource0/current_clocksource", "hpet\n");
  write("/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages", "0\n");
  EXPECT_EQ(finding("io-uring-disabled").severity, "error");
  EXPECT_EQ(findings().front().id, "io-uring-disabled") << "the worst comes first";
  EXPECT_EQ(finding("numa-balancing-on").severity, "warning");
  EXPECT_EQ(finding("clocksource-not-tsc").severity, "warning");
  EXPECT_EQ(finding("huge-pages-none").severity, "note");
  write("/proc/sys/kernel/io_uring_disabled", "1\n");
  EXPECT_EQ(finding("io-uring-disabled").severity, "warning");
}

TEST_F(Doctor, FindsAStrictIommu) {
  write("/sys/kernel/iommu_groups/7/type", "DMA\n");
  std::filesystem::create_symlink("/sys/kernel/iommu_groups/7", pci("0000:18:00.0") / "iommu_group");
  EXPECT_THAT(finding("iommu-strict").remedy, HasSubstr("iommu=pt"));
  write("/sys/kernel/iommu_groups/7/type", "identity\n");
  EXPECT_TRUE(findings_of("iommu-strict").empty());
}

TEST_F(Doctor, FindsThrottlesOfItsOwnControlGroupAndOfThoseAboveIt) {
  write("/sys/fs/cgroup/user.slice/io.max", "259:0 rbps=40000000 wbps=max riops=max wiops=500\n");
  write("/sys/fs/cgroup/cpu.max", "150000 100000\n");
  std::filesystem::create_directories(root_ / "sys/dev/block");
  std::filesystem::create_symlink("../../class/block/nvme0n1", root_ / "sys/dev/block/259:0");
  const auto io = findings_of("cgroup-io-limit");
  ASSERT_EQ(io.size(), 2U);
  EXPECT_EQ(io[0].resource, "drive:nvme0n1");
  EXPECT_THAT(io[0].what, HasSubstr("reads of nvme0n1 are held to 40 MB/s"));
  EXPECT_EQ(io[0].remedy, "echo '259:0 rbps=max' | sudo tee /sys/fs/cgroup/user.slice/io.max");
  EXPECT_THAT(io[1].what, HasSubstr("writes of nvme0n1 are held to 500 operations/s"));
  EXPECT_THAT(finding("cgroup-cpu-limit").what, HasSubstr("1.5 CPUs"));
}

TEST_F(Doctor, FindsThrottlesOfVersionOneControlGroups) {
  write("/proc/self/cgroup", "7:blkio:/job\n6:memory:/\n");
  write("/proc/self/mountinfo",
        "20 1 8:2 / / rw - ext4 /dev/sda2 rw\n"
        "31 20 0:34 / /sys/fs/cgroup/blkio rw - cgroup cgroup rw,blkio\n"
        "32 20 0:35 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n");
  write("/sys/fs/cgroup/blkio/job/blkio.throttle.read_bps_device", "8:0 41943040\n");
  write("/sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
  const Finding f = finding("cgroup-io-limit");
  EXPECT_THAT(f.what, HasSubstr("reads of 8:0 are held to 41.9 MB/s"));
  EXPECT_EQ(f.remedy, "echo '8:0 0' | sudo tee /sys/fs/cgroup/blkio/job/blkio.throttle.read_bps_device");
  EXPECT_TRUE(findings_of("cgroup-memory-limit").empty());
}

TEST_F(Doctor, FindsAnRdmaPortWithoutASubnetManagerAndAGpuWithoutADriver) {
  write("/sys/class/infiniband/mlx5_0/ports/1/state", "2: INIT\n");
  std::filesystem::remove(pci("0000:18:00.0") / "driver");
  EXPECT_THAT(finding("rdma-port-not-active").remedy, HasSubstr("subnet manager"));
  EXPECT_EQ(finding("gpu-without-driver").resource, "gpu:0");
}

TEST_F(Doctor, ReadsLinkStatesAgainForSamplingUnderLoad) {
  const Machine m = machine();
  const auto state_of = [&](const std::string& id) {
    for (const LinkState& s : link_states(m, root_))
      if (s.resource == id) return s;
    return LinkState{};
  };
  EXPECT_EQ(state_of("pcie:0000:38:00.0:read").width, 2);
  EXPECT_EQ(state_of("pcie:0000:38:00.0:read").possible_width, 4);
  EXPECT_DOUBLE_EQ(state_of("pcie:0000:9a:00.0:read").speed_gt_per_s, 2.5);
  write_pci("0000:9a:00.0", "current_link_speed", "32.0 GT/s PCIe\n");
  EXPECT_DOUBLE_EQ(state_of("pcie:0000:9a:00.0:read").speed_gt_per_s, 32);
  EXPECT_DOUBLE_EQ(state_of("pcie:0000:9a:00.0:read").possible_speed_gt_per_s, 32);
}

TEST_F(Doctor, PrintsEveryFindingWithItsRemedyOnOneLine) {
  const auto all = findings();
  const std::string text = describe(all);
  EXPECT_TRUE(text.starts_with("2 warnings, 2 notes\n")) << text;
  for (const Finding& f : all) EXPECT_THAT(text, HasSubstr("remedy: " + f.remedy + "\n"));
  EXPECT_EQ(describe(std::vector<Finding>{}), "Nothing found that would spoil a measurement.\n");
}

}  // namespace
}  // namespace millrace::topology
