// SPDX-License-Identifier: Apache-2.0
#include "report/layout.hpp"

#include <gtest/gtest.h>

#include "report/figures.hpp"

namespace millrace::report {
namespace {

TEST(Columns, CountsLettersNotBytesAndNoColourCodes) {
  EXPECT_EQ(columns("2.8 × – ü"), 9u);
  EXPECT_EQ(columns(toned("fed", Tone::kGood, {true, 80})), 3u);
}

TEST(Toned, LeavesTextAloneWithoutColour) { EXPECT_EQ(toned("fed", Tone::kGood, {false, 80}), "fed"); }

TEST(Wrapped, FoldsAtTheWidthBehindTheIndent) {
  EXPECT_EQ(wrapped("key: ", "one two three four five six seven eight nine ten", 5, {false, 40}),
            "key: one two three four five six seven\n     eight nine ten\n");
}

TEST(Wrapped, NeverMakesALineWiderThanAskedUnlessOneWordIs) {
  const std::string text =
      wrapped("- ", "figures × figures – and words that are folded again and again", 2, {false, 40});
  std::size_t begin = 0;
  while (begin < text.size()) {
    const auto end = text.find('\n', begin);
    EXPECT_LE(columns(text.substr(begin, end - begin)), 40u);
    begin = end + 1;
  }
  EXPECT_EQ(wrapped("", std::string(60, 'x'), 2, {false, 40}), std::string(60, 'x') + "\n");
}

TEST(Table, AlignsByLettersNotBytes) {
  Table table({"hop", "used"});
  table.add({"größe", "7 %"});
  table.add({"x", "100 %"});
  EXPECT_EQ(table.text(1, {false, 80}),
            " hop     used\n"
            " größe    7 %\n"
            " x      100 %\n");
}

TEST(Figures, ReadAsPeopleWriteThem) {
  EXPECT_EQ(span(1.03e9, 1.07e9), "1.03–1.07 GB/s");
  EXPECT_EQ(span(980e6, 1.07e9), "980 MB/s – 1.07 GB/s");
  EXPECT_EQ(percent(0.996), "99 %");
  EXPECT_EQ(percent(1), "100 %");
  EXPECT_EQ(percent(0.083), "8.3 %");
  EXPECT_EQ(percent(12), ">999 %");
  EXPECT_EQ(points(-0.034), "-3.4 points");
  EXPECT_EQ(factor(1.18), "1.18 ×");
  EXPECT_EQ(factor(23.4), "23 ×");
}

}  // namespace
}  // namespace millrace::report
