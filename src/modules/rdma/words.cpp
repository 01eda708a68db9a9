// SPDX-License-Identifier: Apache-2.0
#include "modules/rdma/words.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <vector>

#include "units/nearest_name.hpp"
#include "units/quantity.hpp"

namespace millrace::rdma {
namespace {

constexpr const char* kSoftRoce = "soft-RoCE can stand in: rdma link add rxe0 type rxe netdev eth0";

std::string listed(std::span<const std::string> names) { return fmt::format("{}", fmt::join(names, ", ")); }

struct Meaning {
  const char *what, *hint;
};

// The meanings: InfiniBand Architecture Specification vol. 1, 11.6.2, and ibv_poll_cq(3).
Meaning meaning_of(ibv_wc_status status) {
  switch (status) {
    case IBV_WC_RETRY_EXC_ERR:
      return {"the peer did not acknowledge",
              "is the peer alive, is the path lossless (PFC, ECN, cables), do the MTUs agree?"};
    case IBV_WC_RNR_RETRY_EXC_ERR:
      return {
          "the peer had no receive posted for too long",
          "the peer's process is stuck or far slower: give it a core of its own, or more --receive-depth"};
    case IBV_WC_REM_ACCESS_ERR:
      return {"the peer's device refused access to its memory",
              "its memory registration went away (did its process end?), or its IOMMU or dma-buf forbids it"};
    case IBV_WC_REM_INV_REQ_ERR:
      return {"the peer's device found the request invalid",
              "a message larger than its receive, or a queue pair without the right to be written or read"};
    case IBV_WC_REM_OP_ERR:
      return {"the peer's device could not complete the operation", "see the kernel log (dmesg) of the peer"};
    case IBV_WC_REM_ABORT_ERR:
      return {"the peer's device aborted the operation", "see the kernel log (dmesg) of the peer"};
    case IBV_WC_LOC_LEN_ERR:
      return {"the message is longer than the device or the buffer takes", "give a smaller --size"};
    case IBV_WC_LOC_PROT_ERR:
      return {"the device may not access the memory of this end",
              "an IOMMU or ACS setting may forbid it; with a GPU, check that it allows peer access"};
    case IBV_WC_LOC_QP_OP_ERR:
      return {"the queue pair failed internally", "see the kernel log (dmesg)"};
    case IBV_WC_FATAL_ERR:
      return {"the device had a fatal error", "see the kernel log (dmesg): the device may have been reset"};
    case IBV_WC_RESP_TIMEOUT_ERR:
      return {"the peer did not respond in time", "is the peer alive?"};
    case IBV_WC_WR_FLUSH_ERR:
      return {"the queue pair was shut down with messages in flight", "the peer or its port went away"};
    default:
      return {"the operation failed", "see the kernel log (dmesg)"};
  }
}

}  // namespace

std::string port_text(const std::string& device, unsigned port) {
  return fmt::format("{} port {}", device, port);
}

std::string state_text(ibv_port_state state) {
  switch (state) {
    case IBV_PORT_DOWN:
      return "DOWN";
    case IBV_PORT_INIT:
      return "INIT";
    case IBV_PORT_ARMED:
      return "ARMED";
    case IBV_PORT_ACTIVE:
      return "ACTIVE";
    case IBV_PORT_ACTIVE_DEFER:
      return "ACTIVE_DEFER";
    default:
      return "in an unknown state";
  }
}

Error no_devices(std::span<const std::string> in_sysfs) {
  if (in_sysfs.empty())
    return {"no RDMA device",
            fmt::format("load the driver of the NIC (mlx5_ib, irdma, bnxt_re, efa, …) or install one; {}",
                        kSoftRoce),
            Exit::kInconclusive};
  return {
      fmt::format("the kernel has the RDMA device {}, but libibverbs cannot use it", listed(in_sysfs)),
      "modprobe ib_uverbs; in a container pass /dev/infiniband; the package ibverbs-providers has its user "
      "library",
      Exit::kInconclusive};
}

Error no_such_device(const std::string& wanted, std::span<const std::string> present) {
  const auto nearest = nearest_name(wanted, std::vector<std::string>(present.begin(), present.end()));
  return {fmt::format("there is no RDMA device '{}' on this host; it has {}", wanted, listed(present)),
          nearest ? fmt::format("did you mean '{}'? The other end's is named by --peer-device", *nearest)
                  : "name one of those by --device; the other end's by --peer-device"};
}

Error no_such_port(const std::string& device, unsigned wanted, unsigned ports) {
  return {fmt::format("the RDMA device {} has no port {}: it has {}", device, wanted, ports),
          fmt::format("ports count from 1: --device {}:1", device)};
}

Error port_not_active(const std::string& device, unsigned port, ibv_port_state state,
                      const std::string& interface) {
  std::string hint = "check the cable and the switch";
  if (state == IBV_PORT_INIT || state == IBV_PORT_ARMED)
    hint = "the link is up but no subnet manager has configured it: start opensm, or look at the switch's";
  else if (!interface.empty())
    hint = fmt::format("bring its network interface up (ip link set {} up); check the cable and the switch",
                       interface);
  return {fmt::format("{} is {}, not ACTIVE", port_text(device, port), state_text(state)), hint,
          Exit::kInconclusive};
}

Error no_active_port(std::span<const std::string> devices) {
  return {fmt::format("no RDMA port is ACTIVE on this host; its devices: {}", listed(devices)),
          "bring the network interface up, check the cable; on InfiniBand, see that a subnet manager runs",
          Exit::kInconclusive};
}

Error no_roce_v2_gid(const std::string& device, unsigned port, const std::string& interface) {
  return {
      fmt::format("{} has no RoCE v2 GID", port_text(device, port)),
      fmt::format("give its network interface{}{} an IP address and bring it up, or choose by --gid-index "
                  "and --peer-gid-index",
                  interface.empty() ? "" : " ", interface)};
}

Error registration_refused(int error, std::uint64_t bytes, const std::string& memory,
                           const std::string& device, std::optional<std::uint64_t> locked_limit) {
  const std::string reason = std::system_category().message(error);
  std::string what =
      fmt::format("{} cannot register {} of {} memory: {}", device, to_binary({bytes}), memory, reason);
  if (memory != "host")
    return {
        std::move(what),
        "a GPU's memory needs a driver that exports dma-bufs (and Linux 5.12), or the module nvidia_peermem"};
  if (error == ENOMEM && locked_limit)
    return {fmt::format("{}; this process may lock {} (RLIMIT_MEMLOCK)", what, to_binary({*locked_limit})),
            "ulimit -l unlimited, or LimitMEMLOCK=infinity in the service; or fewer --queue-pairs"};
  return {std::move(what), error == ENOMEM ? "free some memory, or ask for less by --size and --queue-pairs"
                                           : "see the kernel log (dmesg)"};
}

Error completion_error(const Completion& completion) {
  const Meaning meaning = meaning_of(completion.status);
  std::string what = fmt::format("{} {} from {}: {} ({}", completion.doing, completion.there, completion.here,
                                 meaning.what, ibv_wc_status_str(completion.status));
  if (completion.vendor_error != 0) what += fmt::format(", vendor code {:#x}", completion.vendor_error);
  what += ")";
  if (!completion.port_state || *completion.port_state == IBV_PORT_ACTIVE)
    return {std::move(what), meaning.hint};
  const Error down = port_went_down(completion.here, *completion.port_state);
  return {fmt::format("{}; {}", what, down.what), down.hint};
}

Error port_went_down(const std::string& here, ibv_port_state state) {
  return {fmt::format("{} is {} now", here, state_text(state)),
          "that port went down: look at its cable, the switch and its network interface"};
}

}  // namespace millrace::rdma
