// SPDX-License-Identifier: Apache-2.0
#include "run/parameters.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "run/peer/agreed_addresses.hpp"

namespace millrace::run {
namespace {

using ::testing::HasSubstr;

ProbeInfo probe() {
  ProbeInfo p{"storage.read", "reads", {}};
  p.parameters = {
      {"path", MILLRACE_PATH, false, "", {}, "where", 0, 0, true},
      {"block-size", MILLRACE_BYTES, false, "4KiB", {}, "", 512, 1 << 20, false},
      {"depth", MILLRACE_COUNT, false, "64", {}, "", 1, 4096, false},
      {"pause", MILLRACE_DURATION, false, "", {}, "", 0, 0, false},
      {"rate", MILLRACE_RATE, false, "", {}, "", 0, 0, false},
      {"mix", MILLRACE_REAL, false, "0.5", {}, "", 0, 1, false},
      {"direct", MILLRACE_FLAG, false, "on", {}, "", 0, 0, false},
      {"pattern", MILLRACE_CHOICE, false, "random", {"random", "sequential"}, "", 0, 0, false},
      {"note", MILLRACE_TEXT, false, "", {}, "", 0, 0, false},
      {"from", MILLRACE_ADDRESS, false, "", {}, "", 0, 0, false},
  };
  return p;
}

std::string value(const char* name, const char* text) {
  const auto read = read_parameters(probe(), {{name, text}});
  return read ? read->at(name) : "refused: " + read.error().what;
}

Error refusal(const std::vector<std::pair<std::string, std::string>>& given, const ProbeInfo& p = probe()) {
  const auto read = read_parameters(p, given);
  EXPECT_FALSE(read);
  return read ? Error{} : read.error();
}

TEST(Parameters, BecomeTheirCanonicalText) {
  EXPECT_EQ(value("block-size", "64KiB"), "65536");
  EXPECT_EQ(value("depth", "1k"), "1000");
  EXPECT_EQ(value("pause", "1.5ms"), "1500000");
  EXPECT_EQ(value("rate", "40MB/s"), "40000000");
  EXPECT_EQ(value("mix", "0.25"), "0.25");
  for (const char* yes : {"on", "true", "yes", "1"}) EXPECT_EQ(value("direct", yes), "1");
  for (const char* no : {"off", "false", "no", "0"}) EXPECT_EQ(value("direct", no), "0");
  EXPECT_EQ(value("pattern", "sequential"), "sequential");
  EXPECT_EQ(value("note", "as --it is"), "as --it is");
  EXPECT_EQ(value("from", "10.0.0.1"), "10.0.0.1");
  EXPECT_EQ(value("from", "FD00:0:0::1"), "fd00::1") << "one spelling, so that addresses can be compared";
  EXPECT_EQ(value("from", "::ffff:10.0.0.1"), "10.0.0.1");
  EXPECT_EQ(value("from", "fe80::1%eth0"), "fe80::1%eth0");
}

TEST(Parameters, ThatAreNotGivenHaveTheirDefaultsInCanonicalForm) {
  const auto read = read_parameters(probe(), {});
  ASSERT_TRUE(read);
  EXPECT_EQ(read->size(), probe().parameters.size());
  EXPECT_EQ(read->at("block-size"), "4096");
  EXPECT_EQ(read->at("direct"), "1");
  EXPECT_EQ(read->at("pause"), "") << "not set";
}

TEST(Parameters, ThatAreUnknownNameTheNearest) {
  const Error error = refusal({{"blocksize", "4KiB"}});
  EXPECT_EQ(error.what, "storage.read has no parameter --blocksize");
  EXPECT_THAT(error.hint, HasSubstr("did you mean --block-size?"));
  EXPECT_EQ(error.exit, Exit::kUsage);
}

TEST(Parameters, OutOfBoundsAreRefusedWithTheBounds) {
  EXPECT_EQ(value("block-size", "512"), "512");
  EXPECT_EQ(value("block-size", "1MiB"), "1048576");
  for (const char* text : {"511", "2MiB"}) {
    const Error error = refusal({{"block-size", text}});
    EXPECT_THAT(error.what, HasSubstr("--block-size of storage.read"));
    EXPECT_THAT(error.hint, HasSubstr("from 512 B to 1 MiB"));
  }
  EXPECT_THAT(refusal({{"mix", "1.01"}}).what, HasSubstr("out of bounds"));
}

TEST(Parameters, ThatArePathsAreRecordedAbsolute) {
  const auto recorded = [](const std::vector<std::pair<std::string, std::string>>& given) {
    return std::get<std::string>(to_record(probe(), read_parameters(probe(), given).value()).at("path"));
  };
  const std::string here = std::filesystem::current_path().string();
  EXPECT_EQ(recorded({{"path", "."}}), here);
  EXPECT_EQ(recorded({{"path", "a/../b/"}, {"path", "/data//x"}}), here + "/b:/data/x");
  EXPECT_EQ(recorded({{"path", "/"}}), "/");
}

TEST(Parameters, ThatTheirKindCannotBeAreRefused) {
  for (const auto& [name, text] : std::vector<std::pair<std::string, std::string>>{{"block-size", "many"},
                                                                                   {"depth", "4.5"},
                                                                                   {"pause", "5"},
                                                                                   {"rate", "40MB"},
                                                                                   {"mix", "nan"},
                                                                                   {"mix", "half"},
                                                                                   {"direct", "maybe"},
                                                                                   {"pattern", "randon"},
                                                                                   {"path", ""}})
    EXPECT_THAT(refusal({{name, text}}).what, HasSubstr("--" + name)) << text;
  EXPECT_THAT(refusal({{"pattern", "randon"}}).hint, HasSubstr("did you mean 'random'?"));
}

TEST(Parameters, ThatAreAddressesNameOneOfOneHost) {
  for (const char* text : {"node2", "", "10.0.0", "10.0.0.1:80", "10.0.0.0/8", "[::1]"})
    EXPECT_THAT(refusal({{"from", text}}).what, HasSubstr("is no numeric IP address")) << text;
  for (const char* text : {"0.0.0.0", "::", "::%eth0", "::ffff:0.0.0.0", "0::0"})
    EXPECT_THAT(refusal({{"from", text}}).what, HasSubstr("is every address of a host")) << text;
  for (const char* text : {"224.0.0.1", "255.255.255.255", "ff02::1", "::ffff:239.1.1.1"})
    EXPECT_THAT(refusal({{"from", text}}).what, HasSubstr("is the address of many hosts")) << text;
}

TEST(Parameters, ThatAreAddressesAreThoseThatWereAgreedOn) {
  const auto checked = [](const char* text, const std::vector<std::string>& agreed) {
    return peer::check_addresses(probe(), read_parameters(probe(), {{"from", text}}).value(), agreed);
  };
  EXPECT_TRUE(checked("10.0.0.1", {"10.0.0.2", "10.0.0.1"}));
  EXPECT_TRUE(checked("fd00::1", {"fd00:0::1"}));
  EXPECT_TRUE(checked("fe80::1%eth0", {"fe80::1%eth3"})) << "the interface is each host's own";
  EXPECT_TRUE(peer::check_addresses(probe(), read_parameters(probe(), {}).value(), {})) << "none is named";
  const auto refused = checked("192.168.99.1", {"10.0.0.1", "10.0.0.2"});
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().what, HasSubstr("--from 192.168.99.1 is neither"));
  EXPECT_THAT(refused.error().hint, HasSubstr("--allow-address 192.168.99.1"));
  EXPECT_FALSE(checked("10.0.0.11", {"10.0.0.1"}));
  EXPECT_FALSE(checked("10.0.0.1", {"", "node2"}));
}

TEST(Parameters, GivenTwiceAreRefusedUnlessTheyRepeat) {
  EXPECT_THAT(refusal({{"depth", "1"}, {"depth", "2"}}).what, HasSubstr("--depth is given twice"));
  const auto read = read_parameters(probe(), {{"path", "/a"}, {"path", "/b"}});
  ASSERT_TRUE(read);
  EXPECT_EQ(read->at("path"), "/a:/b");
  EXPECT_THAT(refusal({{"path", "/a:b"}}).what, HasSubstr("':'")) << "it would read as two";
}

TEST(Parameters, ThatMustBeGivenAreAskedFor) {
  ProbeInfo p = probe();
  p.parameters[2].required = true;
  EXPECT_THAT(refusal({}, p).what, HasSubstr("needs --depth"));
}

TEST(Parameters, AreRecordedInUnitsOfTheDocument) {
  const auto read = read_parameters(probe(), {{"pause", "1.5ms"}, {"rate", "40MB/s"}, {"direct", "off"}});
  ASSERT_TRUE(read);
  const auto record = to_record(probe(), *read);
  EXPECT_EQ(std::get<std::int64_t>(record.at("block-size")), 4096);
  EXPECT_DOUBLE_EQ(std::get<double>(record.at("pause")), 0.0015);
  EXPECT_DOUBLE_EQ(std::get<double>(record.at("rate")), 4e7);
  EXPECT_FALSE(std::get<bool>(record.at("direct")));
  EXPECT_FALSE(record.contains("note")) << "unset ones are left out";
}

TEST(Parameters, ThatWorkersResolvedStandInTheRecordByTheirKind) {
  auto record = to_record(probe(), read_parameters(probe(), {}).value());
  add_resolved(probe(), "depth", {"128"}, record);
  add_resolved(probe(), "note", {"rxe0:1", "rxe1:1"}, record);
  add_resolved(probe(), "gid", {"10.0.0.1"}, record);
  EXPECT_EQ(std::get<std::int64_t>(record.at("depth")), 128);
  EXPECT_EQ(std::get<std::string>(record.at("note")), "rxe0:1, rxe1:1") << "all that differ";
  EXPECT_EQ(std::get<std::string>(record.at("gid")), "10.0.0.1") << "no parameter of its own";
}

}  // namespace
}  // namespace millrace::run
