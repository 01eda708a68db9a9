// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "fabric/generate.hpp"

namespace millrace::fabric {
namespace {

using testing::HasSubstr;

Fabric sample() {
  FatTree wish;
  wish.hosts = 600;
  wish.rails = 8;
  wish.oversubscription = 2;
  wish.drive_read = 28e9;
  Fabric fabric = fat_tree(wish).value();
  fabric.overrides = {{Kind::kLeafUp, 3, 7, 25e9, {}, "half rate"},
                      {Kind::kNicDown, 17, 17, {}, Measured{40e9, 39e9, 41e9}, "rdma.write m3"}};
  return fabric;
}

std::string changed(const std::string& from, const std::string& to) {
  std::string text = to_json(sample());
  const auto at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

void expect_refused(const std::string& json, const std::string& what) {
  const auto refused = parse_fabric(json, "f.json");
  ASSERT_FALSE(refused) << what;
  EXPECT_THAT(refused.error().what, HasSubstr(what));
  EXPECT_THAT(refused.error().what, HasSubstr("f.json"));
  EXPECT_EQ(refused.error().exit, Exit::kUsage);
}

TEST(ReadFabric, WhatIsWrittenIsReadAsItWas) {
  const std::string json = to_json(sample());
  const auto again = parse_fabric(json, "f.json");
  ASSERT_TRUE(again) << again.error().what;
  EXPECT_EQ(to_json(*again), json);
  EXPECT_EQ(again->overrides.at(1).measured, (Measured{40e9, 39e9, 41e9}));
  EXPECT_EQ(again->levels(), 3);
}

TEST(ReadFabric, ANetworkOfStoragesOwnIsReadAsItWasAndJudgedAsTheOther) {
  FatTree wish;
  wish.hosts = 3000;
  wish.storage_nics = 2;
  wish.radix = 64;
  Fabric fabric = fat_tree(wish).value();
  fabric.overrides = {{Kind::kStorageNicDown, 5999, 5999, 25e9, {}, "trained down"}};
  const std::string json = to_json(fabric);
  const auto again = parse_fabric(json, "f.json");
  ASSERT_TRUE(again) << again.error().what;
  EXPECT_EQ(to_json(*again), json);
  ASSERT_NE(again->storage_network(), nullptr);
  EXPECT_EQ(again->storage_network()->levels(), 3);

  const auto refused = [&](const auto& change, const std::string& what) {
    Fabric wrong = fabric;
    change(wrong, *wrong.storage->network);
    expect_refused(to_json(wrong), what);
  };
  refused([](Fabric&, StorageNetwork& own) { own.core.reset(); }, "/storage/network");
  refused([](Fabric&, StorageNetwork& own) { own.leaf.uplinks = 0; }, "/storage/network/leaf/uplinks");
  refused([](Fabric&, StorageNetwork& own) { own.spine->uplinks = 0; }, "/storage/network/spine/uplinks");
  refused([](Fabric&, StorageNetwork& own) { own.nics_per_host = 65; }, "/storage/network/nics_per_host");
  refused([](Fabric& f, StorageNetwork&) { f.overrides.front().last = 6000; }, "storage-nic-down");
  refused(
      [](Fabric& f, StorageNetwork& own) {  // core switches of the other network are none of this one
        own.leaf.hosts = 3000;
        own.spine.reset();
        own.core.reset();
        f.overrides.clear();
      },
      "/storage/attached_to");
}

TEST(ReadFabric, KindsOfHostsMayHaveOtherNumbersOfGpusAndNics) {
  Fabric fabric = sample();
  fabric.kinds.push_back({"inference", 20, {}, 32e9, 25e9, {}, {}});
  fabric.kinds.back().gpus = 4;
  fabric.kinds.back().nics = 8;
  fabric.kinds.push_back({"more of these", 10, {}, 32e9, 25e9, {}, {}, {}, 4, 8});
  const std::string json = to_json(fabric);
  const auto again = parse_fabric(json, "f.json");
  ASSERT_TRUE(again) << again.error().what;
  EXPECT_EQ(to_json(*again), json);
  EXPECT_EQ(again->count(Kind::kPcieIn), 600 * 8 + 30 * 4);
  EXPECT_EQ(again->count(Kind::kNicUp), 630 * 8);
  ASSERT_EQ(again->alike_hosts().size(), 2U);
  const AlikeHosts alike = again->alike_at(615);
  EXPECT_EQ(alike.first_host, 600);
  EXPECT_EQ(alike.hosts, 30);
  EXPECT_EQ(alike.first_gpu, 4800);
  EXPECT_EQ(alike.first_nic, 4800);
  fabric.kinds[1].nics = 6;
  expect_refused(to_json(fabric), "/hosts/1/nics_per_host");
  fabric.kinds[1].nics = 4;  // of 8 rails
  expect_refused(to_json(fabric), "does not divide the 4 NICs of a host of kind 'inference'");
}

TEST(ReadFabric, WhatIsWrongIsToldWithItsPlace) {
  expect_refused("", "is empty");
  expect_refused("[]", "top level");
  expect_refused("{\"schema\": ", "f.json:1:");
  expect_refused(changed("fabric/1", "fabric/2"), "/schema");
  expect_refused(changed("\"count\": 600", "\"count\": 0"), "/hosts/0/count");
  expect_refused(changed("\"count\": 600", "\"count\": \"all\""), "/hosts/0/count");
  expect_refused(changed("\"nic_bytes_per_s\"", "\"nic_gbit_per_s\""), "nic_gbit_per_s");
  expect_refused(changed("\"hosts_per_leaf\"", "\"hosts_per_leave\""), "hosts_per_leaf is missing");
  expect_refused(changed("\"leaf-up\"", "\"leaf-op\""), "'leaf-op' is unknown");
  expect_refused(changed("\"first\": 3", "\"first\": 3.5"), "/overrides/0/first");
  expect_refused(changed("\"first\": 3", "\"first\": -1"), "/overrides/0/first");
  expect_refused(changed("\"last\": 17", "\"last\": 99999999"), "/overrides/1");
  expect_refused(changed("\"last\": 7", "\"last\": 2"), "/overrides/0");
  expect_refused(changed("\"mean\": 40000000000.0", "\"mean\": 4e11"),
                 "/overrides/1/measured_bytes_per_s/mean");
  expect_refused(changed("\"rails\": 8", "\"rails\": 3"), "/network/rails");
  expect_refused(changed("\"attached_to\": \"core\"", "\"attached_to\": \"roof\""), "/storage/attached_to");
  expect_refused(changed("\"gpus_per_host\": 8", "\"gpus_per_host\": 3"), "/nics_per_host");
}

TEST(ReadFabric, TiersThatDoNotJoinAllHostsAreRefused) {
  expect_refused(
      R"({"schema":"millrace.fabric/1","gpus_per_host":1,"nics_per_host":1,"hosts":[{"kind":"h","count":9}],)"
      R"("network":{"hosts_per_leaf":4}})",
      "no spine");
  expect_refused(
      R"({"schema":"millrace.fabric/1","gpus_per_host":1,"nics_per_host":1,"hosts":[{"kind":"h","count":9}],)"
      R"("network":{"hosts_per_leaf":4,"leaf":{"uplinks":2},"spine":{"groups_per_pod":1,"switches_per_pod":1}}})",
      "no core");
  expect_refused(
      R"({"schema":"millrace.fabric/1","gpus_per_host":64,"nics_per_host":64,"hosts":[{"kind":"h","count":1000000}],)"
      R"("network":{"hosts_per_leaf":1000000}})",
      "more than");
}

TEST(ReadFabric, AnOverrideThatOverridesNothingIsRefused) {
  Fabric fabric = sample();
  fabric.overrides = {{Kind::kDriveRead, 0, 0, 1e9, {}, {}}};
  expect_refused(to_json(fabric), "names drive-read, and this fabric has none");
  fabric.overrides = {{Kind::kNicUp, 0, 0, {}, {}, {}}};
  expect_refused(to_json(fabric), "gives neither");
}

// Whatever is cut, doubled or overwritten: an answer, never a crash.
TEST(ReadFabric, NoMutationCrashesTheReader) {
  const std::string good = to_json(sample());
  std::mt19937_64 random(1);
  const auto below = [&](std::size_t limit) {
    return std::uniform_int_distribution<std::size_t>(0, limit - 1)(random);
  };
  int refused = 0;
  for (int i = 0; i < 3000; ++i) {
    std::string bad = good;
    for (std::size_t changes = 1 + below(3); changes > 0; --changes) {
      const std::size_t at = below(bad.size());
      switch (below(4)) {
        case 0:
          bad.resize(at + 1);
          break;
        case 1:
          bad[at] = static_cast<char>(below(256));
          break;
        case 2:
          bad.erase(at, 1 + below(40));
          break;
        default:
          bad.insert(at, bad.substr(below(bad.size()), below(40)));
      }
    }
    refused += parse_fabric(bad, "f.json").has_value() ? 0 : 1;
  }
  EXPECT_GT(refused, 1500);
}

}  // namespace
}  // namespace millrace::fabric
