// SPDX-License-Identifier: Apache-2.0
// The two-socket machine of tests/fixtures/machines, written to a folder of its own that goes away
// afterwards. Tests change its files before they look at it.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "topology/discover.hpp"

namespace millrace::topology {

class RecordedMachine : public ::testing::Test {
 protected:
  void SetUp() override {
    // Some 400 files of a line each: in memory, where that is possible.
    const bool in_memory = ::access("/dev/shm", W_OK) == 0;
    const std::filesystem::path base = in_memory ? "/dev/shm" : std::filesystem::temp_directory_path();
    std::string name = (base / "millrace-machine-XXXXXX").string();
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    root_ = name;
    const auto original = make_original();
    ASSERT_TRUE(std::filesystem::exists(original / "sys")) << original;
    std::filesystem::copy(
        original, root_,
        std::filesystem::copy_options::recursive | std::filesystem::copy_options::copy_symlinks);
  }
  void TearDown() override { std::filesystem::remove_all(root_); }

  void write(const std::string& file, const std::string& content) const {
    const std::filesystem::path path = root_ / std::filesystem::path(file).relative_path();
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path, std::ios::binary) << content;
  }
  // A file of a PCI function, at its real place.
  void write_pci(const std::string& address, const std::string& file, const std::string& content) const {
    std::ofstream(pci(address) / file, std::ios::binary) << content;
  }
  [[nodiscard]] std::filesystem::path pci(const std::string& address) const {
    return std::filesystem::canonical(root_ / "sys/bus/pci/devices" / address);
  }
  void make_virtual() const { write("/proc/cpuinfo", "processor\t: 0\nflags\t\t: fpu tsc hypervisor\n"); }

  // Written once for each state of the script, since every test is a process of its own; by rename, since
  // they run side by side.
  static std::filesystem::path make_original() {
    const std::filesystem::path script =
        std::filesystem::path(MILLRACE_FIXTURES) / "machines/make_two_socket.sh";
    const auto state = std::filesystem::last_write_time(script).time_since_epoch().count();
    const std::filesystem::path original =
        std::filesystem::path(MILLRACE_BUILD) / ("two-socket-machine-" + std::to_string(state));
    if (std::filesystem::exists(original)) return original;
    const std::string draft = original.string() + "." + std::to_string(::getpid());
    EXPECT_EQ(std::system((script.string() + " " + draft).c_str()), 0);
    std::error_code taken;  // another test was quicker
    std::filesystem::rename(draft, original, taken);
    if (taken) std::filesystem::remove_all(draft);
    return original;
  }

  [[nodiscard]] Machine machine() const {
    auto found = discover(root_);
    EXPECT_TRUE(found) << found.error().what;
    return found ? *found : Machine{};
  }

  std::filesystem::path root_;
};

inline const Resource& resource(const Machine& machine, const std::string& id) {
  const Resource* found = find_resource(machine.graph, id);
  if (found == nullptr) throw std::runtime_error("no resource " + id);
  return *found;
}

inline std::vector<std::string> names_of(const std::vector<Hop>& path) {
  std::vector<std::string> names;
  for (const Hop& hop : path) names.push_back(hop.resource);
  return names;
}

}  // namespace millrace::topology
