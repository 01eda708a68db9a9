// SPDX-License-Identifier: Apache-2.0
#include "modules/cufile/path_proof.hpp"

#include <fmt/format.h>

namespace millrace::cufile {
namespace {

Verdict by_cufile(const PathCounts& before, const PathCounts& after, std::uint64_t operations) {
  const std::uint64_t peer = after.peer_to_peer - before.peer_to_peer;
  const std::uint64_t driver = after.nvidia_fs - before.nvidia_fs;
  const std::uint64_t posix = after.posix - before.posix;
  std::string evidence =
      fmt::format("cuFile counted {} by P2PDMA, {} by nvidia-fs, {} through host memory of {} operations",
                  peer, driver, posix, operations);
  if (posix > 0) return {DirectPath::kCompatibility, std::move(evidence)};
  if (operations > 0 && peer + driver >= operations) return {DirectPath::kDirect, std::move(evidence)};
  return {DirectPath::kUnproven, std::move(evidence)};
}

Verdict by_nvidia_fs(const NvidiaFsCounters& before, const NvidiaFsCounters& after, Kind kind,
                     std::uint64_t operations) {
  if (!after.present)
    return {DirectPath::kUnproven, "this libcufile counts nothing, and nvidia-fs is not loaded"};
  if (!before.counting || !after.counting)
    return {DirectPath::kUnproven,
            "this libcufile counts nothing, and neither does nvidia-fs: its parameter rw_stats_enabled is 0"};
  const std::uint64_t done = kind == Kind::kReads ? after.reads - before.reads : after.writes - before.writes;
  std::string evidence = fmt::format("nvidia-fs counted {} of {} operations", done, operations);
  if (before.processes > 1 || after.processes > 1)
    return {DirectPath::kUnproven, evidence + ", but other processes used it as well"};
  if (operations > 0 && done >= operations) return {DirectPath::kDirect, std::move(evidence)};
  return {DirectPath::kUnproven, std::move(evidence)};
}

}  // namespace

Verdict judge(const Counters& before, const Counters& after, Kind kind, std::uint64_t operations) {
  const auto& from = kind == Kind::kReads ? before.reads : before.writes;
  const auto& to = kind == Kind::kReads ? after.reads : after.writes;
  if (from && to) return by_cufile(*from, *to, operations);
  return by_nvidia_fs(before.nvidia_fs, after.nvidia_fs, kind, operations);
}

const char* flag_of(DirectPath path) {
  switch (path) {
    case DirectPath::kDirect:
      return "gds-direct";
    case DirectPath::kCompatibility:
      return "gds-compatibility";
    case DirectPath::kUnproven:
      break;
  }
  return "gds-path-unproven";
}

}  // namespace millrace::cufile
