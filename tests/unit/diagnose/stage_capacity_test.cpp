// SPDX-License-Identifier: Apache-2.0
#include "diagnose/stage_capacity.hpp"

#include <gmock/gmock.h>

#include "machine.hpp"

namespace millrace::diagnose {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::Machine;
using testing::toy;

class StageCapacity : public ::testing::Test {
 protected:
  // A run of 1 GB/s over 6 s whose copying thread was at work for half of the time.
  StageCapacity() {
    machine_.stages(1e9, 2e9);
    run().stages[1].cpu_s = 3;
  }
  record::Measurement& run() { return machine_.document.measurements.front(); }
  Capacity copy() {
    notes_.clear();
    return stage_capacity(machine_.document, toy(), run(), run().stages[1], notes_);
  }
  // Another pipeline that moved so much through the same stages.
  record::Measurement& pipeline(const std::string& label, const std::string& source, double rate) {
    const record::Measurement& first = run();
    auto stages = first.stages;
    const auto device = first.device;
    record::Measurement& m = machine_.add("ingest.pipeline", label, rate, 0);
    m.stages = std::move(stages);
    m.device = device;
    m.parameters = {{"source", source}, {"compute", 0.05}, {"accelerators", std::int64_t{1}}};
    return m;
  }

  Machine machine_;
  std::vector<std::string> notes_;
};

TEST_F(StageCapacity, IsTheRateOverTheShareOfTheTimeAtWork) {
  EXPECT_DOUBLE_EQ(copy().rate(), 2e9);
  EXPECT_THAT(copy().evidence, ElementsAre("m1"));
  EXPECT_THAT(notes_, IsEmpty());
}

TEST_F(StageCapacity, TakesCpuTimeWhereThreadsWereKeptOffTheCpus) {
  run().stages[1].cpu_s = 1;  // of 3 s at work
  EXPECT_DOUBLE_EQ(copy().rate(), 2e9) << "no pressure was counted: it may sleep at its work";
  run().counters["psi:cpu:some_s"] = 2.4;
  EXPECT_DOUBLE_EQ(copy().rate(), 6e9);
  EXPECT_THAT(notes_, ElementsAre(HasSubstr("kept off the CPUs for 67 % of the time")));
  run().device = "gpu";
  EXPECT_DOUBLE_EQ(copy().rate(), 2e9) << "a copy engine's work is none of the CPU's";
}

TEST_F(StageCapacity, LiesNotBelowARateThatWasSeen) {
  pipeline("other-x1", "cold", 7.9e9);
  EXPECT_DOUBLE_EQ(copy().rate(), 7.9e9);
  EXPECT_THAT(copy().evidence, ElementsAre("m1", "m2"));
  EXPECT_THAT(notes_, ElementsAre(HasSubstr("m2 moved 7.9 GB/s through copy")));
}

TEST_F(StageCapacity, IsNeverFedByTheRunThatIsPredicted) {
  pipeline("toy-x1", "cold", 7.9e9);
  EXPECT_DOUBLE_EQ(copy().rate(), 2e9);
}

TEST_F(StageCapacity, AsksNoRunThatDidOtherWork) {
  pipeline("a-x1", "cold", 7.9e9).parameters["prep"] = std::string("none");
  pipeline("b-x1", "cold", 7.9e9).stages[1].threads = 8;
  pipeline("c-x1", "cold", 7.9e9).device = "gpu";
  pipeline("d-x1", "cold", 7.9e9).status = "failed";
  pipeline("e-x1", "cold", 1.9e9);
  EXPECT_DOUBLE_EQ(copy().rate(), 2e9);
}

}  // namespace
}  // namespace millrace::diagnose
