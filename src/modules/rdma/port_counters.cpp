// SPDX-License-Identifier: Apache-2.0
#include "modules/rdma/port_counters.hpp"

#include <algorithm>
#include <array>
#include <fstream>
#include <string_view>
#include <system_error>

namespace millrace::rdma {
namespace fs = std::filesystem;

namespace {

// Names differ by driver: mlx5 (rdma.git drivers/infiniband/hw/mlx5/counters.c), bnxt_re and irdma
// (hw_counters.c), rxe (rxe_hw_counters.c).
constexpr std::array<std::string_view, 18> kOfLoss{
    "out_of_sequence",    "out_of_seq_request",   "packet_seq_err",      "local_ack_timeout_err",
    "rnr_nak_retry_err",  "implied_nak_seq_err",  "duplicate_request",   "port_rcv_errors",
    "port_xmit_discards", "rcvd_seq_err",         "retry_exceeded_err",  "retry_rnr_exceeded_err",
    "send_rnr_err",       "rx_icrc_encapsulated", "completer_retry_err", "roce_adp_retrans",
    "tcpRetransSegs",     "to_retransmits"};
constexpr std::array<std::string_view, 8> kOfCongestion{
    "np_cnp_sent", "rp_cnp_handled", "np_ecn_marked_roce_packets", "rp_cnp_ignored", "cnpHandled",
    "cnpSent",     "RxECNMrkd",      "rx_ecn_marked_pkts"};
// Retried or in the wrong order because the receiver was slow, not because a packet was lost.
constexpr std::array<std::string_view, 2> kOfSlowReceivers{"rnr_nak_retry_err", "send_rnr_err"};

template <std::size_t N>
bool is_among(const std::array<std::string_view, N>& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

void read_folder(const fs::path& folder, PortCounters& counters) {
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(folder, ignored)) {
    const std::string name = entry.path().filename();
    if (name == "lifespan") continue;  // a setting: how old the figures may be
    std::ifstream file(entry.path());
    std::uint64_t value = 0;
    if (file >> value) counters[name] = value;
  }
}

}  // namespace

PortCounters read_port_counters(const std::string& device, unsigned port, const fs::path& sysfs) {
  const fs::path folder = sysfs / "class/infiniband" / device / "ports" / std::to_string(port);
  PortCounters counters;
  read_folder(folder / "counters", counters);
  read_folder(folder / "hw_counters", counters);
  return counters;
}

std::map<std::string, double> growth(const PortCounters& before, const PortCounters& after) {
  std::map<std::string, double> grown;
  for (const auto& [name, value] : after) {
    const auto found = before.find(name);
    const std::uint64_t from = found == before.end() ? 0 : found->second;
    const double delta = value >= from ? static_cast<double>(value - from) : 0;  // reset in between
    const bool words = name == "port_xmit_data" || name == "port_rcv_data";
    if (delta > 0 || is_among(kOfLoss, name) || is_among(kOfCongestion, name))
      grown[words ? name + "_bytes" : name] = words ? 4 * delta : delta;
  }
  return grown;
}

bool tells_of_loss(const std::map<std::string, double>& grown) {
  return std::any_of(grown.begin(), grown.end(), [](const auto& counter) {
    return counter.second > 0 && is_among(kOfLoss, counter.first) &&
           !is_among(kOfSlowReceivers, counter.first);
  });
}

bool tells_of_congestion(const std::map<std::string, double>& grown) {
  return std::any_of(grown.begin(), grown.end(), [](const auto& counter) {
    return counter.second > 0 && is_among(kOfCongestion, counter.first);
  });
}

}  // namespace millrace::rdma
