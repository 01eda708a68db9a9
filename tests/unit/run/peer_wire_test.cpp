// SPDX-License-Identifier: Apache-2.0
#include "run/peer/wire.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <memory>
#include <string>

namespace millrace::run::peer {
namespace {

// A reader of bytes that live as long as it does.
class Held : public Reader {
 public:
  explicit Held(std::string bytes) : Held(std::make_shared<std::string>(std::move(bytes))) {}

 private:
  explicit Held(std::shared_ptr<std::string> bytes)
      : Reader(std::string_view(*bytes)), bytes_(std::move(bytes)) {}
  std::shared_ptr<std::string> bytes_;
};

TEST(Wire, CarriesWhatWasWritten) {
  const std::string text("a\0b", 3);
  Writer out;
  for (const std::uint64_t n : {std::uint64_t{0}, std::uint64_t{127}, std::uint64_t{128}, UINT64_MAX})
    out.number(n);
  for (const std::int64_t n : {std::int64_t{0}, std::int64_t{-1}, INT64_MAX, INT64_MIN}) out.integer(n);
  out.real(-0.1).text(text).text("");
  Reader in(out.bytes());
  for (const std::uint64_t n : {std::uint64_t{0}, std::uint64_t{127}, std::uint64_t{128}, UINT64_MAX})
    EXPECT_EQ(in.number(), n);
  for (const std::int64_t n : {std::int64_t{0}, std::int64_t{-1}, INT64_MAX, INT64_MIN})
    EXPECT_EQ(in.integer(), n);
  EXPECT_EQ(in.real(), -0.1);
  EXPECT_EQ(in.text(), text);
  EXPECT_EQ(in.text(), "");
  EXPECT_TRUE(in.done());
}

TEST(Wire, SaysWhereTheLayoutIsNotOursToChange) {
  // Little-endian base 128, and zig-zag: the same on every host.
  EXPECT_EQ(Writer().number(300).bytes(), "\xac\x02");
  EXPECT_EQ(Writer().integer(-2).bytes(), "\x03");
  EXPECT_EQ(Writer().real(1.0).bytes(), std::string("\0\0\0\0\0\0\xf0\x3f", 8));
}

TEST(Wire, RefusesWhatIsCutShortAnywhere) {
  const std::string whole = Writer().number(1U << 20).real(2.5).text("hello").integer(-7).bytes();
  for (std::size_t size = 0; size < whole.size(); ++size) {
    Reader in(std::string_view(whole).substr(0, size));
    in.number();
    in.real();
    in.text();
    in.integer();
    EXPECT_FALSE(in.ok()) << size;
    EXPECT_EQ(in.number(), 0U);
  }
}

TEST(Wire, RefusesWhatIsBeyondItsBound) {
  Held number(Writer().number(11).bytes());
  EXPECT_EQ(number.number(10), 0U);
  EXPECT_FALSE(number.ok());
  Held text(Writer().text("longer").bytes());
  EXPECT_EQ(text.text(5), "");
  EXPECT_FALSE(text.ok());
  Held overlong(std::string(11, '\x80'));
  overlong.number();
  EXPECT_FALSE(overlong.ok());
  Held too_large(std::string(9, '\xff') + "\x02");
  too_large.number();
  EXPECT_FALSE(too_large.ok());
  for (const double none : {std::nan(""), std::numeric_limits<double>::infinity()}) {
    Held real(Writer().real(none).bytes());
    EXPECT_EQ(real.real(), 0);
    EXPECT_FALSE(real.ok());
  }
}

TEST(Wire, BelievesNoCountThatCannotBeThere) {
  // A count is what memory is taken by: eight bytes cannot hold a million items.
  Held in(Writer().number(1'000'000).number(0).bytes());
  EXPECT_EQ(in.count(2'000'000), 0U);
  EXPECT_FALSE(in.ok());
  Held two(Writer().number(2).number(0).number(0).bytes());
  EXPECT_EQ(two.count(2), 2U);
  Held wide(Writer().number(2).number(0).number(0).bytes());
  EXPECT_EQ(wide.count(2, 8), 0U);
}

TEST(Wire, WhatIsLeftOverIsNotDone) {
  Held in(Writer().number(1).number(2).bytes());
  in.number();
  EXPECT_TRUE(in.ok());
  EXPECT_FALSE(in.done());
}

TEST(Wire, WordsSteerNoTerminal) {
  Held in(Writer().text("\x1b[2J gone\r\nline\x7f").bytes());
  EXPECT_EQ(in.words(100), " [2J gone  line ");
}

}  // namespace
}  // namespace millrace::run::peer
