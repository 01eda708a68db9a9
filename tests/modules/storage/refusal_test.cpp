// SPDX-License-Identifier: Apache-2.0
// Bad input and a machine that will not: one clear message, and nothing touched.
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <functional>

#include "in_process_host.hpp"
#include "scratch.hpp"

namespace millrace::testing {
namespace {

using namespace std::chrono_literals;
using ::testing::Test;

class Refusal : public Test {
 protected:
  void expect(const char* probe, const InProcessHost::Parameters& parameters, const std::string& part_of_what,
              const std::string& part_of_hint) {
    const Measured m = host_.measure(probe, parameters, 100ms);
    EXPECT_FALSE(m.ok());
    EXPECT_NE(m.what.find(part_of_what), std::string::npos) << m.what;
    EXPECT_NE(m.hint.find(part_of_hint), std::string::npos) << m.hint;
  }
  // At describe: nothing was started.
  void expect_early(const char* probe, const InProcessHost::Parameters& parameters,
                    const std::string& part_of_what, const std::string& part_of_hint) {
    expect(probe, parameters, part_of_what, part_of_hint);
    EXPECT_EQ(host_.describe(probe, parameters).describe, MILLRACE_FAILED);
  }

  InProcessHost host_{module_file("storage")};
  ScratchFolder folder_;
};

TEST_F(Refusal, NamesAMissingPath) {
  expect_early("storage.read", {{"path", folder_ / "nothing"}}, "ENOENT", "check the path");
  expect_early("storage.write", {{"path", folder_ / "nothing"}}, "ENOENT", "check the path");
  expect_early("storage.read", {{"dataset", folder_ / "nothing"}}, "ENOENT", "check the path");
}

TEST_F(Refusal, AsksForAPath) {
  expect_early("storage.read", {}, "nothing to work on", "--path");
  expect_early("storage.write", {}, "nothing to work on", "--path");
}

TEST_F(Refusal, OfACharacterDeviceThatIsNoDriveNamesThoseThatAre) {
  expect_early("storage.read", {{"path", "/dev/null"}}, "not the generic device of an NVMe", "/dev/ng0n1");
  expect_early("storage.write", {{"path", "/dev/zero"}, {"destroy", "/dev/zero"}},
               "not the generic device of an NVMe", "/dev/ng0n1");
}

TEST_F(Refusal, KeepsAnExistingFileAsItIs) {
  write_random_file(folder_ / "precious", 1 << 20);
  const auto before = std::filesystem::last_write_time(folder_ / "precious");
  expect_early("storage.write", {{"path", folder_ / "precious"}}, "exists already", "give a folder");
  expect_early("storage.write", {{"path", folder_ / "precious"}, {"destroy", folder_ / "precious"}},
               "exists already", "give a folder");
  EXPECT_EQ(std::filesystem::last_write_time(folder_ / "precious"), before);
}

TEST_F(Refusal, ExplainsCombinationsThatMakeNoSense) {
  write_random_file(folder_ / "data", 1 << 20);
  expect_early("storage.read", {{"path", folder_ / "data"}, {"block-size", "1000"}}, "no multiple of 512",
               "512");
  expect_early("storage.read", {{"path", folder_ / "data"}, {"dataset", folder_.path()}}, "both",
               "one of them");
  expect_early("storage.read", {{"dataset", folder_.path()}, {"pattern", "random"}}, "random", "--path");
  expect_early("storage.read", {{"path", folder_ / "data"}, {"verify", "on"}}, "cannot know", "folder");
  expect_early("storage.read", {{"path", folder_ / "data"}, {"iopoll", "on"}, {"direct", "off"}}, "--iopoll",
               "");
  expect_early("storage.read", {{"path", folder_ / "data"}, {"queue-depth", "4"}, {"batch", "8"}},
               "--batch 8", "");
  expect_early("storage.read", {{"path", folder_.path()}, {"file-size", "64KiB"}}, "less than one block", "");
  expect("storage.read", {{"path", folder_ / "data"}, {"threads", "20"}}, "fewer blocks", "fewer threads");
}

TEST_F(Refusal, OfAFolderWithoutRoomSaysHowMuchThereIs) {
  expect_early("storage.read", {{"path", folder_.path()}, {"file-size", "4096TiB"}}, "more than the",
               "--file-size");
}

TEST_F(Refusal, OfAFullFileSystemAndAReadOnlyOne) {
  std::filesystem::create_directory(folder_ / "small");
  {
    const auto mounted = Mount::of("none", folder_ / "small", "tmpfs", 0, "size=8m");
    if (!mounted) GTEST_SKIP() << "mounting needs root";
    expect_early("storage.write", {{"path", folder_ / "small"}, {"file-size", "9MiB"}}, "more than the",
                 "--file-size");
    EXPECT_TRUE(std::filesystem::is_empty(folder_ / "small"));
  }
  const auto mounted = Mount::of("none", folder_ / "small", "tmpfs", MS_RDONLY, "size=8m");
  ASSERT_TRUE(mounted);
  expect_early("storage.write", {{"path", folder_ / "small"}, {"file-size", "1MiB"}}, "EROFS", "read-only");
}

TEST_F(Refusal, OfAnEmptyFileOrDataSet) {
  write_random_file(folder_ / "empty", 0);
  expect_early("storage.read", {{"path", folder_ / "empty"}}, "is empty", "holds data");
  expect("storage.read", {{"dataset", folder_.path()}}, "no files with data", "data set");
}

// In a child, since limits and identity of a process cannot be given back.
void in_child(const std::function<bool()>& body) {
  const pid_t child = fork();
  if (child == 0) _exit(body() ? 0 : 1);
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

TEST_F(Refusal, OfLockedMemoryIsAFlagByDefaultAndAnErrorWhenRegistrationWasAskedFor) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root, to become another user";
  write_random_file(folder_ / "data", 4 << 20);
  std::filesystem::permissions(folder_.path(), std::filesystem::perms::all);
  in_child([&] {
    const rlimit limit = {65536, 65536};
    if (setrlimit(RLIMIT_MEMLOCK, &limit) != 0 || setresuid(65534, 65534, 65534) != 0) return false;
    InProcessHost::Parameters parameters = {{"path", folder_ / "data"}};
    const Measured fallen_back = host_.measure("storage.read", parameters, 50ms);
    parameters["registered-buffers"] = "on";
    const Measured refused = host_.measure("storage.read", parameters, 50ms);
    if (fallen_back.what.find("EACCES") != std::string::npos) return true;  // the build folder is private
    return fallen_back.ok() && fallen_back.has_flag("unregistered-buffers") && !refused.ok() &&
           refused.what.find("64 KiB") != std::string::npos &&
           refused.hint.find("ulimit -l") != std::string::npos;
  });
}

TEST_F(Refusal, OfAFileThatMayNotBeReadNamesThePermission) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root, to become another user";
  write_random_file(folder_ / "private", 1 << 20);
  std::filesystem::permissions(folder_ / "private", std::filesystem::perms::owner_read);
  in_child([&] {
    if (setresuid(65534, 65534, 65534) != 0) return false;
    const Measured m = host_.describe("storage.read", {{"path", folder_ / "private"}});
    return m.describe == MILLRACE_FAILED && m.what.find("EACCES") != std::string::npos;
  });
}

TEST_F(Refusal, ReportsAFileThatIsCutWhileItIsRead) {
  write_random_file(folder_ / "data", 1 << 20);
  host_.when_opened([&] { std::filesystem::resize_file(folder_ / "data", 700'000); });
  expect("storage.read", {{"path", folder_ / "data"}, {"passes", "1"}}, "a short read", "cut");
}

}  // namespace
}  // namespace millrace::testing
