// SPDX-License-Identifier: Apache-2.0
#include "report/flag_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <utility>

namespace millrace::report {
namespace {

using Meaning = std::pair<std::string_view, std::string_view>;

constexpr std::array kMeanings{
    Meaning{
        "packets-lost",
        "packets were dropped or came out of order and were sent again: look at cables, PFC and ECN, and the "
        "discards of the switch"},
    Meaning{
        "congestion-notified",
        "switches marked packets, or senders were told to slow down: others share the path, or several send "
        "into one port"},
    Meaning{"datagrams-lost",
            "datagrams did not arrive, as --transport ud allows: more --receive-depth or fewer in flight "
            "(--queue-depth) lose fewer"},
    Meaning{
        "inline-refused",
        "the device takes no messages of this size inside their work requests and fetched them from memory: "
        "give a lower --inline, or 0"},
    Meaning{"no-huge-pages",
            "the buffers lie on ordinary pages, since no huge ones were free: sysctl vm.nr_hugepages=N"},
    Meaning{
        "not-by-dmabuf",
        "the device's memory was registered without a dma-buf (nvidia_peermem): a driver that exports them "
        "does without that module"},
    Meaning{
        "zero-copy-copied",
        "the kernel copied the data all the same, as it does over loopback and where the NIC cannot gather: "
        "this is no zero-copy figure; --zero-copy off costs less"},
    Meaning{"cpu-contended",
            "something else on the machine used the CPUs meanwhile: `millrace doctor` says what to do; then "
            "measure again"},
    Meaning{"cache-not-bypassed",
            "the data went through the page cache, or lie in memory: this is memory's rate as much as the "
            "drive's"},
    Meaning{"rate-not-reached",
            "it fell behind its rate, and the latencies hold the waiting: give a lower --rate"},
};

constexpr std::array<std::string_view, 3> kOfLinks{"packets-lost", "congestion-notified", "datagrams-lost"};

// In the names that drivers give to what they count (see src/modules/rdma/port_counters.cpp), in lower case.
constexpr std::array<std::string_view, 14> kTelling{"seq",     "retry", "retrans", "timeout", "duplicate",
                                                    "discard", "err",   "drop",    "lost",    "icrc",
                                                    "cnp",     "ecn",   "nak",     "rnr"};

bool tells(std::string_view counter) {
  std::string name(counter.substr(counter.rfind(':') + 1));
  std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return std::tolower(c); });
  return std::any_of(kTelling.begin(), kTelling.end(),
                     [&](std::string_view word) { return name.find(word) != std::string::npos; });
}

}  // namespace

std::string_view meaning_of(std::string_view flag) {
  const auto found = std::find_if(kMeanings.begin(), kMeanings.end(),
                                  [&](const Meaning& meaning) { return meaning.first == flag; });
  return found == kMeanings.end() ? std::string_view{} : found->second;
}

std::vector<std::string> counted_for_flags(const record::Measurement& m) {
  std::vector<std::string> counted;
  const bool flagged = std::any_of(m.flags.begin(), m.flags.end(), [](const std::string& flag) {
    return std::find(kOfLinks.begin(), kOfLinks.end(), flag) != kOfLinks.end();
  });
  if (!flagged) return counted;
  for (const auto& [name, value] : m.counters)
    if (value > 0 && name.find("rdma:") != std::string::npos && tells(name))
      counted.push_back(fmt::format("{} {:.0f}", name, value));
  return counted;
}

}  // namespace millrace::report
