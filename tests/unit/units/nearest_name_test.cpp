// SPDX-License-Identifier: Apache-2.0
#include "units/nearest_name.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace millrace {
namespace {

const std::vector<std::string> kProbes{"storage.read", "storage.write", "memory.copy", "ingest.pipeline"};

TEST(EditDistance, CountsEachKindOfEditOnce) {
  EXPECT_EQ(edit_distance("", ""), 0u);
  EXPECT_EQ(edit_distance("", "abc"), 3u);
  EXPECT_EQ(edit_distance("kitten", "sitting"), 3u);
  EXPECT_EQ(edit_distance("read", "raed"), 1u) << "a swap of neighbours is one edit";
  EXPECT_EQ(edit_distance("ca", "abc"), 3u) << "the restricted form never edits a part twice";
  EXPECT_EQ(edit_distance("READ", "read"), 0u);
}

TEST(NearestName, FindsWhatAMistypedNameWasMeantToBe) {
  EXPECT_EQ(nearest_name("storage.raed", kProbes), "storage.read");
  EXPECT_EQ(nearest_name("storag.wirte", kProbes), "storage.write");
  EXPECT_EQ(nearest_name("memory-copy", kProbes), "memory.copy");
  EXPECT_EQ(nearest_name("Storage.Write", kProbes), "storage.write");
}

TEST(NearestName, CompletesABeginning) {
  EXPECT_EQ(nearest_name("ingest", kProbes), "ingest.pipeline");
  EXPECT_EQ(nearest_name("in", kProbes), std::nullopt) << "two letters say too little";
}

TEST(NearestName, SuggestsNothingWhereNothingIsNear) {
  EXPECT_EQ(nearest_name("collective", kProbes), std::nullopt);
  EXPECT_EQ(nearest_name("", kProbes), std::nullopt);
  EXPECT_EQ(nearest_name("x", {}), std::nullopt);
  EXPECT_EQ(nearest_name(std::string(100'000, 's'), kProbes), std::nullopt);
}

TEST(NearestName, TakesTheEarliestOfEquals) {
  const std::vector<std::string> names{"cat", "car"};
  EXPECT_EQ(nearest_name("cab", names), "cat");
}

}  // namespace
}  // namespace millrace
