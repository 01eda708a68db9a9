// SPDX-License-Identifier: Apache-2.0
// The parts of discovery against known answers.
#include <gmock/gmock.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "topology/block_devices.hpp"
#include "topology/file_root.hpp"
#include "topology/graph.hpp"
#include "topology/memory_rate.hpp"
#include "topology/mounts.hpp"
#include "topology/network_ports.hpp"
#include "topology/pci_devices.hpp"
#include "topology/pci_names.hpp"
#include "topology/pcie_links.hpp"
#include "topology/text_layout.hpp"

namespace millrace::topology {
namespace {
namespace fs = std::filesystem;
using ::testing::ElementsAre;

class Folder : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "millrace-root-XXXXXX").string();
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    root_ = name;
  }
  void TearDown() override { fs::remove_all(root_); }
  void write(const std::string& file, const std::string& content) const {
    fs::create_directories((root_ / file).parent_path());
    std::ofstream(root_ / file) << content;
  }
  fs::path root_;
};

using FileRootIn = Folder;

TEST_F(FileRootIn, FollowsAbsoluteLinksInsideTheRootOnly) {
  write("real/value", "42 apples\n");
  fs::create_symlink("/real", root_ / "absolute");
  fs::create_symlink("../../../../real", root_ / "upwards");
  const FileRoot root(root_);
  EXPECT_EQ(root.number("/absolute/value"), 42);
  EXPECT_EQ(root.text("/upwards/value"), "42 apples");
  EXPECT_EQ(root.resolve("/absolute/value"), fs::path("/real/value"));
  EXPECT_EQ(root.link_name("/absolute"), "real");
  EXPECT_FALSE(root.exists("/etc/passwd"));
}

TEST_F(FileRootIn, EndsOnLinksThatGoInCirclesAndOnWhatIsMissing) {
  fs::create_symlink("b", root_ / "a");
  fs::create_symlink("a", root_ / "b");
  const FileRoot root(root_);
  EXPECT_FALSE(root.text("/a"));
  EXPECT_FALSE(root.text("/none"));
  EXPECT_TRUE(root.names("/none").empty());
}

TEST_F(FileRootIn, CopiesWhatItReadsAndNothingElse) {
  write("from/real/value", "1\n");
  write("from/real/secret", "2\n");
  fs::create_symlink("real", root_ / "from/link");
  const FileRoot root(root_ / "from", root_ / "to");
  EXPECT_EQ(root.number("/link/value"), 1);
  EXPECT_EQ(FileRoot(root_ / "to").number("/link/value"), 1);
  EXPECT_FALSE(fs::exists(root_ / "to/real/secret"));
}

TEST(NaturalOrder, ComparesRunsOfDigitsAsNumbers) {
  EXPECT_TRUE(natural_less("nvme2n1", "nvme10n1"));
  EXPECT_FALSE(natural_less("nvme10n1", "nvme2n1"));
  EXPECT_TRUE(natural_less("sda", "sdb"));
  EXPECT_TRUE(natural_less("sda", "sda1"));
  EXPECT_FALSE(natural_less("cpu7", "cpu7"));
}

TEST(PayloadRate, MatchesKnownLinks) {
  const auto rate = [](double speed, int width, Direction way, std::optional<int> payload) {
    return *payload_rate({speed, width}, way, payload);
  };
  const auto to = Direction::kTowardsMemory;
  EXPECT_NEAR(rate(2.5, 1, to, {}), 250e6, 1);                            // generation 1
  EXPECT_NEAR(rate(5, 4, to, {}), 2e9, 1);                                // generation 2
  EXPECT_NEAR(rate(8, 16, to, {}), 15.754e9, 1e6);                        // generation 3: "15.75 GB/s"
  EXPECT_NEAR(rate(32, 16, to, {}), 63.015e9, 1e6);                       // generation 5: "63 GB/s"
  EXPECT_NEAR(rate(64, 16, to, {}), 118e9, 1e6);                          // generation 6: 236 of 256 bytes
  EXPECT_NEAR(rate(32, 16, Direction::kFromMemory, 256), 58.449e9, 1e6);  // seen: copies at 55 GB/s
  EXPECT_LT(rate(16, 4, to, 128), rate(16, 4, to, 512));
  EXPECT_FALSE(payload_rate({0, 4}, to, 256));
  EXPECT_FALSE(payload_rate({16, 0}, to, 256));
}

