// SPDX-License-Identifier: Apache-2.0
#include "units/quantity.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>
#include <string>
#include <vector>

namespace millrace {
namespace {

using ::testing::HasSubstr;

std::string quoted(std::string_view text) {
  std::string out(1, '\'');
  return out.append(text).append(1, '\'');
}

std::uint64_t bytes(std::string_view text) {
  const auto parsed = parse_bytes(text);
  EXPECT_TRUE(parsed) << text << ": " << (parsed ? "" : parsed.error().what);
  return parsed ? parsed->value : 0;
}

std::int64_t ns(std::string_view text) {
  const auto parsed = parse_duration(text);
  EXPECT_TRUE(parsed) << text << ": " << (parsed ? "" : parsed.error().what);
  return parsed ? parsed->ns : -1;
}

double rate(std::string_view text) {
  const auto parsed = parse_rate(text);
  EXPECT_TRUE(parsed) << text << ": " << (parsed ? "" : parsed.error().what);
  return parsed ? parsed->value : -1;
}

TEST(ParseBytes, TakesBinaryAndSiPrefixes) {
  EXPECT_EQ(bytes("0"), 0u);
  EXPECT_EQ(bytes("4096"), 4096u);
  EXPECT_EQ(bytes("4096B"), 4096u);
  for (const char* text : {"4KiB", "4kiB", "4 KiB", "4kib", "4Ki", "4k", "4K", "  4k\n"})
    EXPECT_EQ(bytes(text), 4096u);
  EXPECT_EQ(bytes("4kB"), 4000u);
  EXPECT_EQ(bytes("1m"), 1u << 20);
  EXPECT_EQ(bytes("1.5 GiB"), 3ULL << 29);
  EXPECT_EQ(bytes("2GB"), 2'000'000'000u);
  EXPECT_EQ(bytes("1e9"), 1'000'000'000u);
  EXPECT_EQ(bytes("1EB"), 1'000'000'000'000'000'000u);
  EXPECT_EQ(bytes("15EiB"), 15ULL << 60);
}

TEST(ParseBytes, IsExactToTheLastByte) {
  EXPECT_EQ(bytes("18446744073709551615"), std::numeric_limits<std::uint64_t>::max());
  EXPECT_EQ(bytes("9007199254740993"), 9'007'199'254'740'993u) << "a double cannot hold it";
  EXPECT_EQ(bytes("0.1GB"), 100'000'000u);
  EXPECT_EQ(bytes("1.100GB"), 1'100'000'000u);
  EXPECT_EQ(bytes("0.000001MB"), 1u);
}

TEST(ParseBytes, RefusesWhatIsNotASizeAndNamesTheText) {
  for (const char* text : {"", " ", "abc", "GiB", "nan", "inf", "0x10", "4 x", "4KiBs", "1.2.3", ".", "4,5k",
                           "+4k", "4kk", "4i", "--4", "4 K i B"}) {
    const auto parsed = parse_bytes(text);
    ASSERT_FALSE(parsed) << text;
    EXPECT_THAT(parsed.error().what, HasSubstr(quoted(text)));
    EXPECT_THAT(parsed.error().hint, HasSubstr("4KiB"));
    EXPECT_EQ(parsed.error().exit, Exit::kUsage);
  }
  EXPECT_THAT(parse_bytes("-4k").error().what, HasSubstr("negative"));
  EXPECT_THAT(parse_bytes("4Mb").error().what, HasSubstr("bit"));
}

TEST(ParseBytes, RefusesOverflow) {
  for (const char* text :
       {"18446744073709551616", "16EiB", "1e30GB", "1e99999999999999999999",
        "99999999999999999999999999999999999999999999999999999999", "99999999999999999999TB"})
    EXPECT_THAT(parse_bytes(text).error().what, HasSubstr("too large")) << text;
}

TEST(ParseBytes, RefusesAFractionOfAByte) {
  for (const char* text : {"0.5", "1.0001KiB", "0.0001kB", "1e-400", "0.1KiB"})
    EXPECT_THAT(parse_bytes(text).error().what, HasSubstr("whole number of bytes")) << text;
}

TEST(ParseDuration, TakesEveryUnit) {
  EXPECT_EQ(ns("250ns"), 250);
  EXPECT_EQ(ns("200us"), 200'000);
  EXPECT_EQ(ns("200\u00b5s"), 200'000);
  EXPECT_EQ(ns("1.5ms"), 1'500'000);
  EXPECT_EQ(ns("5s"), 5'000'000'000);
  EXPECT_EQ(ns("5 s"), 5'000'000'000);
  EXPECT_EQ(ns("2min"), 120'000'000'000);
  EXPECT_EQ(ns("1h"), 3'600'000'000'000);
  EXPECT_EQ(ns("0s"), 0);
  EXPECT_EQ(ns("0.1234567896s"), 123'456'790);
  EXPECT_EQ(ns("0.1234567894s"), 123'456'789) << "to the nearest nanosecond";
}

TEST(ParseDuration, RefusesABareNumberAndJunk) {
  EXPECT_THAT(parse_duration("5").error().what, HasSubstr("no unit"));
  for (const char* text : {"", "s", "5m", "5 sec", "nan s", "-1s", "1e30h", "0.1ns", "2562048h"}) {
    const auto parsed = parse_duration(text);
    ASSERT_FALSE(parsed) << text;
    EXPECT_THAT(parsed.error().what, HasSubstr(quoted(text)));
    EXPECT_THAT(parsed.error().hint, HasSubstr("200us"));
  }
}

TEST(ParseRate, TakesBytesAndBits) {
  EXPECT_DOUBLE_EQ(rate("40MB/s"), 40e6);
  EXPECT_DOUBLE_EQ(rate("3.1 GB/s"), 3.1e9);
  EXPECT_DOUBLE_EQ(rate("800MiB/s"), 800.0 * 1024 * 1024);
  EXPECT_DOUBLE_EQ(rate("100Gb/s"), 12.5e9);
  EXPECT_DOUBLE_EQ(rate("100Gbit/s"), 12.5e9);
  EXPECT_DOUBLE_EQ(rate("1B/s"), 1);
  EXPECT_DOUBLE_EQ(rate("0.5kB/s"), 500);
}

TEST(ParseRate, RefusesJunkAndRatesThatAreNotPerSecond) {
  EXPECT_THAT(parse_rate("40MB").error().what, HasSubstr("not per second"));
  EXPECT_THAT(parse_rate("1e9999GB/s").error().what, HasSubstr("too large"));
  for (const char* text : {"", "40", "MB/s", "-1MB/s", "nanMB/s", "inf", "40MB/h", "40XB/s"}) {
    const auto parsed = parse_rate(text);
    ASSERT_FALSE(parsed) << text;
    EXPECT_THAT(parsed.error().what, HasSubstr(quoted(text)));
    EXPECT_THAT(parsed.error().hint, HasSubstr("40MB/s"));
  }
}

TEST(ParseCount, TakesSiSuffixes) {
  EXPECT_EQ(parse_count("64").value(), 64u);
  EXPECT_EQ(parse_count("10k").value(), 10'000u);
  EXPECT_EQ(parse_count("1.5M").value(), 1'500'000u);
  EXPECT_EQ(parse_count("18446744073709551615").value(), std::numeric_limits<std::uint64_t>::max());
  for (const char* text : {"", "k", "-3", "1.5", "10ki", "10KiB", "1e30", "ten"})
    EXPECT_FALSE(parse_count(text)) << text;
}

TEST(Messages, StayShortAndPrintableWhateverTheTextWas) {
  const auto parsed = parse_bytes(std::string(100'000, 'x') + "\x1b[31m");
  EXPECT_LT(parsed.error().what.size(), 200u);
  EXPECT_EQ(parse_bytes("\x1b[31m").error().what.find('\x1b'), std::string::npos);
}

TEST(Printing, ShowsThreeSignificantDigitsAndSpellsTheUnit) {
  EXPECT_EQ(to_binary({0}), "0 B");
  EXPECT_EQ(to_binary({4096}), "4 KiB");
  EXPECT_EQ(to_binary({3 << 19}), "1.5 MiB");
  EXPECT_EQ(to_binary({1023 * 1024}), "1023 KiB");
  EXPECT_EQ(to_binary({(1 << 20) - 1}), "1 MiB");
  EXPECT_EQ(to_binary({std::numeric_limits<std::uint64_t>::max()}), "16 EiB");
  EXPECT_EQ(to_si({146'600'628}), "147 MB");
  EXPECT_EQ(to_si({999'600}), "1 MB");
  EXPECT_EQ(to_si({1'000}), "1 kB");
  EXPECT_EQ(to_text(BytesPerSecond{3.18e9}), "3.18 GB/s");
  EXPECT_EQ(to_text(BytesPerSecond{0.0}), "0 B/s");
  EXPECT_EQ(to_text(BytesPerSecond{-2.5e6}), "-2.5 MB/s");
  EXPECT_EQ(to_text(Duration{640'000}), "640 us");
  EXPECT_EQ(to_text(Duration{1'240'000'000}), "1.24 s");
  EXPECT_EQ(to_text(Duration{59'970'000'000}), "1 min");
  EXPECT_EQ(to_text(Duration{5'400'000'000'000}), "1.5 h");
  EXPECT_EQ(to_text(Duration{-1'500}), "-1.5 us");
  EXPECT_EQ(count_to_text(12'345), "12.3 k");
  EXPECT_EQ(count_to_text(7), "7");
  EXPECT_EQ(count_to_text(440'000), "440 k");
  EXPECT_THAT(to_text(BytesPerSecond{std::numeric_limits<double>::quiet_NaN()}), HasSubstr("nan"));
}

TEST(RoundTrip, EveryPowerOfTwoComesBackExactly) {
  for (unsigned bit = 0; bit < 64; ++bit) EXPECT_EQ(bytes(to_binary({1ULL << bit})), 1ULL << bit);
}

TEST(RoundTrip, AnyFigureComesBackToThreeDigits) {
  std::mt19937_64 random(1);
  std::uniform_real_distribution<double> exponent(0, 17.5);
  for (int i = 0; i < 20'000; ++i) {
    const double value = std::pow(10.0, exponent(random));
    EXPECT_NEAR(rate(to_text(BytesPerSecond{value})) / value, 1, 0.0051);
    const auto whole = static_cast<std::uint64_t>(value);
    const auto size = static_cast<double>(whole);
    if (whole >= 1000) {
      EXPECT_NEAR(static_cast<double>(bytes(to_si({whole}))) / size, 1, 0.0051) << to_si({whole});
    }
    const auto time = static_cast<std::int64_t>(value);
    EXPECT_NEAR(static_cast<double>(ns(to_text(Duration{time}))) / size, 1, 0.0051)
        << to_text(Duration{time});
  }
}

}  // namespace
}  // namespace millrace
