// SPDX-License-Identifier: Apache-2.0
#include "run/temporaries.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "temporary_folder.hpp"

namespace millrace::run {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

TEST(Temporaries, AreGoneWithTheirKeeper) {
  const TemporaryFolder folder;
  {
    Temporaries temporaries;
    ASSERT_TRUE(temporaries.add(folder.path() / "file"));
    ASSERT_TRUE(temporaries.add(folder.path() / "never-made"));
    folder.write("file", "ours");
  }
  EXPECT_TRUE(fs::is_empty(folder.path()));
}

TEST(Temporaries, AreNotWhatExistsAlready) {
  const TemporaryFolder folder;
  folder.write("theirs", "precious");
  fs::create_symlink("nowhere", folder.path() / "dangling");
  {
    Temporaries temporaries;
    for (const char* name : {"theirs", "dangling"}) {
      const auto added = temporaries.add(folder.path() / name);
      ASSERT_FALSE(added);
      EXPECT_THAT(added.error().what, HasSubstr("exists already"));
    }
    EXPECT_FALSE(temporaries.add(folder.path() / "missing/file"));
  }
  EXPECT_TRUE(fs::exists(folder.path() / "theirs"));
  EXPECT_TRUE(fs::is_symlink(folder.path() / "dangling"));
}

TEST(Temporaries, InsideOfEachOtherAllGo) {
  const TemporaryFolder folder;
  Temporaries temporaries;
  ASSERT_TRUE(temporaries.add(folder.path() / "outer"));
  folder.write("outer/inner/file", "ours");
  EXPECT_TRUE(temporaries.add(folder.path() / "outer/inner/another"));
  folder.write("outer/inner/another", "ours");
  temporaries.remove_all();
  EXPECT_TRUE(fs::is_empty(folder.path()));
}

TEST(Temporaries, ThatAreLinksGoAndWhatTheyPointToStays) {
  const TemporaryFolder folder;
  folder.write("theirs/file", "precious");
  {
    Temporaries temporaries;
    ASSERT_TRUE(temporaries.add(folder.path() / "ours"));
    ASSERT_TRUE(temporaries.add(folder.path() / "link"));
    fs::create_directory(folder.path() / "ours");
    fs::create_directory_symlink(folder.path() / "theirs", folder.path() / "ours/link");
    fs::create_directory_symlink(folder.path() / "theirs", folder.path() / "link");
  }
  EXPECT_TRUE(fs::exists(folder.path() / "theirs/file"));
  EXPECT_FALSE(fs::exists(folder.path() / "ours"));
  EXPECT_FALSE(fs::is_symlink(fs::symlink_status(folder.path() / "link")));
}

TEST(Temporaries, MayBeNamedTwice) {
  const TemporaryFolder folder;
  Temporaries temporaries;
  ASSERT_TRUE(temporaries.add(folder.path() / "file"));
  folder.write("file", "ours");
  EXPECT_TRUE(temporaries.add(folder.path() / "file"));
}

}  // namespace
}  // namespace millrace::run
