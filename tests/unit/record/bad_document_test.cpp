// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>

#include "sample.hpp"

namespace millrace::record {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;

std::string with(std::string text, const std::string& from, const std::string& to) {
  const auto at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return at == std::string::npos ? text : text.replace(at, from.size(), to);
}

std::string fault_of(const std::string& json) {
  const auto read = parse_document(json, "r.json");
  return read ? "" : read.error().what;
}

// The message for the full document with one passage replaced.
std::string fault_with(const std::string& from, const std::string& to) {
  return fault_of(with(to_json(full_document()), from, to));
}

TEST(BadDocument, ATypeThatIsWrongIsNamedByItsPointer) {
  EXPECT_EQ(fault_with("\"mean\": 3250000000.0", "\"mean\": \"fast\""),
            "r.json: /measurements/0/throughput_bytes_per_s/mean: wants a number, but is a string");
  EXPECT_EQ(fault_with("\"mean\": 3250000000.0", "\"mean\": null"),
            "r.json: /measurements/0/throughput_bytes_per_s/mean: wants a number, but is null");
  EXPECT_EQ(fault_with("\"findings\": [", "\"findings\": 4, \"x\": ["),
            "r.json: /findings: wants an array, but is the number 4");
}

TEST(BadDocument, SlashesInAKeyAreEscapedInThePointer) {
  EXPECT_THAT(fault_with("\"queue/depth~1\": {\"count\": 1", "\"queue/depth~1\": {\"count\": -1"),
              HasSubstr("/measurements/0/metrics/queue~1depth~01/count: wants a whole number from 0"));
}

TEST(BadDocument, AMissingKeyIsNamed) {
  EXPECT_EQ(fault_with("\"probe\": \"ingest.pipeline\",", ""),
            "r.json: /measurements/0: the key \"probe\" is missing");
  EXPECT_EQ(fault_with("\"predicted\"", "\"pre\""),
            "r.json: /diagnoses/0/step_s: the key \"predicted\" is missing");
}

TEST(BadDocument, AMissingKeyOfTheWholeDocumentHasAPlaceToo) {
  EXPECT_EQ(fault_of("{\"schema\":\"millrace.result/1\"}"),
            "r.json: at the top level: the key \"tool\" is missing");
}

TEST(BadDocument, ANewerVersionSaysToUpgrade) {
  const auto read = parse_document(with(to_json(full_document()), "result/1", "result/2"), "r.json");
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().what,
            "r.json: /schema: is millrace.result/2, and this millrace reads millrace.result/1");
  EXPECT_THAT(read.error().hint, HasSubstr("newer"));
  EXPECT_EQ(read.error().exit, Exit::kUsage);
}

TEST(BadDocument, WhatIsNoMillraceDocumentIsSaidSo) {
  EXPECT_EQ(fault_of("{}"), "r.json: at the top level: has no \"schema\": it is no Millrace document");
  EXPECT_EQ(fault_of("{\"schema\": 1}"),
            "r.json: at the top level: has no \"schema\": it is no Millrace document");
  EXPECT_EQ(fault_of("[1]"), "r.json: at the top level: wants an object, but is an array");
  EXPECT_EQ(fault_of("{\"schema\": \"fio\"}"),
            "r.json: /schema: \"fio\" is not millrace.result/1 or millrace.topology/1");
  EXPECT_EQ(fault_of(""), "r.json: is empty");
}

TEST(BadDocument, ATruncatedOneIsNamedWithItsPositionAndTheWayOut) {
  const std::string whole = to_json(full_document());
  const std::string json = whole.substr(0, whole.find("\"measurements\"") + 20);
  const auto read = parse_document(json, "r.json");
  ASSERT_FALSE(read);
  const auto lines = 1 + std::count(json.begin(), json.end(), '\n');
  EXPECT_THAT(read.error().what, StartsWith("r.json:" + std::to_string(lines) + ":"));
  EXPECT_THAT(read.error().what, HasSubstr("unexpected end of input"));
  EXPECT_THAT(read.error().hint, HasSubstr("cut off"));
}

TEST(BadDocument, ASyntaxErrorIsNamedWithLineColumnAndByte) {
  EXPECT_THAT(fault_of("{\n  \"schema\": tru\n}"), StartsWith("r.json:2:16 (byte 17): "));
  EXPECT_THAT(fault_of("{\n  \"schema\" 5}"), StartsWith("r.json:2:12 (byte 13): "));
}