TEST(PciAddress, IsFoundAsTheLastInAPath) {
  EXPECT_EQ(pci_address_in("/sys/devices/pci0000:15/0000:15:01.0/0000:16:00.0/nvme/nvme0/nvme0n1"),
            "0000:16:00.0");
  EXPECT_EQ(
      pci_address_in("/sys/devices/pci0000:80/0000:80:05.5/pci10000:00/10000:00:02.0/10000:01:00.0/nvme"),
      "10000:01:00.0");
  EXPECT_EQ(pci_address_in("/sys/devices/virtual/block/md0"), "");
  EXPECT_FALSE(is_pci_address("pci0000:15"));
  EXPECT_FALSE(is_pci_address("0:0:0:0"));
  EXPECT_FALSE(is_pci_address("0000:00:00"));
}

TEST(Gpu, IsADisplayOrAcceleratorOfAVendorThatMakesThem) {
  const auto device = [](std::uint32_t class_code, std::uint16_t vendor) {
    PciDevice d;
    d.class_code = class_code;
    d.vendor = vendor;
    return d;
  };
  EXPECT_TRUE(is_gpu(device(0x030200, 0x10DE)));
  EXPECT_TRUE(is_gpu(device(0x120000, 0x1002)));                     // MI300
  EXPECT_TRUE(is_gpu(device(0x038000, 0x8086)));                     // Data Center GPU Max
  EXPECT_FALSE(is_gpu(device(0x040300, 0x10DE)));                    // its audio function
  EXPECT_FALSE(is_gpu(device(0x068000, 0x10DE)));                    // NVSwitch
  for (const int vendor : {0x1AF4, 0x1B36, 0x1234, 0x1013, 0x1A03})  // virtio, QEMU, Bochs, Cirrus, ASPEED
    EXPECT_FALSE(is_gpu(device(0x030000, static_cast<std::uint16_t>(vendor)))) << vendor;
  EXPECT_FALSE(is_gpu(device(0x00FF00, 0x1B36)));  // QEMU's pci-testdev
}

TEST(RdmaRate, CountsDataNotSymbols) {
  EXPECT_DOUBLE_EQ(*rdma_bytes_per_s("400 Gb/sec (4X NDR)"), 50e9);
  EXPECT_DOUBLE_EQ(*rdma_bytes_per_s("100 Gb/sec (4X EDR)"), 12.5e9);
  EXPECT_NEAR(*rdma_bytes_per_s("56 Gb/sec (4X FDR)"), 56e9 / 8 * 64 / 66, 1);
  EXPECT_DOUBLE_EQ(*rdma_bytes_per_s("40 Gb/sec (4X QDR)"), 4e9);
  EXPECT_FALSE(rdma_bytes_per_s("unknown"));
}

TEST(MemoryRate, IsUnknownWhereChannelsCannotBeToldApart) {
  const MemoryModule a{"P0 CHANNEL A / DIMM 0", "P0 CHANNEL A", 4800, 64};
  const MemoryModule b{"P0 CHANNEL A / DIMM 1", "P0 CHANNEL A", 4800, 64};
  const MemoryModule c{"P0 CHANNEL B / DIMM 0", "P0 CHANNEL B", 4800, 64};
  const MemoryModule unnamed{"DIMM 7", "", 4800, 64};
  EXPECT_DOUBLE_EQ(*memory_rate_per_node({a, b}, 1).bytes_per_s, 38.4e9) << "two modules share a channel";
  EXPECT_DOUBLE_EQ(*memory_rate_per_node({a, c}, 2).bytes_per_s, 38.4e9);
  EXPECT_FALSE(memory_rate_per_node({a, unnamed}, 1).bytes_per_s);
  EXPECT_FALSE(memory_rate_per_node({a, a}, 1).bytes_per_s) << "the same slot name in both sockets";
  EXPECT_FALSE(memory_rate_per_node({a}, 2).bytes_per_s);
  EXPECT_FALSE(memory_rate_per_node({}, 1).bytes_per_s);
}

