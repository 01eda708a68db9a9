// SPDX-License-Identifier: Apache-2.0
#include "modules/ingest/record_index.hpp"

#include <fstream>
#include <set>

#include "modules/ingest/extents.hpp"
#include "modules/ingest/layout.hpp"
#include "pipeline_fixture.hpp"

namespace millrace::ingest {
namespace {

using ::testing::HasSubstr;

class RecordIndex : public millrace::testing::PipelineTest {
 protected:
  Settings settings() const {
    Settings s;
    s.datasets = {directory_};
    return s;
  }
  void manifest(const std::string& text) { std::ofstream(directory_ / run::kManifestName) << text; }
  std::string refusal() {
    const auto index = index_dataset(settings());
    return index ? "accepted" : index.error().what;
  }
};

TEST_F(RecordIndex, FollowsTheManifestOfAMadeDataSet) {
  const run::Dataset dataset = make(7, 60'000);
  Settings s;
  s.datasets = {dataset.directory};
  const auto index = index_dataset(s);
  ASSERT_TRUE(index) << index.error().what;
  ASSERT_EQ(index->size(), dataset.files.size());
  for (std::size_t f = 0; f < index->size(); ++f) {
    EXPECT_EQ((*index)[f].path, dataset.files[f].path);
    ASSERT_EQ((*index)[f].records.size(), 7u);
    for (std::size_t r = 0; r < 7; ++r) {
      EXPECT_EQ((*index)[f].records[r].bytes, dataset.files[f].record_bytes[r]);
      EXPECT_TRUE((*index)[f].records[r].hashed);
    }
  }
}

TEST_F(RecordIndex, CutsAUsersFilesAsAsked) {
  std::ofstream(directory_ / "a") << std::string(1000, 'a');
  std::ofstream(directory_ / "b") << std::string(250, 'b');
  Settings s = settings();
  auto index = index_dataset(s);
  ASSERT_TRUE(index);
  EXPECT_EQ((*index)[0].records.size(), 1u);
  EXPECT_EQ((*index)[1].records[0].bytes, 250u);
  s.record_bytes = 300;
  index = index_dataset(s);
  EXPECT_EQ((*index)[0].records.size(), 3u) << "the last 100 bytes are no record";
  EXPECT_EQ((*index)[1].records.size(), 1u) << "a file that is smaller is one";
  s.record_bytes = 0;
  s.samples_per_file = 5;
  EXPECT_EQ((*index_dataset(s))[0].records[4].bytes, 200u);
  s.datasets = {directory_ / "b"};
  EXPECT_EQ(index_dataset(s)->size(), 1u) << "a file is a data set too";
}

TEST_F(RecordIndex, RefusesAManifestThatDoesNotHold) {
  std::ofstream(directory_ / "d") << "12345678";
  const std::string head = R"({"schema":"millrace.dataset/1","content":"raw","files":)";
  manifest(head + R"([{"name":"d","record_bytes":[5,3]}]})");
  EXPECT_EQ(refusal(), "accepted");
  manifest(head + R"([{"name":"d","record_bytes":[5,4]}]})");
  EXPECT_THAT(refusal(), HasSubstr("has 8 bytes, its records 9"));
  manifest(head + R"([{"name":"../d","record_bytes":[8]}]})");
  EXPECT_THAT(refusal(), HasSubstr("plain name"));
  manifest(head + R"([{"name":"d","record_bytes":[-8]}]})");
  EXPECT_THAT(refusal(), HasSubstr("positive integer"));
  manifest(head + R"([{"name":"e","record_bytes":[8]}]})");
  EXPECT_THAT(refusal(), HasSubstr("e: No such file"));
  manifest(head + R"([]})");
  EXPECT_THAT(refusal(), HasSubstr("holds no data"));
  manifest(R"({"schema":"other/1"})");
  EXPECT_THAT(refusal(), HasSubstr("schema"));
  manifest(head.substr(0, 30));
  EXPECT_THAT(refusal(), HasSubstr(run::kManifestName));
}

TEST_F(RecordIndex, SyntheticRecordsFollowTheirDistribution) {
  Settings s;
  s.record_bytes = 10'000;
  s.record_stdev_bytes = 1'000;
  const Index index = synthetic_index(s, 4'000);
  double sum = 0;
  for (const Record& record : index[0].records) sum += static_cast<double>(record.bytes);
  EXPECT_NEAR(sum / 4'000, 10'000, 80);
}

Index files_of(std::size_t files, std::size_t records, std::uint64_t bytes) {
  Index index(files);
  for (std::size_t f = 0; f < files; ++f) {
    index[f].path = std::to_string(f);
    index[f].records.assign(records, {bytes, bytes, 0, false});
  }
  return index;
}

TEST(Extents, JoinSmallRecordsToABlockAndKeepLargeOnesWhole) {
  const Index small = files_of(2, 25, 100'000), large = files_of(2, 3, 5'000'000);
  const auto joined = cut_extents(small, 1 << 20);
  std::uint64_t bytes = 0;
  for (const Extent& extent : joined) {
    EXPECT_LE(extent.offset % 4096 + extent.bytes, 1u << 20) << "one read";
    bytes += extent.bytes;
  }
  EXPECT_EQ(bytes, 5'000'000u);
  EXPECT_EQ(joined[0].records.size(), 10u);
  EXPECT_EQ(cut_extents(large, 1 << 20).size(), 6u);
}

TEST(Extents, AreSharedAmongRanksWithoutGapOrOverlap) {
  for (const std::size_t files : {1U, 2U, 7U}) {
    const Index index = files_of(files, 12, 600'000);
    const auto all = cut_extents(index, 1 << 20);
    std::set<std::pair<const void*, std::uint64_t>> seen;
    for (std::size_t rank = 0; rank < 3; ++rank) {
      const auto mine = shard(all, files, rank, 3, 5);
      EXPECT_FALSE(mine.empty());
      for (const Extent& extent : mine) EXPECT_TRUE(seen.emplace(extent.file, extent.offset).second);
    }
    EXPECT_EQ(seen.size(), all.size());
  }
}

TEST(Extents, AFilesExtentsStayInSequence) {
  const Index index = files_of(5, 6, 700'000);
  const auto mine = shard(cut_extents(index, 1 << 20), 5, 0, 1, 9);
  ASSERT_EQ(mine.size(), 30u);
  for (std::size_t i = 1; i < mine.size(); ++i)
    EXPECT_TRUE(mine[i].file != mine[i - 1].file || mine[i].offset > mine[i - 1].offset) << i;
}

TEST(LayoutOf, GrowsWithPrefetchAndIsBoundedByIt) {
  const Index index = files_of(8, 1, 10'000'000);
  const auto extents = cut_extents(index, 1 << 20);
  Settings s;
  s.batch = 3;
  s.prefetch = 2;
  const Layout two = layout_of(s, extents);
  EXPECT_EQ(two.prepared_queue, 6u);
  s.prefetch = 4;
  const Layout four = layout_of(s, extents);
  EXPECT_EQ(four.stored_buffers - two.stored_buffers, 6u);
  EXPECT_NEAR(static_cast<double>(four.total_bytes() - two.total_bytes()), 60e6, 1e6);
}

// Two folders on two drives: whoever reads must keep both busy, in proportion to what they hold.
TEST_F(RecordIndex, SeveralFoldersTakeTurnsForEveryRank) {
  for (const char* folder : {"one", "two"}) std::filesystem::create_directory(directory_ / folder);
  for (int i = 0; i < 8; ++i) std::ofstream(directory_ / "one" / std::to_string(i)) << std::string(100, '1');
  for (int i = 0; i < 16; ++i) std::ofstream(directory_ / "two" / std::to_string(i)) << std::string(100, '2');
  Settings s;
  s.datasets = {directory_ / "one", directory_ / "two"};
  const auto index = index_dataset(s);
  ASSERT_TRUE(index) << index.error().what;
  std::set<std::filesystem::path> read;
  for (std::size_t rank = 0; rank < 2; ++rank) {
    const auto extents = shard(cut_extents(*index, 4096), index->size(), rank, 2, 7);
    ASSERT_EQ(extents.size(), 12u);
    for (std::size_t i = 0; i < extents.size(); i += 3) {
      int of_one = 0;
      for (std::size_t k = i; k < i + 3; ++k) {
        of_one += extents[k].file->folder == 0 ? 1 : 0;
        read.insert(extents[k].file->path);
      }
      EXPECT_EQ(of_one, 1) << "at " << i << " of rank " << rank;
    }
  }
  EXPECT_EQ(read.size(), 24u) << "each file is read by one rank";
}

}  // namespace
}  // namespace millrace::ingest
