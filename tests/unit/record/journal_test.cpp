// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include "sample.hpp"

namespace millrace::record {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

Measurement named(const char* id) {
  Measurement m = full_document().measurements[0];
  m.id = id;
  return m;
}

class AJournal : public testing::Test {
 protected:
  Journal made() {
    auto journal = Journal::create(file, full_header());
    EXPECT_TRUE(journal) << journal.error().what;
    return std::move(*journal);
  }
  JournalContents contents() {
    auto read = read_journal(file);
    EXPECT_TRUE(read) << read.error().what;
    return read ? std::move(*read) : JournalContents{};
  }
  std::string fault() {
    const auto read = read_journal(file);
    return read ? "" : read.error().what;
  }
  TemporaryFolder folder;
  std::filesystem::path file = folder / "run.journal";
};

TEST_F(AJournal, GivesBackWhatWasPutIn) {
  {
    Journal journal = made();
    ASSERT_TRUE(journal.add(named("m1")));
    ASSERT_TRUE(journal.add_temporary("/data/.millrace-1"));
    ASSERT_TRUE(journal.add_temporary("/data/\xff\x01"));
    ASSERT_TRUE(journal.add(named("m2")));
    EXPECT_FALSE(contents().ended);
    ASSERT_TRUE(journal.end());
  }
  const JournalContents read = contents();
  EXPECT_EQ(read.header.fingerprint, "f00d");
  EXPECT_EQ(read.header.settings, full_header().settings);
  EXPECT_EQ(read.header.document.tool, full_document().tool);
  EXPECT_EQ(read.header.document.topology.resources.size(), 2u);
  EXPECT_THAT(read.measurements, ElementsAre(named("m1"), named("m2")));
  EXPECT_THAT(read.temporaries, ElementsAre("/data/.millrace-1", "/data/\xff\x01"));
  EXPECT_TRUE(read.ended);
  EXPECT_FALSE(read.torn);
}

TEST_F(AJournal, BecomesADocumentThatSaysItIsIncomplete) {
  {
    Journal journal = made();
    ASSERT_TRUE(journal.add(named("m1")));
  }
  const Document document = to_document(contents());
  EXPECT_FALSE(document.complete);
  ASSERT_EQ(document.measurements.size(), 1u);
  const auto read = parse_document(to_json(document), "from a journal");  // names "m2", which it lacks
  EXPECT_TRUE(read) << read.error().what;
}

TEST_F(AJournal, LosesOnlyTheLastRecordWhereverAKillCutsIt) {
  {
    Journal journal = made();
    ASSERT_TRUE(journal.add(named("m1")));
    ASSERT_TRUE(journal.add(named("m2")));
  }
  const std::string whole = content_of(file);
  const std::size_t last = whole.rfind('\n', whole.size() - 2) + 1;
  for (std::size_t size = last; size < whole.size(); ++size) {
    put_content(file, whole.substr(0, size));
    const auto read = read_journal(file);
    ASSERT_TRUE(read) << size << ": " << read.error().what;
    ASSERT_EQ(read->measurements.size(), 1u) << size;
    ASSERT_EQ(read->torn, size != last) << size;
  }
}

TEST_F(AJournal, IsMendedByAResumeWhichGoesOnBehindTheLastWholeRecord) {
  {
    Journal journal = made();
    ASSERT_TRUE(journal.add(named("m1")));
    ASSERT_TRUE(journal.add(named("m2")));
  }
  const std::string whole = content_of(file);
  put_content(file, whole.substr(0, whole.size() - 100));
  {
    auto journal = Journal::append_to(file);
    ASSERT_TRUE(journal) << journal.error().what;
    ASSERT_TRUE(journal->add(named("m3")));
    ASSERT_TRUE(journal->end());
  }
  const JournalContents read = contents();
  EXPECT_FALSE(read.torn);
  EXPECT_TRUE(read.ended);
  EXPECT_THAT(read.measurements, ElementsAre(named("m1"), named("m3")));
}

TEST_F(AJournal, TakesTheLaterOfTwoRecordsOfOneMeasurement) {
  {
    Journal journal = made();
    ASSERT_TRUE(journal.add(named("m1")));
    Measurement again = named("m1");
    again.status = "ok";
    ASSERT_TRUE(journal.add(again));
  }
  ASSERT_EQ(contents().measurements.size(), 1u);
  EXPECT_EQ(contents().measurements[0].status, "ok");
}

TEST_F(AJournal, IsNeverWrittenByTwoRuns) {
  const Journal journal = made();
  const auto second = Journal::append_to(file);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().what, "another millrace is writing the journal " + file.native());
}

