// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "report/terminal.hpp"

namespace millrace::report {
namespace {

using testing::HasSubstr;
using testing::Not;

record::Diagnosis starved() {
  record::Diagnosis d;
  d.workload = "toy-x1";
  d.accelerator = "x1";
  d.verdict = "starved";
  d.sentence = "toy on 1 × X1 is starved by storage.";
  d.utilization = 0.5, d.utilization_ci95_low = 0.49, d.utilization_ci95_high = 0.51;
  d.utilization_wanted = 0.9;
  d.step_compute_s = 0.5, d.step_predicted_s = 1;
  d.ranking = {
      {"drive:vda", "storage", "reading from vda (virtio)", 2.0, 2e9, 1e9, 0.98e9, 1.02e9, {}, {"m1"}},
      {"pcie:1:read", "pcie", "PCIe 0000:01:00.0", 0.5, 2e9, {}, {}, {}, 4e9, {}}};
  d.relief = {{"drive:vda", 1.8, "cpu:prep", 0.9}};
  d.measured = {0.47, 0.03, "m4"};
  d.notes = {"host memory stood in"};
  return d;
}

record::Diagnosis fed(const std::string& accelerator) {
  record::Diagnosis d = starved();
  d.workload = "toy-" + accelerator;
  d.accelerator = accelerator;
  d.verdict = "fed";
  d.sentence = "a long sentence that says that it is fed.";
  d.utilization = d.utilization_ci95_low = d.utilization_ci95_high = 1;
  d.ranking[0].utilization = 0.4, d.ranking[1].utilization = 0.1;
  d.relief.clear();
  d.measured.reset();
  return d;
}

TEST(DiagnosesText, SaysWhyThereIsNoInterval) {
  record::Diagnosis d = fed("x1");
  d.verdict = "inconclusive", d.utilization_ci95_low = 0;
  d.ranking[0].available_low.reset(), d.ranking[0].available_high.reset();
  EXPECT_THAT(diagnoses_text({}, {d}, {false, 200}),
              HasSubstr("unknown, at most 100 %, wanted 90 % (no interval: reading from vda (virtio) was "
                        "measured too shortly for one)"));
  d.ranking[0].available_bytes_per_s.reset();
  EXPECT_THAT(diagnoses_text({}, {d}, {false, 200}),
              HasSubstr("(no interval: reading from vda (virtio) was not measured)"));
}

TEST(DiagnosesText, IsThisForOneWorkload) {
  EXPECT_EQ(
      diagnoses_text({}, {starved()}, {false, 100}),
      "toy on 1 accelerator\n"
      "  hop                            measured               95 % in    limit   used\n"
      "  reading from vda (virtio)        1 GB/s  980 MB/s – 1.02 GB/s  unknown  200 %\n"
      "  PCIe 0000:01:00.0          not measured                     –   4 GB/s   50 %\n"
      "  STARVED      toy on 1 × X1 is starved by storage.\n"
      "               utilization 50 %, 95 % in 49–51 %, wanted 90 %\n"
      "               the pipeline itself: 47 % measured where 50 % is predicted, residual +3.0 points\n"
      "\n"
      "Notes\n"
      "  - host memory stood in\n");
}

TEST(DiagnosesText, AcceleratorsOfOneModelShareATable) {
  const std::string text = diagnoses_text({}, {starved(), fed("x2")}, {false, 120});
  EXPECT_THAT(text, HasSubstr("X1 uses  X2 uses"));
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 12);
  EXPECT_THAT(text, HasSubstr("a long sentence that says that it is fed."));
}

TEST(DiagnosesText, ManyThatAreFedTakeOneLineEachAndSharedNotesAreSaidOnce) {
  std::vector<record::Diagnosis> many{starved()};
  for (int i = 2; i < 10; ++i) many.push_back(fed(std::string("x").append(std::to_string(i))));
  many[3].notes.push_back("something of its own");
  const std::string text = diagnoses_text({}, many, {false, 120});
  EXPECT_THAT(text, HasSubstr("toy on 1 × X1 is starved by storage."));
  EXPECT_THAT(text, Not(HasSubstr("a long sentence")));
  EXPECT_THAT(text, HasSubstr("FED          1 × X2: 100 % (all of its 95 % interval), wanted 90 %; reading "
                              "from vda (virtio) is used to 40 "
                              "%.\n"));
  EXPECT_THAT(text, HasSubstr("  - host memory stood in\n"));
  EXPECT_THAT(text, HasSubstr("  - toy-x4: something of its own\n"));
  EXPECT_LT(std::count(text.begin(), text.end(), '\n'), 22);
}

TEST(DiagnosesText, ColoursTheVerdict) {
  EXPECT_THAT(diagnoses_text({}, {starved()}, {true, 100}), HasSubstr("\x1b[31;1mSTARVED"));
  EXPECT_THAT(diagnoses_text({}, {fed("x2")}, {true, 100}), HasSubstr("\x1b[32mFED"));
}

TEST(DiagnosesText, SaysWhereTheStepWaitsWhenThreeRunsTell) {
  record::Document document;
  for (const auto& [source, step] : {std::pair{"device", 0.05}, {"cached", 0.06}, {"cold", 0.1}}) {
    record::Measurement& m = document.measurements.emplace_back();
    m.probe = "ingest.pipeline";
    m.label = "toy-x1";
    m.parameters = {{"source", std::string(source)}};
    m.metrics["step_s"].mean = step;
  }
  EXPECT_THAT(
      diagnoses_text(document, {starved()}, {false, 300}),
      HasSubstr(
          "of its step 40 % waits for storage and 10 % for preparation and copying: highly input-bound"));
}

}  // namespace
}  // namespace millrace::report