TEST(MemoryRate, SkipsEmptySlotsAndBytesThatAreNoMemoryDevice) {
  EXPECT_FALSE(parse_memory_module(""));
  EXPECT_FALSE(parse_memory_module(std::string(40, '\0')));
  EXPECT_FALSE(
      parse_memory_module(std::string("\x11\x28", 2) + std::string(38, '\0')));  // size 0: nothing in it
  EXPECT_FALSE(parse_memory_module(std::string(64, '\x11'))) << "cut off before its strings";
}

using PciNamesIn = Folder;

TEST_F(PciNamesIn, ComeFromTheDatabaseOrFromTheVendorAlone) {
  write("pci.ids",
        "# comment\n10de  NVIDIA Corporation\n\t2330  GH100 [H100 SXM5 80GB]\n\t\t10de 16c1  a board\n"
        "abcd  Some Maker\nC 03  Display controller\n\t00  VGA\n");
  const PciNames names(root_ / "pci.ids");
  EXPECT_EQ(names.name(0x10DE, 0x2330), "NVIDIA GH100 [H100 SXM5 80GB]");
  EXPECT_EQ(names.name(0x10DE, 0x9999), "NVIDIA device 9999");
  EXPECT_EQ(names.name(0xABCD, 0x0001), "Some Maker device 0001");
  EXPECT_EQ(names.name(0x9876, 0x0001), "9876:0001");
}

using MountsIn = Folder;

TEST_F(MountsIn, TakeBtrfsSubvolumesToEveryDeviceOfTheirFileSystem) {
  write("proc/self/mountinfo", "40 1 0:50 /@data /data rw - btrfs /dev/nvme0n1 rw,subvol=/@data\n");
  for (const char* drive : {"nvme0n1", "nvme1n1"}) {
    write(std::string("sys/class/block/") + drive + "/size", "1000\n");
    write(std::string("sys/class/block/") + drive + "/dev", "259:9\n");
    write(std::string("sys/fs/btrfs/some-uuid/devices/") + drive + "/size", "1000\n");
  }
  const FileRoot root(root_);
  const auto mounts = read_mounts(root);
  ASSERT_EQ(mounts.size(), 1U);
  const auto below = storage_below(root, mounts, read_block_devices(root), mounts[0]);
  EXPECT_EQ(below.backing, Backing::kBlock);
  EXPECT_THAT(below.devices, ElementsAre("nvme0n1", "nvme1n1"));
}

TEST_F(MountsIn, DoNotFollowAnOverlayOutOfItsContainer) {
  write("proc/self/mountinfo",
        "40 1 0:50 / / rw - overlay overlay rw,lowerdir=/var/lib/a,upperdir=/var/lib/b,workdir=/var/lib/c\n");
  const FileRoot root(root_);
  const auto mounts = read_mounts(root);
  EXPECT_EQ(storage_below(root, mounts, {}, mounts.at(0)).backing, Backing::kFileSystem);
}

TEST_F(MountsIn, LetTheLastMountAtAPointCoverTheRest) {
  write("proc/self/mountinfo",
        "1 0 8:1 / /data rw - ext4 /dev/sda1 rw\n2 1 0:9 / /data rw shared:1 master:2 - tmpfs none rw\n"
        "3 0 8:2 / / rw - xfs /dev/sda2 rw\nbroken line\n");
  const auto mounts = read_mounts(FileRoot(root_));
  ASSERT_EQ(mounts.size(), 3U);
  EXPECT_EQ(mount_of(mounts, "/data/x")->file_system, "tmpfs");
  EXPECT_EQ(mount_of(mounts, "/database")->file_system, "xfs");
}

using BlockDevicesIn = Folder;

