// SPDX-License-Identifier: Apache-2.0
// Discovery of a recorded host of the virtual rack: QEMU's PCIe tree, whose links say odd things.
#include <gmock/gmock.h>

#include "recorded_machine.hpp"
#include "topology/doctor.hpp"
#include "topology/link_watch.hpp"
#include "topology/tree_text.hpp"

namespace millrace::topology {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

class RackHost : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = (std::filesystem::temp_directory_path() / "millrace-machine-XXXXXX").string();
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    root_ = name;
    const std::string unpack = "tar -xzf " MILLRACE_FIXTURES "/machines/rack_host.tar.gz -C " + name;
    ASSERT_EQ(std::system(unpack.c_str()), 0);
    auto found = discover(root_);
    ASSERT_TRUE(found) << found.error().what;
    machine_ = *found;
  }
  void TearDown() override { std::filesystem::remove_all(root_); }

  // Whatever name the kernel gave to the drive of a cap: by the PCI function that it was put on.
  [[nodiscard]] const Endpoint& drive_at(const std::string& pci) const {
    for (const Endpoint& e : machine_.graph.endpoints)
      if (e.kind == "storage" && e.pci == pci) return e;
    throw std::runtime_error("no drive at " + pci);
  }
  [[nodiscard]] std::vector<std::string> way_of(const Endpoint& drive) const {
    auto names = names_of(path_between(machine_.graph, drive.id, "memory:" + std::to_string(*drive.numa)));
    names.front() = names.front().substr(0, names.front().find(':'));
    return names;
  }

  std::filesystem::path root_;
  Machine machine_;
};

TEST_F(RackHost, PlacesADriveBehindItsRootPortAndItsNode) {
  const Endpoint& drive = drive_at("0000:41:00.0");
  EXPECT_EQ(drive.numa, 0);
  EXPECT_THAT(way_of(drive), ElementsAre("drive", "pcie:0000:41:00.0:read", "memory_controller:0"));
  EXPECT_THAT(resource(machine_, "pcie:0000:41:00.0:read").limit_source, HasSubstr("root port 0000:40:00.0"));
}

TEST_F(RackHost, PlacesDrivesBehindTheirSwitchAndItsNode) {
  for (const std::string at : {"0000:83:00.0", "0000:84:00.0"}) {
    const Endpoint& drive = drive_at(at);
    EXPECT_EQ(drive.numa, 1);
    EXPECT_THAT(way_of(drive), ElementsAre("drive", "pcie:" + at + ":read", "pcie:0000:81:00.0:read",
                                           "memory_controller:1"));
  }
  EXPECT_THAT(resource(machine_, "pcie:0000:84:00.0:read").limit_source,
              HasSubstr("switch port 0000:82:01.0"));
  EXPECT_THAT(resource(machine_, "pcie:0000:81:00.0:read").limit_source, HasSubstr("root port 0000:80:00.0"));
  EXPECT_EQ(resource(machine_, "pcie:0000:81:00.0:read").kind, "pcie_switch_uplink");
}

TEST_F(RackHost, KnowsNoLimitOfALinkThatIsEmulated) {
  for (const Resource& r : machine_.graph.resources) {
    if (!r.kind.starts_with("pcie")) continue;
    EXPECT_FALSE(r.limit_bytes_per_s) << r.id << ": " << r.limit_source;
    EXPECT_THAT(r.limit_source, HasSubstr("emulated"));
  }
}

TEST_F(RackHost, RaisesNoAlarmAboutEmulatedLinksEvenUnderLoad) {
  for (const bool under_load : {false, true})
    for (const Finding& f : examine(machine_, root_, under_load))
      EXPECT_THAT(f.id, Not(HasSubstr("pcie"))) << f.what;
  LinkWatch watch(machine_, root_);
  watch.sample();
  std::vector<std::string> all;
  for (const Resource& r : machine_.graph.resources) all.push_back(r.id);
  EXPECT_THAT(watch.findings(all), IsEmpty());
}

TEST_F(RackHost, ShowsWhereEachDriveIsAndNoMadeUpRate) {
  const std::string text = describe(machine_, look(machine_, root_), 120);
  for (const char* port :
       {"at 40:00.0", "at 40:02.0", "at 40:03.0", "at 80:00.0", "at 82:00.0", "at 82:01.0"})
    EXPECT_THAT(text, HasSubstr(port));
  EXPECT_THAT(text, AllOf(HasSubstr("switch 0000:81:00.0"), Not(HasSubstr("GT/s"))));
}

TEST_F(RackHost, LocatesABlockDeviceOnItselfAndNotInMemory) {
  const Endpoint& drive = drive_at("0000:83:00.0");
  const auto found = locate(machine_, drive.device, root_);
  ASSERT_TRUE(found) << found.error().what;
  EXPECT_EQ(found->endpoint, drive.id);
  EXPECT_THAT(found->drives, ElementsAre(drive.id));
  EXPECT_EQ(found->sysfs_block, drive.id.substr(8));
  EXPECT_THAT(describe_path(machine_, drive.device, *found), HasSubstr("is a block device, " + drive.id));
}

}  // namespace
}  // namespace millrace::topology
