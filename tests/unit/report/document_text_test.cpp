// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "report/terminal.hpp"

namespace millrace::report {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(FindingsText, PutsTheMostSevereFirstEachWithItsRemedy) {
  EXPECT_EQ(findings_text({{"a", "note", "", "io_poll is off", "fine as it is"},
                           {"b", "error", "pcie:1:read", "the link runs at x2 of x4", "reseat the drive"}},
                          {false, 100}),
            "Findings\n"
            "  error    the link runs at x2 of x4 [pcie:1:read]\n"
            "           remedy: reseat the drive\n"
            "  note     io_poll is off\n"
            "           remedy: fine as it is\n");
  EXPECT_EQ(findings_text({}, {}), "");
}

TEST(TroublesText, NamesWhatFailedWithReasonAndWayOut) {
  record::Document document;
  document.measurements.resize(2);
  document.measurements[0].id = std::string("m1");
  document.measurements[1].id = std::string("m2");
  document.measurements[1].probe = "storage.read";
  document.measurements[1].label = "unet3d";
  document.measurements[1].status = "failed";
  document.measurements[1].reason = "the worker crashed (SIGSEGV)";
  document.measurements[1].hint = "see -v";
  EXPECT_EQ(troubles_text(document, {false, 100}),
            "Not measured\n"
            "  failed   m2 storage.read (unet3d): the worker crashed (SIGSEGV)\n"
            "           way out: see -v\n");
}

TEST(TroublesText, TellsOnceWhatSeveralLack) {
  record::Document document;
  for (const char* probe : {"ingest.pipeline", "storage.gds_read", "storage.gds_write"}) {
    record::Measurement m;
    m.id = std::string("m") + std::to_string(document.measurements.size());
    m.probe = probe;
    m.status = "skipped";
    m.reason = "udev does not tell";
    m.hint = "start udev";
    document.measurements.push_back(m);
  }
  document.measurements[0].label = "unet3d-h100";
  document.measurements[1].reason = "another one";
  EXPECT_EQ(troubles_text(document, {false, 100}),
            "Not measured\n"
            "  skipped  m0 ingest.pipeline (unet3d-h100), m2 storage.gds_write: udev does not tell\n"
            "           way out: start udev\n"
            "  skipped  m1 storage.gds_read: another one\n"
            "           way out: start udev\n");
}

TEST(DocumentText, SaysAtTheTopWhatStoodInAndThatARunWasCutShort) {
  record::Document document;
  document.complete = false;
  document.hosts.emplace_back();
  document.hosts[0].name = "mill";
  document.hosts[0].cpu = {"Xeon", 1, 2, 2};
  document.hosts[0].memory_bytes = std::uint64_t{24} << 30;
  document.hosts[0].kernel = "6.1.0";
  document.measurements.resize(1);
  document.measurements[0].device = "stand-in";
  document.findings = {{"governor", "note", "", "a remark", ""},
                       {"acs", "warning", "", "ACS is on", "switch it off"}};
  const std::string text = document_text(document, {false, 100});
  EXPECT_THAT(text, testing::StartsWith("mill: Xeon, 2 hardware threads, 24 GiB memory, Linux 6.1.0\n"
                                        "incomplete: the run was cut short; this is what it had measured\n"
                                        "stand-in: host memory took the place of GPU memory\n"));
  EXPECT_THAT(text, HasSubstr("ACS is on"));
  EXPECT_THAT(text, Not(HasSubstr("a remark")));
}

TEST(HostsText, TellsOfCpusThatMightNotBeUsed) {
  record::Document document;
  document.hosts.emplace_back();
  document.hosts[0].cpu = {"Xeon", 1, 32, 64};
  document.hosts[0].cpu.usable_threads = 2;
  document.hosts[0].cpu.limited_by = "cpuset";
  EXPECT_THAT(hosts_text(document, {false, 200}),
              HasSubstr("64 hardware threads (2 usable: a cpuset allows no more), "));
}

TEST(HostsText, TellsOfAPeersClockWithItsErrorAndOfThisHostsNothing) {
  record::Document document;
  document.hosts.resize(2);
  document.hosts[0].name = "mill";
  document.hosts[1].name = "wheel";
  document.hosts[1].clock_offset_s = topology::ClockOffset{-0.0012, -0.0013, 40e-6};
  const std::string text = hosts_text(document, {false, 200});
  EXPECT_THAT(text,
              testing::MatchesRegex("mill: [^;]*\nwheel: [^;]*; its clock less this host's: -1.2 ms at the "
                                    "start, -1.3 ms at the end, ± 40 us\n"));
}

}  // namespace
}  // namespace millrace::report
