// SPDX-License-Identifier: Apache-2.0
// What NVML tells, set beside what sysfs tells: graph, findings, text. The library itself is played in
// tests/cli.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "recorded_machine.hpp"
#include "topology/nvml/answer.hpp"
#include "topology/nvml/ask.hpp"
#include "topology/nvml/attach.hpp"
#include "topology/nvml/findings.hpp"
#include "topology/nvml/gpu_sample.hpp"
#include "topology/nvml/gpu_text.hpp"
#include "topology/nvml/throttling.hpp"

namespace millrace::topology::nvml {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

NvLink to_switch(int number, double rate = 25e9) { return {number, true, rate, "switch", "0000:c0:00.0", 0}; }

GpuFacts healthy(int number, const std::string& pci) {
  GpuFacts gpu;
  gpu.gpu = "gpu:" + std::to_string(number);
  gpu.name = "H100";
  gpu.pci = pci;
  gpu.pcie_generation = gpu.pcie_generation_possible = 5;
  gpu.pcie_width = gpu.pcie_width_possible = 16;
  gpu.sm_clock_mhz = gpu.sm_clock_most_mhz = 1980;
  gpu.temperature_c = 40;
  gpu.slowdown_temperature_c = 87;
  gpu.persistence = gpu.ecc = true;
  gpu.nvlinks = {to_switch(0), to_switch(1)};
  return gpu;
}

Machine two_gpus() {
  Machine machine;
  machine.graph.endpoints = {{"socket:0", "socket", "socket 0", 0, 0, "", ""},
                             {"memory:0", "memory", "NUMA node 0", 0, 0, "", ""},
                             {"pci:0000:15:00.0", "pci_bridge", "switch", 0, 0, "0000:15:00.0", ""},
                             {"gpu:0", "gpu", "GH100", 0, 0, "0000:17:00.0", ""},
                             {"gpu:1", "gpu", "GH100", 0, 0, "0000:18:00.0", ""}};
  const auto link = [&](const std::string& from, const std::string& to, const std::string& id) {
    machine.graph.resources.push_back({id, "pcie_link", id, 0, 60e9, "PCIe", 0, ""});
    machine.graph.links.push_back({from, to, id});
    machine.graph.links.push_back({to, from, id});
  };
  link("gpu:0", "pci:0000:15:00.0", "pcie:0");
  link("gpu:1", "pci:0000:15:00.0", "pcie:1");
  link("pci:0000:15:00.0", "socket:0", "pcie:up");
  link("socket:0", "memory:0", "memory");
  return machine;
}

Answer of_both() {
  Answer answer;
  answer.driver = "580.65.06";
  answer.gpus = {healthy(0, "0000:17:00.0"), healthy(1, "0000:18:00.0")};
  for (GpuFacts& gpu : answer.gpus) gpu.gpu = gpu.pci;  // as NVML gives it: no id yet
  answer.gpus[0].peers = {{"0000:18:00.0", "ok", "ok", true, "PCIe switch"}};
  return answer;
}

std::vector<std::string> resources_between(const Machine& machine, const std::string& from,
                                           const std::string& to) {
  std::vector<std::string> ids;
  for (const Hop& hop : path_between(machine.graph, from, to)) ids.push_back(hop.resource);
  return ids;
}

TEST(NvmlAnswer, ComesThroughItsTextAsItWas) {
  Answer answer = of_both();
  answer.gpus[0].power_w = 71.25;
  answer.gpus[0].remapping_pending = true;
  answer.gpus[0].nvlinks.push_back({2, false, std::nullopt, "", "", std::nullopt});
  answer.gpus[1].lost = "NVML_ERROR_GPU_IS_LOST (15): GPU is lost";
  EXPECT_EQ(from_text(to_text(answer)), answer);
}

TEST(NvmlAnswer, IsNoneWhenTheTextIsCutShortOrSomethingElse) {
  const std::string text = to_text(of_both());
  for (std::size_t length = 0; length + 2 < text.size(); length += 37)
    EXPECT_EQ(from_text(text.substr(0, length)), std::nullopt) << length;
  EXPECT_EQ(from_text("{\"present\": 3}"), std::nullopt);
}

TEST(NvmlSamples, ComeThroughTheirTextAsTheyWere) {
  GpuSample sample{"0000:17:00.0", 123456789012345, "", 1980, 2619, 71.5, std::nullopt, 1e6, 5, 16,
                   {"sw_thermal"}};
  GpuSample lost;
  lost.pci = "0000:18:00.0";
  lost.lost = "gone";
  EXPECT_THAT(samples_from_text(to_text({sample, lost})), ElementsAre(sample, lost));
  EXPECT_THAT(samples_from_text("[{\"pci\": 1}]"), IsEmpty());
}

TEST(NvmlGraph, BytesBetweenGpusTakeNvLinkThoughPcieIsAsShort) {
  Machine machine = two_gpus();
  EXPECT_THAT(resources_between(machine, "gpu:0", "gpu:1"), ElementsAre("pcie:0", "pcie:1"));
  attach(machine, of_both());
  EXPECT_THAT(resources_between(machine, "gpu:0", "gpu:1"),
              ElementsAre("nvlink:gpu:0:out", "nvlink:gpu:1:in"));
  EXPECT_THAT(resources_between(machine, "gpu:0", "memory:0"), ElementsAre("pcie:0", "pcie:up", "memory"));
}

TEST(NvmlGraph, ThePortsLimitIsItsActiveLinksTimesTheirRates) {
  Machine machine = two_gpus();
  Answer answer = of_both();
  answer.gpus[0].nvlinks = {to_switch(0), to_switch(1), to_switch(2, 12.5e9), {3, false, {}, "", "", {}}};
  attach(machine, std::move(answer));
  const Resource* port = find_resource(machine.graph, "nvlink:gpu:0:out");
  ASSERT_NE(port, nullptr);
  EXPECT_EQ(port->kind, "nvlink");
  EXPECT_EQ(port->limit_bytes_per_s, 62.5e9);
  EXPECT_THAT(port->limit_source, HasSubstr("2 x 25 GB/s + 1 x 12.5 GB/s"));
  const PathLimit limit = limit_of(machine.graph, path_between(machine.graph, "gpu:0", "gpu:1"));
  EXPECT_EQ(limit.bytes_per_s, 50e9);  // the other one's two links
}

TEST(NvmlGraph, ALinkWhoseRateIsNotToldLeavesThePortWithoutALimit) {
  Machine machine = two_gpus();
  Answer answer = of_both();
  answer.gpus[0].nvlinks[1].bytes_per_s.reset();
  attach(machine, std::move(answer));
  EXPECT_EQ(find_resource(machine.graph, "nvlink:gpu:0:out")->limit_bytes_per_s, std::nullopt);
}

TEST(NvmlGraph, LinksFromGpuToGpuAreAResourceForEachDirection) {
  Machine machine = two_gpus();
  Answer answer = of_both();
  for (GpuFacts& gpu : answer.gpus) {
    const std::string other = gpu.pci == "0000:17:00.0" ? "0000:18:00.0" : "0000:17:00.0";
    gpu.nvlinks = {{0, true, 25e9, "gpu", other, 0}, {1, true, 25e9, "gpu", other, 0}};
  }
  attach(machine, std::move(answer));
  EXPECT_THAT(resources_between(machine, "gpu:0", "gpu:1"), ElementsAre("nvlink:gpu:0-gpu:1"));
  EXPECT_THAT(resources_between(machine, "gpu:1", "gpu:0"), ElementsAre("nvlink:gpu:1-gpu:0"));
  EXPECT_EQ(find_resource(machine.graph, "nvlink:gpu:1-gpu:0")->limit_bytes_per_s, 50e9);
  EXPECT_EQ(find_endpoint(machine.graph, "nvswitch:0"), nullptr);
}

TEST(NvmlFacts, AreSetBesideTheGpuOfTheSamePciAddress) {
  Machine machine = two_gpus();
  Answer answer = of_both();
  std::reverse(answer.gpus.begin(), answer.gpus.end());
  attach(machine, std::move(answer));
  ASSERT_TRUE(machine.host.gpus);
  EXPECT_EQ(machine.host.gpus->at(0).gpu, "gpu:0");
  EXPECT_EQ(machine.host.gpus->at(0).pci, "0000:17:00.0");
  EXPECT_EQ(machine.host.gpus->at(0).peers.at(0).gpu, "gpu:1");
  EXPECT_EQ(find_endpoint(machine.graph, "gpu:1")->name, "H100");
  EXPECT_EQ(machine.host.drivers.at("nvidia"), "580.65.06");
}

TEST(NvmlFacts, AGpuThatSysfsDoesNotShowIsAddedWithTheLimitOfItsPcieLink) {
  Machine machine = two_gpus();
  Answer answer = of_both();
  answer.gpus.push_back(healthy(0, "0000:99:00.0"));
  answer.gpus.back().pcie_generation_possible = 4;
  attach(machine, std::move(answer));
  const Endpoint* added = find_endpoint(machine.graph, "gpu:2");
  ASSERT_NE(added, nullptr);
  EXPECT_EQ(added->pci, "0000:99:00.0");
  const PathLimit limit = limit_of(machine.graph, path_between(machine.graph, "gpu:2", "socket:0"));
  ASSERT_TRUE(limit.bytes_per_s);
  EXPECT_NEAR(*limit.bytes_per_s, 16e9 * 16 / 8 * 128 / 130, 1e6);
}

TEST(NvmlFacts, AreNotMissedWhereThereIsNoNvidiaDriver) {
  Machine machine = two_gpus();
  attach(machine, {false, "libnvidia-ml.so.1: cannot open shared object file", "", {}});
  EXPECT_FALSE(machine.host.gpus);
  EXPECT_THAT(machine.host.settings, IsEmpty());
  EXPECT_THAT(examine_gpus(machine), IsEmpty());
}

class NvmlFindings : public ::testing::Test {
 protected:
  void SetUp() override {
    machine_ = two_gpus();
    machine_.host.gpus = std::vector{healthy(0, "0000:17:00.0"), healthy(1, "0000:18:00.0")};
  }
  GpuFacts& gpu(std::size_t index) { return machine_.host.gpus->at(index); }
  // The only finding that there is.
  Finding finding() {
    const auto all = examine_gpus(machine_);
    EXPECT_EQ(all.size(), 1U);
    if (all.size() != 1) return {};
    EXPECT_FALSE(all.front().remedy.empty());
    return all.front();
  }
  Machine machine_;
};

TEST_F(NvmlFindings, AreNoneOfHealthyGpus) { EXPECT_THAT(examine_gpus(machine_), IsEmpty()); }

TEST_F(NvmlFindings, ALinkAtHalfRateIsNamedWithWhatItsLikeDo) {
  gpu(1).nvlinks[1].bytes_per_s = 12.5e9;
  const Finding f = finding();
  EXPECT_EQ(f.id, "nvlink-below-maximum");
  EXPECT_EQ(f.severity, "warning");
  EXPECT_EQ(f.resource, "nvlink:gpu:1:out");
  EXPECT_THAT(f.what, HasSubstr("NVLink 1 of gpu:1 runs at 12.5 GB/s; its like run at 25 GB/s"));
}

TEST_F(NvmlFindings, ALinkThatIsDownIsAWarningBesideAGpuThatHasMore) {
  gpu(0).nvlinks[0] = {0, false, {}, "", "", {}};
  EXPECT_EQ(finding().severity, "warning");
  EXPECT_THAT(finding().what, HasSubstr("NVLink 0 of gpu:0 is down; GPUs of its kind have 2 up, it has 1"));
}

TEST_F(NvmlFindings, LinksThatAreDownOnAllGpusAreHowTheBoardIsBuilt) {
  for (std::size_t i = 0; i < 2; ++i) gpu(i).nvlinks.push_back({2, false, {}, "", "", {}});
  for (const Finding& f : examine_gpus(machine_)) EXPECT_EQ(f.severity, "note");
  for (std::size_t i = 0; i < 2; ++i)
    for (NvLink& link : gpu(i).nvlinks) link.active = false;  // a PCIe board without a bridge
  EXPECT_THAT(examine_gpus(machine_), IsEmpty());
}

TEST_F(NvmlFindings, HeatAndPowerThatHoldClocksDownAreWarningsAndIdleIsNot) {
  gpu(0).clocks_held_by = {"idle"};
  EXPECT_THAT(examine_gpus(machine_), IsEmpty());
  gpu(0).clocks_held_by = {"sw_thermal", "power_brake"};
  gpu(0).sm_clock_mhz = 900;
  EXPECT_EQ(finding().id, "gpu-throttled");
  EXPECT_THAT(finding().what, HasSubstr("(900 of 1980 MHz now)"));
  EXPECT_THAT(finding().what, HasSubstr("too hot"));
  gpu(0).clocks_held_by = {"application_clocks"};
  EXPECT_EQ(finding().id, "gpu-clocks-set");
  EXPECT_EQ(finding().severity, "note");
}

TEST_F(NvmlFindings, ATemperatureNearTheLimitIsAWarning) {
  gpu(0).temperature_c = 81;
  EXPECT_THAT(examine_gpus(machine_), IsEmpty());
  gpu(0).temperature_c = 83;
  EXPECT_EQ(finding().id, "gpu-hot");
  EXPECT_THAT(finding().what, HasSubstr("at 83 degrees C; it slows down at 87"));
}

TEST_F(NvmlFindings, MemoryErrorsAreErrorsWhenNotCorrectedAndNotesElse) {
  gpu(1).ecc_corrected = 12;
  EXPECT_EQ(finding().severity, "note");
  gpu(1).ecc_uncorrected = 2;
  EXPECT_EQ(finding().severity, "error");
  EXPECT_EQ(finding().resource, "gpu:1");
}

TEST_F(NvmlFindings, RemappedRowsThatAreDoneWithAreNoFindingButPendingAndFailedOnesAre) {
  gpu(0).remapped_rows = 3;
  EXPECT_THAT(examine_gpus(machine_), IsEmpty());
  gpu(0).remapping_pending = true;
  EXPECT_EQ(finding().id, "gpu-remapping-pending");
  gpu(0).remapping_pending = false;
  gpu(0).remapping_failed = true;
  EXPECT_EQ(finding().id, "gpu-remapping-failed");
  EXPECT_EQ(finding().severity, "error");
}

TEST_F(NvmlFindings, OneNoteNamesAllGpusWhosePersistenceModeIsOff) {
  gpu(0).persistence = gpu(1).persistence = false;
  EXPECT_EQ(finding().id, "gpu-persistence-off");
  EXPECT_THAT(finding().what, HasSubstr("gpu:0, gpu:1: persistence mode is off"));
  EXPECT_THAT(finding().remedy, HasSubstr("nvidia-smi -pm 1"));
}

TEST_F(NvmlFindings, ALostGpuIsAnErrorAndNothingElseIsSaidOfIt) {
  gpu(1) = {};
  gpu(1).gpu = "gpu:1";
  gpu(1).pci = "0000:18:00.0";
  gpu(1).lost = "NVML_ERROR_GPU_IS_LOST (15): GPU is lost";
  gpu(1).persistence = true;
  const Finding f = finding();
  EXPECT_EQ(f.id, "gpu-lost");
  EXPECT_EQ(f.severity, "error");
  EXPECT_THAT(f.what, HasSubstr("NVML_ERROR_GPU_IS_LOST (15): GPU is lost"));
}

TEST_F(NvmlFindings, PairsThatCannotReachEachOthersMemoryAreNamedOnce) {
  gpu(0).peers = {{"gpu:1", "chipset not supported", "chipset not supported", false, "system"}};
  gpu(1).peers = {{"gpu:0", "chipset not supported", "chipset not supported", false, "system"}};
  EXPECT_EQ(finding().id, "gpu-no-peer-access");
  EXPECT_THAT(finding().what,
              HasSubstr("1 pair(s) of GPUs cannot reach each other's memory (gpu:0 and gpu:1)"));
}

TEST_F(NvmlFindings, SilenceOfNvmlIsAWarning) {
  machine_.host.gpus.reset();
  machine_.host.settings["nvml"] = "NVML did not answer within 10 s";
  EXPECT_EQ(finding().id, "nvml-silent");
  EXPECT_THAT(finding().what, HasSubstr("did not answer within 10 s"));
}

TEST(NvmlText, ShowsLinksClocksAndHowGpusReachEachOther) {
  HostFacts host;
  host.gpus = std::vector{healthy(0, "0000:17:00.0"), healthy(1, "0000:18:00.0")};
  host.gpus->at(0).pcie_generation = 1;
  host.gpus->at(0).pcie_width = 8;
  host.gpus->at(1).nvlinks[0].active = false;
  host.gpus->at(0).peers = {{"gpu:1", "ok", "ok", true, "PCIe switch"}};
  host.gpus->at(1).peers = {{"gpu:0", "not supported", "ok", false, "PCIe switch"}};
  host.gpus->at(0).power_w = 115.977;
  host.gpus->at(0).power_limit_w = 700;
  const std::string text = describe_gpus(host, 120);
  EXPECT_THAT(text, HasSubstr("  116 of 700 W  "));
  EXPECT_THAT(text, HasSubstr("gen 1 of 5 x8 of x16"));
  EXPECT_THAT(text, HasSubstr("2 x 25 GB/s to switch"));
  EXPECT_THAT(text, HasSubstr("1 x 25 GB/s to switch 1 down"));
  EXPECT_THAT(text, HasSubstr("gpu:0  .    NV"));
  EXPECT_THAT(text, HasSubstr("gpu:1  SW*   ."));
  EXPECT_EQ(describe_gpus(HostFacts{}, 120), "");
}

TEST(Throttling, IsWhatHeatAndPowerDo) {
  for (const char* word : {"sw_thermal", "hw_thermal", "hw_slowdown", "sw_power_cap", "power_brake"})
    EXPECT_TRUE(is_throttling(word)) << word;
  for (const char* word : {"idle", "application_clocks", "sync_boost", "display_clock", "of a newer driver"})
    EXPECT_FALSE(is_throttling(word)) << word;
}

}  // namespace
}  // namespace millrace::topology::nvml