TEST_F(BlockDevicesIn, FindTheControllerOfAMultipathNamespace) {
  write("sys/devices/pci0000:00/0000:00:01.0/0000:01:00.0/nvme/nvme3/model", "A Drive\n");
  write("sys/devices/pci0000:00/0000:00:01.0/0000:01:00.0/numa_node", "1\n");
  write("sys/devices/virtual/nvme-subsystem/nvme-subsys0/nvme0n1/size", "1000\n");
  write("sys/devices/pci0000:00/0000:00:01.0/0000:01:00.0/nvme/nvme3/nvme0c3n1/size", "1000\n");
  write("sys/devices/pci0000:00/0000:00:01.0/0000:01:00.0/nvme/nvme3/nvme0c3n1/hidden", "1\n");
  const auto link = [&](const std::string& at, const std::string& to) {
    fs::create_directories((root_ / at).parent_path());
    fs::create_symlink(to, root_ / at);
  };
  const std::string function = "/sys/devices/pci0000:00/0000:00:01.0/0000:01:00.0";
  link("sys/class/block/nvme0n1", "/sys/devices/virtual/nvme-subsystem/nvme-subsys0/nvme0n1");
  link("sys/class/block/nvme0c3n1", function + "/nvme/nvme3/nvme0c3n1");
  link("sys/class/nvme/nvme3", function + "/nvme/nvme3");
  link("sys/class/nvme-subsystem/nvme-subsys0", "/sys/devices/virtual/nvme-subsystem/nvme-subsys0");
  link("sys/devices/virtual/nvme-subsystem/nvme-subsys0/nvme3", function + "/nvme/nvme3");
  link("sys/bus/pci/devices/0000:01:00.0", function);
  const BlockDevices devices = read_block_devices(FileRoot(root_));
  ASSERT_EQ(devices.size(), 1U);
  EXPECT_EQ(devices.at("nvme0n1").pci, "0000:01:00.0");
  EXPECT_EQ(devices.at("nvme0n1").model, "A Drive");
  EXPECT_EQ(devices.at("nvme0n1").numa, 1);
}

Topology line() {
  return {{{"storage:a", "storage", "", 0, {}, "", ""},
           {"socket:0", "socket", "", 0, {}, "", ""},
           {"memory:0", "memory", "", 0, {}, "", ""},
           {"gpu:0", "gpu", "", 0, {}, "", ""}},
          {{"drive:a", "drive", "drive a", 0, 10e9, "told", {}, ""},
           {"memory_controller:0", "memory_controller", "memory", 0, 15e9, "SMBIOS", {}, ""},
           {"pcie:g", "pcie_link", "link", 0, {}, "unknown", {}, ""}},
          {{"storage:a", "socket:0", "drive:a"},
           {"socket:0", "memory:0", "memory_controller:0"},
           {"memory:0", "socket:0", "memory_controller:0"},
           {"socket:0", "gpu:0", "pcie:g"}}};
}

TEST(Graph, GivesNoPathWhereThereIsNoneOrNoNeedForOne) {
  EXPECT_TRUE(path_between(line(), "memory:0", "memory:0").empty());
  EXPECT_TRUE(path_between(line(), "gpu:0", "memory:0").empty()) << "links have a direction";
  EXPECT_TRUE(path_between(line(), "storage:a", "storage:b").empty());
}

TEST(Graph, CountsAResourceTwiceInTheLimitOfAPathThatCrossesItTwice) {
  const Topology t = line();
  const std::vector<Hop> staged{{"drive:a", 1}, {"memory_controller:0", 2}, {"pcie:g", 1}};
  const PathLimit limit = limit_of(t, staged);
  EXPECT_DOUBLE_EQ(*limit.bytes_per_s, 7.5e9);
  EXPECT_EQ(limit.source, "memory: SMBIOS, crossed 2 times by each byte");
  EXPECT_FALSE(limit_of(t, {{"pcie:g", 1}}).bytes_per_s) << "an unknown limit stays unknown";
  EXPECT_EQ(limit_of(t, {{"pcie:g", 1}}).source, "link: unknown") << "with its reason";
  EXPECT_FALSE(limit_of(t, {}).bytes_per_s);
}

