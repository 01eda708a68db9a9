// SPDX-License-Identifier: Apache-2.0
// Discovery of the recorded two-socket machine, whose every part is known.
#include <gmock/gmock.h>

#include "recorded_machine.hpp"
#include "topology/tree_text.hpp"

namespace millrace::topology {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using TwoSocketMachine = RecordedMachine;

TEST_F(TwoSocketMachine, HasItsCpusMemoryAndNames) {
  const HostFacts host = machine().host;
  EXPECT_EQ(host.name, "rack7-node3");
  EXPECT_EQ(host.kernel, "6.8.0-45-generic");
  EXPECT_EQ(host.cpu, (Cpu{"Intel(R) Xeon(R) Platinum 8480C", 2, 8, 8, 8.0, ""}));
  EXPECT_EQ(host.memory_bytes, 2112000000ULL * 1024);
  ASSERT_EQ(host.numa.size(), 2U);
  EXPECT_EQ(host.numa[1], (NumaNode{1, 1056000000ULL * 1024, {4, 5, 6, 7}}));
  EXPECT_EQ(host.drivers.at("nvidia"), "550.54.15");
  EXPECT_EQ(host.drivers.at("mlx5_0 firmware"), "28.39.1002");
  EXPECT_EQ(host.settings.at("os"), "Ubuntu 24.04.1 LTS");
  EXPECT_EQ(host.settings.at("scheduler:sda"), "mq-deadline");
}

TEST_F(TwoSocketMachine, LeadsADriveBehindASwitchToMemoryOverEveryLink) {
  const Machine m = machine();
  EXPECT_THAT(names_of(path_between(m.graph, "storage:nvme0n1", "memory:0")),
              ElementsAre("drive:nvme0n1", "pcie:0000:1a:00.0:read", "pcie:0000:16:00.0:read",
                          "memory_controller:0"));
  EXPECT_EQ(resource(m, "pcie:0000:16:00.0:read").kind, "pcie_switch_uplink");
  EXPECT_EQ(resource(m, "pcie:0000:1a:00.0:read").kind, "pcie_link");
}

TEST_F(TwoSocketMachine, CrossesBetweenSocketsOnTheWayToTheFarNode) {
  const Machine m = machine();
  EXPECT_THAT(
      names_of(path_between(m.graph, "storage:nvme1n1", "memory:1")),
      ElementsAre("drive:nvme1n1", "pcie:0000:38:00.0:read", "inter_socket:0-1", "memory_controller:1"));
  EXPECT_THAT(
      names_of(path_between(m.graph, "memory:1", "storage:nvme1n1")),
      ElementsAre("memory_controller:1", "inter_socket:1-0", "pcie:0000:38:00.0:write", "drive:nvme1n1"));
}

TEST_F(TwoSocketMachine, TakesPeerToPeerTrafficThroughTheSwitchAlone) {
  EXPECT_THAT(names_of(path_between(machine().graph, "storage:nvme0n1", "gpu:0")),
              ElementsAre("drive:nvme0n1", "pcie:0000:1a:00.0:read", "pcie:0000:18:00.0:write"));
}

TEST_F(TwoSocketMachine, SharesTheBytesOfSeveralDrivesAmongTheirPaths) {
  const auto path = path_between(machine().graph, "storage:nvme0n1 + storage:nvme1n1", "memory:0");
  const auto units = [&](const std::string& resource) {
    double found = 0;
    for (const Hop& hop : path)
      if (hop.resource == resource) found += hop.units_per_byte;
    return found;
  };
  EXPECT_DOUBLE_EQ(units("drive:nvme0n1"), 0.5);
  EXPECT_DOUBLE_EQ(units("drive:nvme1n1"), 0.5);
  EXPECT_DOUBLE_EQ(units("memory_controller:0"), 1);
}

TEST_F(TwoSocketMachine, LimitsALinkByTheLesserMaximumOfItsEndsHoweverItRunsNow) {
  const Machine m = machine();
  // 16 GT/s x4 with 128b/130b and 256 of 280 bytes: 7.20 GB/s, though it runs at x2.
  EXPECT_NEAR(*resource(m, "pcie:0000:38:00.0:read").limit_bytes_per_s, 16e9 * 4 / 8 * 128 / 130 * 256 / 280,
              1);
  EXPECT_NEAR(*resource(m, "pcie:0000:38:00.0:write").limit_bytes_per_s, 16e9 * 4 / 8 * 128 / 130 * 256 / 276,
              1);
  EXPECT_THAT(resource(m, "pcie:0000:38:00.0:read").limit_source,
              HasSubstr("16 GT/s x4, 128b/130b, MaxPayload 256"));
  // The device is 5 GT/s x4, its port 8 GT/s x4.
  EXPECT_THAT(resource(m, "pcie:0000:04:00.0:read").limit_source, HasSubstr("PCIe 5 GT/s x4, 8b/10b"));
}

TEST_F(TwoSocketMachine, KnowsGpusByBusOrderAndLeavesOutTheManagementController) {
  const Machine m = machine();
  EXPECT_EQ(find_endpoint(m.graph, "gpu:0")->pci, "0000:18:00.0");
  EXPECT_EQ(find_endpoint(m.graph, "gpu:0")->name, "NVIDIA H100 80GB HBM3");
  EXPECT_EQ(find_endpoint(m.graph, "gpu:0")->numa, 0);
  EXPECT_EQ(find_endpoint(m.graph, "gpu:1")->pci, "0000:9a:00.0");
  EXPECT_EQ(find_endpoint(m.graph, "gpu:1")->numa, 1);
  EXPECT_EQ(find_endpoint(m.graph, "gpu:2"), nullptr);
}

TEST_F(TwoSocketMachine, TakesAnRdmaPortAndItsInterfaceAsOnePort) {
  const Machine m = machine();
  EXPECT_THAT(names_of(path_between(m.graph, "rdma:mlx5_0", "gpu:0")),
              ElementsAre("nic:ib0:read", "pcie:0000:19:00.0:read", "pcie:0000:18:00.0:write"));
  EXPECT_THAT(names_of(path_between(m.graph, "nic:ib0", "gpu:0")),
              ElementsAre("nic:ib0:read", "pcie:0000:19:00.0:read", "pcie:0000:18:00.0:write"));
  EXPECT_DOUBLE_EQ(*resource(m, "nic:ib0:read").limit_bytes_per_s, 50e9);
  EXPECT_EQ(resource(m, "nic:ib0:read").limit_source, "400 Gb/sec (4X NDR)");
  EXPECT_EQ(find_endpoint(m.graph, "rdma:mlx5_0")->device, "/dev/infiniband/uverbs0");
  EXPECT_DOUBLE_EQ(*resource(m, "nic:eno1:write").limit_bytes_per_s, 125e6);
}

TEST_F(TwoSocketMachine, TellsNoRateForAPortThatIsDown) {
  write("/sys/class/infiniband/mlx5_0/ports/1/state", "1: DOWN\n");
  write("/sys/class/infiniband/mlx5_0/ports/1/rate", "10 Gb/sec (4X SDR)\n");
  write("/sys/class/net/eno1/speed", "-1\n");
  const Machine m = machine();
  EXPECT_FALSE(resource(m, "nic:ib0:read").limit_bytes_per_s);
  EXPECT_THAT(resource(m, "nic:ib0:read").limit_source, HasSubstr("DOWN"));
  EXPECT_FALSE(resource(m, "nic:eno1:read").limit_bytes_per_s);
}

TEST_F(TwoSocketMachine, LimitsASoftwareRdmaDeviceByTheInterfaceBelowItAndNotByWhatItsDriverMakesUp) {
  const auto add = [&](const std::string& device, const std::string& below) {
    const std::string at = "/sys/class/infiniband/" + device;
    write(at + "/parent", below + "\n");
    write(at + "/ports/1/state", "4: ACTIVE\n");
    write(at + "/ports/1/link_layer", "Ethernet\n");
    write(at + "/ports/1/rate", "2.5 Gb/sec (1X SDR)\n");
  };
  add("rxe0", "eno1");
  write("/sys/class/net/eno1/speed", "-1\n");
  const Machine slow = machine();
  EXPECT_FALSE(resource(slow, "nic:rxe0:read").limit_bytes_per_s);
  EXPECT_THAT(resource(slow, "nic:rxe0:read").limit_source, HasSubstr("software over eno1: speed not told"));
  write("/sys/class/net/eno1/speed", "25000\n");
  const Machine fast = machine();
  EXPECT_NEAR(*resource(fast, "nic:rxe0:read").limit_bytes_per_s, 25e9 / 8, 1);
  EXPECT_EQ(resource(fast, "nic:rxe0:read").limit_source, "software over eno1: 25 Gb/s");
}

TEST_F(TwoSocketMachine, LeavesOutWhatIsNoPhysicalPortOrDrive) {
  const Machine m = machine();
  for (const char* id : {"nic:lo", "nic:veth0", "storage:zram0", "storage:loop1", "storage:sda2"})
    EXPECT_EQ(find_endpoint(m.graph, id), nullptr) << id;
}

TEST_F(TwoSocketMachine, SaysOfALoopDeviceOverAFileInMemoryThatItsBytesLieThere) {
  const Machine on_disk = machine();
  EXPECT_EQ(find_endpoint(on_disk.graph, "storage:loop0")->backing, "");
  EXPECT_EQ(share_in_memory(on_disk.graph, "storage:loop0"), 0);
  write("/sys/devices/virtual/block/loop0/loop/backing_file", "/dev/shm/image\n");
  const Machine m = machine();
  EXPECT_EQ(find_endpoint(m.graph, "storage:loop0")->backing, "memory");
  EXPECT_EQ(share_in_memory(m.graph, "storage:loop0"), 1);
  EXPECT_THAT(resource(m, "drive:loop0").limit_source, HasSubstr("in memory"));
  EXPECT_EQ(names_of(path_between(m.graph, "storage:loop0", "memory:0")),
            (std::vector<std::string>{"drive:loop0", "memory_controller:0"}));
}

TEST_F(TwoSocketMachine, SpreadsAStripeOverItsMembersAndLimitsItByThem) {
  const Machine m = machine();
  const auto path = path_between(m.graph, "storage:md0", "memory:0");
  for (const Hop& hop : path) {
    const bool whole = hop.resource == "drive:md0" || hop.resource == "memory_controller:0";
    EXPECT_DOUBLE_EQ(hop.units_per_byte, whole ? 1.0 : 0.5) << hop.resource;
  }
  EXPECT_EQ(path.size(), 7U);
  const PathLimit limit = limit_of(m.graph, path);
  EXPECT_NEAR(*limit.bytes_per_s, 2 * *resource(m, "pcie:0000:38:00.0:read").limit_bytes_per_s, 1);
  EXPECT_THAT(limit.source, HasSubstr("nvme1n1"));
  // The same device as a target.
  const auto back = path_between(m.graph, "memory:0", "storage:md0");
  EXPECT_EQ(back.size(), 7U);
  EXPECT_EQ(back.back().resource, "drive:md0");
}

TEST_F(TwoSocketMachine, LocatesPathsThroughPartitionsVolumesStripesLoopsAndLayers) {
  const Machine m = machine();
  const auto at = [&](const char* path) {
    auto found = locate(m, path, root_);
    EXPECT_TRUE(found) << found.error().what;
    return *found;
  };
  EXPECT_EQ(at("/usr/bin").endpoint, "storage:sda");
  EXPECT_EQ(at("/usr/bin").sysfs_block, "sda2");
  EXPECT_EQ(at("/home/a").endpoint, "storage:dm-0");
  EXPECT_THAT(at("/home/a").drives, ElementsAre("storage:sda"));
  EXPECT_EQ(at("/homes").mount_point, "/");
  EXPECT_EQ(at("/data/set").endpoint, "storage:md0");
  EXPECT_THAT(at("/data/set").drives, ElementsAre("storage:nvme0n1", "storage:nvme1n1"));
  EXPECT_EQ(at("/image").endpoint, "storage:loop0");
  EXPECT_THAT(at("/image").drives, ElementsAre("storage:nvme0n1", "storage:nvme1n1"));
  EXPECT_EQ(at("/var/lib/layers/x").endpoint, "storage:md0")
      << "new files of an overlay go to its upper folder";
  EXPECT_EQ(at("/var/lib/layers/x").file_system, "overlay");
  EXPECT_EQ(at("/dev/shm/x").endpoint, "memory:0");
  EXPECT_THAT(at("/dev/shm/x").drives, ElementsAre());
  EXPECT_EQ(at("/mnt/share/x").endpoint, "file_system:/mnt/share");
  EXPECT_EQ(at("/mnt/share/x").source, "filer:/export");
  EXPECT_EQ(at("/with blank/x").endpoint, "file_system:/with blank");
  for (const char* path : {"/usr", "/home/a", "/data", "/image", "/mnt/share", "/with blank"})
    EXPECT_NE(find_endpoint(m.graph, at(path).endpoint), nullptr) << path;
}

TEST_F(TwoSocketMachine, RefusesToLocateAPathInTheKernelsOwnFileSystems) {
  const auto found = locate(machine(), "/sys/block", root_);
  ASSERT_FALSE(found);
  EXPECT_THAT(found.error().what, HasSubstr("sysfs"));
}

TEST_F(TwoSocketMachine, SumsMemoryChannelsOfANode) {
  const Machine m = machine();
  EXPECT_DOUBLE_EQ(*resource(m, "memory_controller:0").limit_bytes_per_s, 8 * 4800e6 * 8);
  EXPECT_DOUBLE_EQ(*resource(m, "memory_controller:1").limit_bytes_per_s, 8 * 4800e6 * 8);
}

TEST_F(TwoSocketMachine, SeesTheSameTreeWithoutRootsView) {
  const Machine as_root = machine();
  for (const auto& entry : std::filesystem::recursive_directory_iterator(root_ / "sys/devices"))
    if (entry.path().filename() == "config") std::filesystem::resize_file(entry.path(), 64);
  const Machine m = machine();
  EXPECT_EQ(m.graph.endpoints, as_root.graph.endpoints);
  EXPECT_EQ(m.graph.links, as_root.graph.links);
  EXPECT_NEAR(*resource(m, "pcie:0000:38:00.0:read").limit_bytes_per_s, 16e9 * 4 / 8 * 128 / 130, 1);
  EXPECT_THAT(resource(m, "pcie:0000:38:00.0:read").limit_source, HasSubstr("packet overhead not counted"));
}

TEST_F(TwoSocketMachine, JudgesAPassedThroughDeviceByItselfInAVirtualMachine) {
  make_virtual();
  for (const char* file : {"current_link_speed", "max_link_speed"})
    write_pci("0000:37:01.0", file, "2.5 GT/s PCIe\n");
  write_pci("0000:37:01.0", "max_link_width", "1\n");
  const Machine m = machine();
  EXPECT_THAT(resource(m, "pcie:0000:38:00.0:read").limit_source, HasSubstr("16 GT/s x4"));
}

TEST_F(TwoSocketMachine, IsTheSameInASnapshotOfItself) {
  const auto copy = root_ / "copy";
  const auto recorded = snapshot(copy, root_);
  ASSERT_TRUE(recorded) << recorded.error().what;
  const auto again = discover(copy);
  ASSERT_TRUE(again) << again.error().what;
  EXPECT_EQ(*again, machine());
  EXPECT_EQ(examine(*again, copy), examine(machine(), root_));
  const auto path = locate(*again, "/data/x", copy);
  ASSERT_TRUE(path);
  EXPECT_EQ(path->endpoint, "storage:md0");
}

TEST_F(TwoSocketMachine, IsShownAsATreeWithRunningAndPossibleLinks) {
  const Machine m = machine();
  const std::string text = describe(m, look(m, root_), 120);
  EXPECT_THAT(text, HasSubstr("2 sockets, 8 cores, 8 threads"));
  EXPECT_THAT(text, HasSubstr("16 GT/s x2 of x4"));
  EXPECT_THAT(text, HasSubstr("2.5 of 32 GT/s x16"));
  EXPECT_THAT(text, HasSubstr("on /data"));
  EXPECT_THAT(text, ::testing::ContainsRegex(
                        "\n    gpu:0 +NVIDIA H100 80GB HBM3 +0 +32 GT/s x16, at 17:00.0 +57.6 GB/s\n"));
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    EXPECT_LE(line.size(), 124U) << line;
    EXPECT_FALSE(line.ends_with(" ")) << line;
  }
}

TEST(RecordedFolder, ThatIsNoMachineIsRefusedWithTheWayToRecordOne) {
  for (const auto& [folder, what] : {std::pair{"/var/missing", "there is nothing there"},
                                     std::pair{"/usr", "/usr is no recorded machine"}}) {
    const auto found = discover(folder);
    ASSERT_FALSE(found);
    EXPECT_THAT(found.error().what, HasSubstr(what));
    EXPECT_THAT(found.error().hint, HasSubstr("--snapshot"));
  }
}

}  // namespace
}  // namespace millrace::topology
