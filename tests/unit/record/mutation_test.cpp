// SPDX-License-Identifier: Apache-2.0
// Documents that were cut or spoiled at random, with a fixed seed: each is read, or refused with a message.
#include <gtest/gtest.h>

#include <chrono>
#include <random>

#include "sample.hpp"

namespace millrace::record {
namespace {

void expect_read_or_refused(const std::string& json) {
  const auto read = parse_document(json, "m.json");
  if (read) return;
  ASSERT_TRUE(read.error().what.starts_with("m.json:")) << read.error().what;
  ASSERT_GT(read.error().what.size(), 9u);
}

TEST(Mutation, ADocumentCutAtAnyByteIsRefusedWithAMessage) {
  const std::string whole = to_json(full_document());
  for (std::size_t size = 0; size + 2 < whole.size(); ++size) {  // without the last "}\n" it is no document
    const std::string cut = whole.substr(0, size);
    const auto read = parse_document(cut, "m.json");
    ASSERT_FALSE(read) << "cut after " << size << " bytes";
    ASSERT_TRUE(read.error().what.starts_with("m.json:")) << read.error().what;
  }
}

TEST(Mutation, ADocumentWithAnyByteFlippedIsReadOrRefused) {
  const std::string whole = to_json(full_document());
  std::mt19937 random(1);
  for (std::size_t at = 0; at < whole.size(); ++at) {
    std::string flipped = whole;
    flipped[at] = static_cast<char>(flipped[at] ^ (1 << (random() % 8)));
    expect_read_or_refused(flipped);
  }
}

// Pieces of JSON that have broken readers.
const char* const kPieces[] = {"null",
                               "-0",
                               "1e308",
                               "1e-400",
                               "18446744073709551615",
                               "-9223372036854775808",
                               "[]",
                               "{}",
                               "\"\"",
                               "[[[[",
                               "]]]]",
                               "}}}}",
                               ",",
                               ":",
                               "\"",
                               "\\u0000",
                               "\\ud800",
                               "\x00",
                               "true",
                               "\xF0",
                               "0.1e+",
                               "//",
                               "NaN",
                               "Infinity"};

std::string mutate(std::string text, std::mt19937& random) {
  const auto below = [&](std::size_t n) { return n == 0 ? 0 : static_cast<std::size_t>(random()) % n; };
  for (std::size_t n = 1 + below(4); n > 0; --n) {
    const std::size_t at = below(text.size());
    const std::string piece = kPieces[below(std::size(kPieces))];
    switch (below(5)) {
      case 0:
        text.erase(at, 1 + below(20));
        break;
      case 1:
        text.insert(at, piece);
        break;
      case 2:
        text.replace(at, std::min(text.size() - at, piece.size()), piece);
        break;
      case 3:
        text.insert(at, text.substr(below(text.size()), below(200)));
        break;
      default: {  // a value for another
        const std::size_t colon = text.find(": ", at);
        const std::size_t end = colon == std::string::npos ? colon : text.find_first_of(",\n}", colon);
        if (end != std::string::npos) text.replace(colon + 2, end - colon - 2, piece);
      }
    }
  }
  return text;
}

TEST(Mutation, ThousandsOfSpoiledDocumentsAreReadOrRefused) {
  const std::string whole = to_json(full_document());
  std::mt19937 random(20261105);
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(5);
  int tried = 0;
  for (; tried < 10'000 && std::chrono::steady_clock::now() < deadline; ++tried) {
    expect_read_or_refused(mutate(whole, random));
  }
  EXPECT_GT(tried, 200);
}

TEST(Mutation, SpoiledJournalsAreReadOrRefused) {
  const TemporaryFolder folder;
  {
    auto journal = Journal::create(folder / "j", full_header());
    ASSERT_TRUE(journal) << journal.error().what;
    ASSERT_TRUE(journal->add(full_document().measurements[0]));
    ASSERT_TRUE(journal->add_temporary("/data/x"));
    ASSERT_TRUE(journal->end());
  }
  const std::string whole = content_of(folder / "j");
  std::mt19937 random(7);
  for (int i = 0; i < 1000; ++i) {
    put_content(folder / "k", mutate(whole, random));
    const auto read = read_journal(folder / "k");
    if (read) continue;
    ASSERT_TRUE(read.error().what.starts_with((folder / "k").native() + ":")) << read.error().what;
  }
}

}  // namespace
}  // namespace millrace::record
