// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "report/terminal.hpp"

namespace millrace::report {
namespace {

record::Diagnosis judged() {
  record::Diagnosis d;
  d.workload = std::string("toy-x1");
  d.accelerator = std::string("x1");
  // Appended by several hands, in any order.
  d.explanation = {{"demand", "what one takes", "1 GB ÷ 0.5 s = 2 GB/s", {}},
                   {"relief", "faster", "1 GB/s × 2 = 2 GB/s", {}},
                   {"capacity", "reading from vda: 1 GB/s measured", "", {"m1"}},
                   {"capacity", "the mean of the 2 repeats of m1", "(0.9 + 1.1) GB/s ÷ 2 = 1 GB/s", {"m1"}},
                   {"utilization", "reading from vda", "2 GB/s ÷ 1 GB/s = 200 %", {"m1"}},
                   {"demand", "what two take", "2 × 2 GB/s = 4 GB/s", {}}};
  return d;
}

TEST(ExplainText, PartsStandTogetherInTheOrderOfTheSumEachUnderItsHeading) {
  record::Document document;
  document.measurements.resize(1);
  document.measurements[0].id = std::string("m1");
  document.measurements[0].probe = std::string("storage.read");
  document.measurements[0].label = std::string("toy");
  document.measurements[0].repeats.resize(2);
  EXPECT_EQ(explain_text(document, judged(), {false, 100}),
            "How toy on 1 × X1 was judged\n"
            "  What is needed\n"
            "    what one takes\n"
            "        1 GB ÷ 0.5 s = 2 GB/s\n"
            "    what two take\n"
            "        2 × 2 GB/s = 4 GB/s\n"
            "  What each hop carries\n"
            "    reading from vda: 1 GB/s measured (from m1 storage.read toy, 2 repeats)\n"
            "    the mean of the 2 repeats of m1\n"
            "        (0.9 + 1.1) GB/s ÷ 2 = 1 GB/s\n"
            "  How much of it is used\n"
            "    reading from vda (m1)\n"
            "        2 GB/s ÷ 1 GB/s = 200 %\n"
            "  What mending gives\n"
            "    faster\n"
            "        1 GB/s × 2 = 2 GB/s\n");
}

TEST(ExplainText, ADocumentWithoutASumSaysHowToGetOne) {
  record::Diagnosis d = judged();
  d.explanation.clear();
  EXPECT_NE(explain_text({}, d, {false, 100}).find("diagnose it anew"), std::string::npos);
}

}  // namespace
}  // namespace millrace::report
