// SPDX-License-Identifier: Apache-2.0
#include "modules/storage/page_cache.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>

#include "modules/storage/file_descriptor.hpp"
#include "scratch.hpp"

namespace millrace::storage {
namespace {

constexpr std::uint64_t kBytes = (80ULL << 20) + 12345;  // more than is looked at in full

TEST(PageCache, HoldsWhatWasJustWrittenAndNothingOnceItIsDropped) {
  const millrace::testing::ScratchFolder folder;
  millrace::testing::write_random_file(folder / "file", kBytes);
  const FileDescriptor fd(open((folder / "file").c_str(), O_RDWR | O_CLOEXEC));
  EXPECT_GT(cached_share(fd.get(), kBytes), 0.99);
  ASSERT_EQ(fsync(fd.get()), 0);
  ASSERT_EQ(posix_fadvise(fd.get(), 0, 0, POSIX_FADV_DONTNEED), 0);
  EXPECT_LT(cached_share(fd.get(), kBytes), 0.1);
  ASSERT_EQ(posix_fadvise(fd.get(), 40 << 20, 0, POSIX_FADV_RANDOM), 0);
  std::vector<char> half(kBytes / 2);
  ASSERT_EQ(pread(fd.get(), half.data(), half.size(), 0), static_cast<ssize_t>(half.size()));
  EXPECT_NEAR(cached_share(fd.get(), kBytes), 0.5, 0.1);
}

TEST(PageCache, CannotBeAskedOfNothing) {
  EXPECT_EQ(cached_share(-1, kBytes), 0);
  const millrace::testing::ScratchFolder folder;
  millrace::testing::write_random_file(folder / "empty", 0);
  const FileDescriptor fd(open((folder / "empty").c_str(), O_RDONLY | O_CLOEXEC));
  EXPECT_EQ(cached_share(fd.get(), 0), 0);
}

}  // namespace
}  // namespace millrace::storage