TEST(BadDocument, NumbersOutOfRangeAreRefused) {
  EXPECT_THAT(fault_with("\"mean\": 3250000000.0", "\"mean\": 1e999"), HasSubstr("number overflow"));
  EXPECT_THAT(fault_with("\"bytes\": [1,", "\"bytes\": [18446744073709551616,"),
              HasSubstr("the integer 18446744073709551616 does not fit in 64 bits"));
  EXPECT_THAT(
      fault_with("\"bytes\": [1,", "\"bytes\": [-1,"),
      HasSubstr(
          "/measurements/0/slices/bytes/0: wants a whole number from 0 to 2^64 - 1, but is the number -1"));
  EXPECT_THAT(fault_with("\"bytes\": [1,", "\"bytes\": [1.5,"),
              HasSubstr("/measurements/0/slices/bytes/0: wants a whole"));
  EXPECT_THAT(fault_with("\"rank\": 1,", "\"rank\": 2147483648,"),
              HasSubstr("/participants/0/rank: wants a whole number"));
  EXPECT_THAT(fault_with("\"rank\": 1,", "\"rank\": -1,"),
              HasSubstr("/participants/0/rank: wants a whole number"));
  EXPECT_THAT(fault_with("\"begin_ns\": -5", "\"begin_ns\": 9223372036854775808"),
              HasSubstr("/repeats/0/begin_ns"));
}

TEST(BadDocument, RulesInsideAStructAreChecked) {
  EXPECT_THAT(fault_with("\"mean\": 3250000000.0", "\"mean\": -1"),
              HasSubstr("a mean rate of -1 is below 0"));
  EXPECT_THAT(fault_with("\"ci95_low\": 3100000000.0", "\"ci95_low\": 9e9"),
              HasSubstr("ci95_low is above ci95_high"));
  EXPECT_THAT(fault_with("[300, ", "[0, "), HasSubstr("bucket 0 does not come after bucket 0"));
  EXPECT_THAT(fault_with("[4607, 2]", "[4608, 2]"), HasSubstr("bucket 4608 is beyond the last, 4607"));
  EXPECT_THAT(fault_with("[4607, 2]", "[4607]"), HasSubstr("/buckets/2: wants [index, count]"));
  EXPECT_THAT(fault_with("\"sub_bits\": 7", "\"sub_bits\": 8"), HasSubstr("sub_bits is 8"));
  EXPECT_THAT(fault_with("\"operations\": [4, 5, 6]", "\"operations\": [4, 5]"),
              HasSubstr("3 slices of bytes, but 2"));
  EXPECT_THAT(fault_with("\"period_s\": 0.01", "\"period_s\": 0"), HasSubstr("a period of 0 s"));
  EXPECT_THAT(fault_with("\"accelerators\": 8", "\"accelerators\": 0"), HasSubstr("0 accelerators"));
  EXPECT_THAT(fault_with("\"status\": \"failed\"", "\"status\": \"fine\""),
              HasSubstr("/measurements/0/status: \"fine\" is none of: ok, failed, skipped"));
  EXPECT_THAT(fault_with("\"verdict\": \"starved\"", "\"verdict\": \"bad\""),
              HasSubstr("/diagnoses/0/verdict"));
}

TEST(BadDocument, MoreThanAThousandSlicesAreRefused) {
  std::string many = "\"bytes\": [0";
  for (int i = 0; i < 1000; ++i) many += ",0";
  EXPECT_THAT(fault_with("\"bytes\": [1,", many + ","), HasSubstr("/slices: more than 1000 slices"));
}

class References : public testing::Test {
 protected:
  References() { document.complete = true; }
  std::string fault() { return fault_of(to_json(document)); }
  Document document = full_document();
};

TEST_F(References, AllOfThemExistInTheFullDocument) { EXPECT_EQ(fault(), ""); }

TEST_F(References, IdsThatAreThereTwiceAreRefused) {
  document.measurements[1].id = "m1";
  EXPECT_EQ(fault(), "r.json: /measurements/1/id: the measurement \"m1\" is there twice");
  document = full_document();
  document.topology.resources[1].id = "drive:vda:read";
  EXPECT_EQ(fault(), "r.json: /topology/resources/1/id: the resource \"drive:vda:read\" is there twice");
}

TEST_F(References, AnEndpointOrResourceThatIsNotThereIsNamed) {
  document.measurements[0].path[1].resource = "pcie:9";
  EXPECT_EQ(fault(), "r.json: /measurements/0/path/1/resource: no resource has the id \"pcie:9\"");
  document.measurements[0].path[1].resource = "cpu:read";  // one of its own stages
  EXPECT_EQ(fault(), "");
  document.measurements[0].to = "gpu:7";
  EXPECT_EQ(fault(), "r.json: /measurements/0/to: no endpoint has the id \"gpu:7\"");
  document = full_document();
  document.topology.links[0].from = "nowhere";
  EXPECT_EQ(fault(), "r.json: /topology/links/0/from: no endpoint has the id \"nowhere\"");
  document = full_document();
  document.topology.endpoints[1].host = 1;
  EXPECT_EQ(fault(), "r.json: /topology/endpoints/1/host: host 1 is not one of the 1 in /hosts");
}

TEST_F(References, AMeasurementThatIsNotThereIsNamed) {
  document.measurements[0].concurrent_with = {"m9"};
  EXPECT_EQ(fault(), "r.json: /measurements/0/concurrent_with/0: no measurement has the id \"m9\"");
  document.measurements[0].concurrent_with.clear();
  document.diagnoses[0].ranking[0].evidence = {"m1", "m9"};
  EXPECT_EQ(fault(), "r.json: /diagnoses/0/ranking/0/evidence/1: no measurement has the id \"m9\"");
  document.diagnoses[0].ranking[0].evidence.clear();
  document.interference[0].aggressor = "m9";
  EXPECT_EQ(fault(), "r.json: /interference/0/aggressor: no measurement has the id \"m9\"");
}

