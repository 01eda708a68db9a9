// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "report/terminal.hpp"

namespace millrace::report {
namespace {

void add(record::Document& document, const std::string& probe, const std::vector<std::string>& beside = {}) {
  record::Measurement& m = document.measurements.emplace_back();
  m.id = std::string("m").append(std::to_string(document.measurements.size()));
  m.probe = probe;
  m.concurrent_with = beside;
}

TEST(InterferenceText, TwoAreTwoSentences) {
  record::Document document;
  add(document, "storage.read", {"m2"});
  add(document, "storage.write", {"m1"});
  document.interference = {{"m1", "m2", 0.62, 3, 0.0012}, {"m2", "m1", 0.9, 0.5, -0.0005}};
  EXPECT_EQ(interference_text(document, {false, 100}),
            "Together\n"
            "  storage.read beside storage.write keeps 62 %, p99 +1.2 ms\n"
            "  storage.write beside storage.read keeps 90 %, p99 −500 us\n");
}

TEST(InterferenceText, MoreAreAMatrixOfVictimsAndAggressors) {
  record::Document document;
  add(document, "storage.read", {"m2"});
  add(document, "storage.write", {"m1"});
  add(document, "storage.read", {"m4"});
  add(document, "memory.copy", {"m3"});
  document.interference = {{"m1", "m2", 0.62, 3, 0.0012},
                           {"m2", "m1", 0.9, 0.5, {}},
                           {"m3", "m4", 0.97, 1, {}},
                           {"m4", "m3", 1, 1, {}}};
  EXPECT_EQ(interference_text(document, {false, 100}),
            "Together\n"
            "  keeps of its rate alone  beside 1           beside 2  beside 3\n"
            "  1 storage.read                  –  62 %, p99 +1.2 ms      97 %\n"
            "  2 storage.write              90 %                  –         –\n"
            "  3 memory.copy               100 %                  –         –\n");
}

TEST(InterferenceText, WhatACrowdDidIsMarked) {
  record::Document document;
  add(document, "a", {"m2", "m3"});
  add(document, "b", {"m1", "m3"});
  add(document, "c", {"m1", "m2"});
  document.interference = {{"m1", "m2", 0.5, 1, {}}, {"m1", "m3", 0.5, 1, {}}};
  const std::string text = interference_text(document, {false, 100});
  EXPECT_NE(text.find("50 % *"), std::string::npos) << text;
  EXPECT_NE(text.find("* beside others as well"), std::string::npos) << text;
}

TEST(InterferenceText, MoreThanATableHoldsAreTheWorstOfThem) {
  record::Document document;
  for (int i = 0; i < 40; ++i) {
    add(document, "probe" + std::to_string(i), {"m" + std::to_string(i % 2 == 0 ? i + 2 : i)});
    document.interference.push_back(
        {"m" + std::to_string(i + 1), "m" + std::to_string(i % 2 == 0 ? i + 2 : i), 0.5 + 0.01 * i, 1, {}});
  }
  const std::string text = interference_text(document, {false, 100});
  EXPECT_NE(text.find("40 ran together"), std::string::npos) << text;
  EXPECT_NE(text.find("probe0 beside probe1 keeps 50 %"), std::string::npos) << text;
  EXPECT_EQ(text.find("probe20 "), std::string::npos) << text;
}

TEST(InterferenceText, NothingTogetherIsNothing) { EXPECT_EQ(interference_text({}, {false, 100}), ""); }

TEST(CapacitiesText, AClassSaysWhatWouldSplitIt) {
  record::Document document;
  document.capacities = {{{"drive:a", "link:a"},
                          "storage.read",
                          3e9,
                          2.9e9,
                          3.1e9,
                          {},
                          "",
                          true,
                          {"m1"},
                          "from storage:b to memory:0"},
                         {{"uplink"}, "any", 5e9, {}, {}, 8e9, "PCIe", false, {"m1", "m2"}, ""}};
  EXPECT_EQ(capacities_text(document, {false, 120}),
            "What resources carry\n"
            "  resource             operation  carried       95 % in    limit      seen     from\n"
            "  drive:a + link:a  storage.read   3 GB/s  2.9–3.1 GB/s  unknown      full       m1\n"
            "  uplink                     any   5 GB/s             –   8 GB/s  at least  m1 + m2\n"
            "  - drive:a and link:a cannot be told apart: a measurement from storage:b to memory:0 would "
            "split them\n");
}

}  // namespace
}  // namespace millrace::report