TEST(Graph, NamesAllResourcesThatShareTheBytesOfAPath) {
  Topology t = line();
  for (const char* port : {"a", "b"})
    t.resources.push_back(
        {std::string("nic:") + port, "nic", std::string("port ") + port, 0, 5e9, "40 Gb/s", {}, ""});
  const PathLimit limit = limit_of(t, {{"drive:a", 1}, {"nic:a", 0.5}, {"nic:b", 0.5}});
  EXPECT_DOUBLE_EQ(*limit.bytes_per_s, 10e9);
  EXPECT_EQ(limit.source, "drive a: told");
  EXPECT_EQ(limit_of(t, {{"nic:a", 0.5}, {"nic:b", 0.5}}).source,
            "port a and port b: 40 Gb/s, with 50 % of the bytes each");
  EXPECT_EQ(limit_of(t, {{"nic:a", 0.75}, {"nic:b", 0.25}}).source,
            "port a: 40 Gb/s, with 75 % of the bytes");
}

TEST(Graph, CountsHowMuchOfAStackLiesInMemory) {
  Topology graph;
  for (const char* id : {"storage:md0", "storage:loop0", "storage:sda"})
    graph.endpoints.push_back({id, "storage", "", 0, {}, "", ""});
  graph.endpoints.push_back({"file_system:/mnt", "file_system", "", 0, {}, "", ""});
  graph.endpoints.push_back({"memory:0", "memory", "", 0, {}, "", ""});
  graph.endpoints[1].backing = "memory";
  graph.links = {{"file_system:/mnt", "storage:md0", "file_system:/mnt"},
                 {"storage:md0", "storage:loop0", "drive:md0"},
                 {"storage:md0", "storage:sda", "drive:md0"},
                 {"storage:sda", "memory:0", "drive:sda"}};
  EXPECT_EQ(share_in_memory(graph, "memory:0"), 1);
  EXPECT_EQ(share_in_memory(graph, "storage:sda"), 0) << "what it is read into does not count";
  EXPECT_EQ(share_in_memory(graph, "file_system:/mnt"), 0.5);
  EXPECT_EQ(share_in_memory(graph, "storage:loop0 + storage:loop0 + storage:sda + storage:sda"), 0.5);
  EXPECT_EQ(share_in_memory(graph, "storage:unknown"), 0);
  graph.links.push_back({"storage:loop0", "storage:md0", "drive:loop0"});  // a cycle, in a bad document
  graph.endpoints[1].backing = "";
  EXPECT_EQ(share_in_memory(graph, "storage:md0"), 0);
}

TEST(Graph, LooksAtEachStoreOnceHoweverADocumentTiesThemUp) {
  Topology graph;
  for (int i = 0; i < 60; ++i)
    graph.endpoints.push_back({"storage:" + std::to_string(i), "storage", "", 0, {}, "", ""});
  for (const Endpoint& from : graph.endpoints)
    for (const Endpoint& to : graph.endpoints) graph.links.push_back({from.id, to.id, ""});
  EXPECT_EQ(share_in_memory(graph, "storage:0"), 0);  // each way down would be 60 to the ninth
}

TEST(Graph, EndsOnStacksThatAreBuiltOnThemselves) {
  Topology t = line();
  t.endpoints.push_back({"storage:b", "storage", "", 0, {}, "", ""});
  t.links.push_back({"storage:a", "storage:b", "drive:a"});
  t.links.push_back({"storage:b", "storage:a", "drive:b"});
  EXPECT_TRUE(path_between(t, "storage:a", "memory:0").empty());
}

TEST(TextLayout, AlignsColumnsByCharactersAndShortensTheFlexibleOne) {
  EXPECT_EQ(table({{"a", "µµ", "1"}, {"bb", "x", "22"}}, 1, 80), "a   µµ   1\nbb  x   22\n");
  EXPECT_EQ(table({{"a", std::string(40, 'x'), "1"}}, 1, 30), "a  " + std::string(23, 'x') + "…  1\n");
  EXPECT_EQ(wrap("one two three", 2, 10), "  one two\n  three\n");
}

}  // namespace
}  // namespace millrace::topology