TEST_F(AJournal, IsFreeAgainWhenItsWriterWasKilled) {
  int ready[2];
  ASSERT_EQ(pipe(ready), 0);
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    auto journal = Journal::create(file, full_header());
    const char c = journal && journal->add(named("m1")) ? '+' : '-';
    if (write(ready[1], &c, 1) == 1) pause();
    _exit(1);
  }
  char c = 0;
  ASSERT_EQ(read(ready[0], &c, 1), 1);
  ASSERT_EQ(c, '+');
  EXPECT_FALSE(Journal::append_to(file));
  ASSERT_EQ(kill(child, SIGKILL), 0);
  ASSERT_EQ(waitpid(child, nullptr, 0), child);
  EXPECT_TRUE(Journal::append_to(file));
  EXPECT_EQ(contents().measurements.size(), 1u);
  close(ready[0]);
  close(ready[1]);
}

TEST_F(AJournal, IsNotMadeOverAFileThatExists) {
  put_content(file, "precious");
  const auto journal = Journal::create(file, full_header());
  ASSERT_FALSE(journal);
  EXPECT_THAT(journal.error().what, HasSubstr("exists already"));
  EXPECT_THAT(journal.error().hint, HasSubstr("--resume"));
  EXPECT_FALSE(Journal::append_to(file));
  EXPECT_EQ(content_of(file), "precious");
}

TEST_F(AJournal, NamesTheLineThatIsMalformed) {
  {
    Journal journal = made();
    ASSERT_TRUE(journal.add(named("m1")));
    ASSERT_TRUE(journal.end());
  }
  const std::string whole = content_of(file);
  const std::size_t second = whole.find('\n') + 1;
  put_content(file, whole.substr(0, second) + "{\"measurement\":\n" + whole.substr(second));
  EXPECT_THAT(fault(), HasSubstr(file.native() + ":2:1:16 (byte 15): "));
  put_content(file, whole.substr(0, second) + "{\"other\":1}\n");
  EXPECT_EQ(fault(), file.native() + ":2: at the top level: holds none of measurement, temporary and end");
  put_content(file, whole.substr(0, second) + "{\"temporary_hex\":\"0g\"}\n");
  EXPECT_EQ(fault(), file.native() + ":2: /temporary_hex: is not pairs of hexadecimal digits");
  put_content(file, whole.substr(0, second) + "{\"measurement\":{\"id\":5}}\n");
  EXPECT_EQ(fault(), file.native() + ":2: /measurement/id: wants a string, but is the number 5");
  put_content(file, whole.substr(0, second) + "{\"end\":\"yes\"}\n");
  EXPECT_EQ(fault(), file.native() + ":2: /end: wants true or false, but is a string");
}

TEST_F(AJournal, NamesTheLineWhoseResourceTheHeaderDoesNotHave) {
  {
    Journal journal = made();
    Measurement m = named("m1");
    m.path[0].resource = "pcie:9";
    ASSERT_TRUE(journal.add(m));
  }
  EXPECT_EQ(fault(), file.native() + ":2: /measurement/path/0/resource: no resource has the id \"pcie:9\"");
}

TEST_F(AJournal, WithoutAWholeHeaderSaysThatNothingWasMeasured) {
  put_content(file, "");
  EXPECT_THAT(fault(), HasSubstr("is empty"));
  { Journal(std::move(*Journal::create(folder / "other", full_header()))); }
  const std::string whole = content_of(folder / "other");
  put_content(file, whole.substr(0, whole.size() - 1));
  EXPECT_THAT(fault(), HasSubstr("the header was cut off"));
}

TEST_F(AJournal, OfAnotherVersionIsRefused) {
  put_content(file, "{\"schema\":\"millrace.journal/2\"}\n");
  EXPECT_THAT(fault(), HasSubstr("is millrace.journal/2, and this millrace reads millrace.journal/1"));
}

TEST_F(AJournal, IsToldFromADocument) {
  { const Journal journal = made(); }
  ASSERT_TRUE(write_document(full_document(), folder / "r.json"));
  EXPECT_TRUE(is_journal(file));
  EXPECT_FALSE(is_journal(folder / "r.json"));
  EXPECT_FALSE(is_journal(folder / "none"));
  EXPECT_FALSE(is_journal("/dev/zero"));
  EXPECT_FALSE(is_journal(folder.path()));
}

TEST_F(AJournal, IsNotMadeInAFolderThatIsMissing) {
  const auto journal = Journal::create(folder / "no/run.journal", full_header());
  ASSERT_FALSE(journal);
  EXPECT_THAT(journal.error().what, HasSubstr("No such file or directory"));
}

}  // namespace
}  // namespace millrace::record
