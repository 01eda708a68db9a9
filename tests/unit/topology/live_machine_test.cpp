// SPDX-License-Identifier: Apache-2.0
// Discovery of the machine that the test runs on: what must hold anywhere.
#include <gtest/gtest.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <set>

#include "topology/discover.hpp"

namespace millrace::topology {
namespace {
namespace fs = std::filesystem;

class LiveMachine : public ::testing::Test {
 protected:
  void SetUp() override {
    auto found = discover("/");
    ASSERT_TRUE(found) << found.error().what;
    machine_ = *found;
  }
  Machine machine_;
};

TEST_F(LiveMachine, HasTheCpusAndMemoryThatTheSystemCounts) {
  utsname names{};
  ASSERT_EQ(::uname(&names), 0);
  EXPECT_EQ(machine_.host.name, names.nodename);
  EXPECT_EQ(machine_.host.kernel, names.release);
  EXPECT_EQ(machine_.host.cpu.threads, ::sysconf(_SC_NPROCESSORS_ONLN));
  EXPECT_GE(machine_.host.cpu.cores, 1);
  EXPECT_FALSE(machine_.host.cpu.model.empty());
  const auto pages =
      static_cast<double>(::sysconf(_SC_PHYS_PAGES)) * static_cast<double>(::sysconf(_SC_PAGESIZE));
  EXPECT_NEAR(static_cast<double>(machine_.host.memory_bytes), pages, pages * 0.05);
  ASSERT_FALSE(machine_.host.numa.empty());
}

TEST_F(LiveMachine, HasAGraphWhoseLinksJoinKnownEndpointsOverKnownResources) {
  std::set<std::string> endpoints;
  std::set<std::string> resources;
  for (const Endpoint& e : machine_.graph.endpoints) EXPECT_TRUE(endpoints.insert(e.id).second) << e.id;
  for (const Resource& r : machine_.graph.resources) {
    EXPECT_TRUE(resources.insert(r.id).second) << r.id;
    EXPECT_FALSE(r.limit_source.empty()) << r.id;
  }
  for (const Link& l : machine_.graph.links) {
    EXPECT_TRUE(endpoints.contains(l.from)) << l.from;
    EXPECT_TRUE(endpoints.contains(l.to)) << l.to;
    EXPECT_TRUE(resources.contains(l.resource)) << l.resource;
  }
}

TEST_F(LiveMachine, LocatesTheFolderOfTheTestOnSomethingWithAPathToMemory) {
  const auto location = locate(machine_, fs::current_path());
  ASSERT_TRUE(location) << location.error().what;
  EXPECT_FALSE(location->mount_point.empty());
  EXPECT_FALSE(location->file_system.empty());
  ASSERT_NE(find_endpoint(machine_.graph, location->endpoint), nullptr) << location->endpoint;
  if (location->endpoint.starts_with("memory:")) return;
  const auto path = path_between(machine_.graph, location->endpoint, "memory:0");
  ASSERT_FALSE(path.empty());
  EXPECT_EQ(path.back().resource, "memory_controller:0");
  for (const std::string& drive : location->drives)
    EXPECT_NE(find_endpoint(machine_.graph, drive), nullptr) << drive;
}

TEST_F(LiveMachine, NamesTheNearestExistingFolderOfAMissingPath) {
  const fs::path folder = fs::current_path();
  const auto location = locate(machine_, folder / "not" / "there");
  ASSERT_FALSE(location);
  EXPECT_NE(location.error().what.find(folder.string() + " is the nearest"), std::string::npos)
      << location.error().what;
  EXPECT_NE(location.error().hint.find("mkdir -p"), std::string::npos);
}

TEST_F(LiveMachine, IsTheSameInItsSnapshot) {
  const fs::path to = fs::temp_directory_path() / ("millrace-snapshot-" + std::to_string(::getpid()));
  // Devices of other processes (loop devices of other tests) come and go: compare when nothing changed
  // meanwhile.
  Result<Machine> before = discover("/");
  Result<Machine> after = before;
  for (int attempt = 0; attempt < 5; ++attempt) {
    fs::remove_all(to);
    before = discover("/");
    const auto recorded = snapshot(to);
    ASSERT_TRUE(recorded) << recorded.error().what;
    after = discover("/");
    ASSERT_TRUE(before && after);
    if (*before == *after) break;
  }
  if (!(*before == *after)) GTEST_SKIP() << "this machine's devices change all the time";
  const auto again = discover(to);
  ASSERT_TRUE(again) << again.error().what;
  EXPECT_EQ(again->graph, after->graph);
  EXPECT_EQ(again->host, after->host);
  EXPECT_FALSE(snapshot(to)) << "a snapshot must not overwrite another";
  fs::remove_all(to);
}

TEST_F(LiveMachine, DoesNotLoadHwlocsGraphicsAndOpenClPlugins) {
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);) {
    EXPECT_EQ(line.find("hwloc_gl"), std::string::npos) << line;
    EXPECT_EQ(line.find("OpenCL"), std::string::npos) << line;
    EXPECT_EQ(line.find("libX11"), std::string::npos) << line;
  }
}

}  // namespace
}  // namespace millrace::topology
