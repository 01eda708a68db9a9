// SPDX-License-Identifier: Apache-2.0
#include "report/latency_text.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

namespace millrace::report {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr double kUnresolved = std::numeric_limits<double>::quiet_NaN();

record::Diagnosis answer() {
  record::Diagnosis d;
  d.verdict = "fed";
  d.sentence = "In time: soon.";
  d.latency = record::LatencyDiagnosis{0.02,
                                       0.008,
                                       0.0125,
                                       0.017,
                                       {{"network", 0.0003, 0.001, true, "m1 tcp.latency", {"m1"}},
                                        {"detector", 0.004, 0.005, false, "given: assumed", {}}},
                                       ""};
  return d;
}

TEST(LatencyText, ShowsEachPartTheSumTheBoundAndTheBudget) {
  const std::string text = latency_text(answer(), {});
  EXPECT_THAT(text, HasSubstr("IN TIME      In time: soon."));
  EXPECT_THAT(text, HasSubstr("network                    300 us          1 ms  measured: m1 tcp.latency\n"));
  EXPECT_THAT(text, HasSubstr("detector                     4 ms          5 ms  given: assumed\n"));
  EXPECT_THAT(text, HasSubstr("if independent               8 ms       12.5 ms  convolution of the parts\n"));
  EXPECT_THAT(text, HasSubstr("whatever the dependence                   17 ms  bound\n"));
  EXPECT_THAT(text, HasSubstr("budget                                    20 ms\n"));
  EXPECT_THAT(text, Not(HasSubstr(" \n")));
}

TEST(LatencyText, NeverShowsAPercentileThatIsNotResolved) {
  record::Diagnosis d = answer();
  d.verdict = "inconclusive";
  d.latency->parts[0].p99_s = d.latency->p99_s = d.latency->bound_p99_s = kUnresolved;
  const std::string text = latency_text(d, {});
  EXPECT_THAT(text, HasSubstr("INCONCLUSIVE"));
  EXPECT_THAT(text, HasSubstr("network                    300 us  not resolved  measured"));
  EXPECT_THAT(text, HasSubstr("if independent               8 ms  not resolved"));
  EXPECT_THAT(text, Not(HasSubstr("nan")));
}

TEST(LatencyText, OfALoadingShowsTimesAlone) {
  record::Diagnosis d;
  d.verdict = "starved";
  d.sentence = "Too slow.";
  d.latency = record::LatencyDiagnosis{60,
                                       95,
                                       kUnresolved,
                                       kUnresolved,
                                       {{"weights", 80, kUnresolved, true, "16 GB ÷ 200 MB/s", {"m1"}}},
                                       "weights"};
  const std::string text = latency_text(d, {});
  EXPECT_THAT(text, HasSubstr("TOO LATE"));
  EXPECT_THAT(text, HasSubstr("measured: 16 GB ÷ 200 MB/s\n"));
  EXPECT_THAT(text, HasSubstr("in all"));
  EXPECT_THAT(text, Not(HasSubstr("not resolved")));
}

}  // namespace
}  // namespace millrace::report