TEST_F(References, AnIncompleteDocumentMayNameMeasurementsThatTheRunNeverReached) {
  document.measurements[0].concurrent_with = {"m9"};
  document.complete = false;
  EXPECT_EQ(fault(), "");
}

TEST(ForwardCompatible, KeysThatThisVersionDoesNotKnowAreIgnored) {
  const std::string json =
      with(to_json(full_document()), "\"tool\": {", "\"new\": [1, {\"a\": 2}], \"tool\": {\"build\": 7, ");
  const auto read = parse_document(json, "r.json");
  ASSERT_TRUE(read) << read.error().what;
  EXPECT_EQ(read->measurements, full_document().measurements);
}

TEST(ForwardCompatible, KeysMayStandInAnyOrder) {
  std::string json = with(to_json(full_document()), "\"complete\": false", "\"z\": 0");
  json = with(json, "\"schema\":", "\"complete\": false, \"schema\":");
  json = with(json, "\"id\": \"m1\",", "");
  json = with(json, "\"hint\": \"see its log\",", "\"hint\": \"see its log\", \"id\": \"m1\",");
  const auto read = parse_document(json, "r.json");
  ASSERT_TRUE(read) << read.error().what;
  EXPECT_EQ(read->measurements, full_document().measurements);
  EXPECT_FALSE(read->complete);
}

std::string nested(int levels) {  // the document is level 1
  return "{\"schema\": \"millrace.result/1\", \"deep\": " +
         std::string(static_cast<std::size_t>(levels - 1), '[') + "0" +
         std::string(static_cast<std::size_t>(levels - 1), ']') + "," +
         to_json(Document{}).substr(to_json(Document{}).find("\"tool\""));
}

TEST(BadDocument, NestingBeyond64LevelsIsRefusedWhereItBegins) {
  EXPECT_EQ(fault_of(nested(64)), "");
  EXPECT_EQ(fault_of(nested(65)), "r.json:1:104 (byte 103): nested deeper than 64 levels");
  EXPECT_THAT(fault_of(std::string(5'000'000, '[')), HasSubstr("nested deeper than 64 levels"));
  EXPECT_THAT(fault_of(nested(100'000)), HasSubstr("nested deeper than 64 levels"));
}

TEST(BadDocument, BytesThatAreNotUtf8AreRefused) {
  EXPECT_THAT(fault_with("see its log", "see \xff log"), AllOf(StartsWith("r.json:"), HasSubstr("UTF-8")));
}

TEST(BadDocument, AByteOrderMarkIsPassedOver) {
  EXPECT_EQ(fault_of("\xEF\xBB\xBF" + to_json(full_document())), "");
}

TEST(BadFile, OneThatIsMissingOrAFolderIsNamed) {
  const TemporaryFolder folder;
  const auto missing = read_document(folder / "no.json");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().what, (folder / "no.json").native() + ": No such file or directory");
  const auto directory = read_document(folder.path());
  ASSERT_FALSE(directory);
  EXPECT_EQ(directory.error().what, folder.path().native() + ": is a folder");
}

TEST(BadFile, AnEndlessDeviceAndAPipeAreRefusedUnread) {
  EXPECT_EQ(read_document("/dev/zero").error().what, "/dev/zero: is not a regular file");
  const TemporaryFolder folder;
  ASSERT_EQ(mkfifo((folder / "pipe").c_str(), 0600), 0);
  EXPECT_EQ(read_document(folder / "pipe").error().what,
            (folder / "pipe").native() + ": is not a regular file");
}

TEST(BadFile, OneOfMoreThan4GiBIsRefusedUnread) {
  const TemporaryFolder folder;
  put_content(folder / "huge.json", "{");
  std::filesystem::resize_file(folder / "huge.json", (std::uintmax_t{4} << 30) + 1);
  const auto read = read_document(folder / "huge.json");
  ASSERT_FALSE(read);
  EXPECT_THAT(read.error().what, HasSubstr("4294967297 bytes are more than the 4 GiB"));
}

TEST(BadFile, AnEmptyOneIsSaidToBeEmpty) {
  const TemporaryFolder folder;
  put_content(folder / "empty.json", "");
  EXPECT_EQ(read_document(folder / "empty.json").error().what,
            (folder / "empty.json").native() + ": is empty");
}

TEST(BadFile, ADocumentIsReadFromItsFile) {
  const TemporaryFolder folder;
  ASSERT_TRUE(write_document(full_document(), folder / "r.json"));
  const auto read = read_document(folder / "r.json");
  ASSERT_TRUE(read) << read.error().what;
  EXPECT_EQ(read->measurements, full_document().measurements);
}

}  // namespace
}  // namespace millrace::record
