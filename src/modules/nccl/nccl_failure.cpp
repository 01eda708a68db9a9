// SPDX-License-Identifier: Apache-2.0
#include "modules/nccl/nccl_failure.hpp"

#include <fmt/format.h>

#include <array>
#include <cstdlib>
#include <string_view>

namespace millrace::nccl {
namespace {

struct Named {
  ncclResult_t result;
  std::string_view name, hint;
};

// NCCL User Guide, "Types", ncclResult_t.
constexpr std::array kResults{
    Named{ncclSuccess, "ncclSuccess", ""},
    Named{ncclUnhandledCudaError, "ncclUnhandledCudaError",
          "`nvidia-smi` and `dmesg | grep Xid` tell what became of the GPU"},
    Named{ncclSystemError, "ncclSystemError",
          "shared memory, open files or the network between the ranks: df /dev/shm, ulimit -n, and "
          "NCCL_DEBUG=WARN in the environment tell more"},
    Named{ncclInternalError, "ncclInternalError", "NCCL_DEBUG=WARN in the environment tells more"},
    Named{ncclInvalidArgument, "ncclInvalidArgument", "this is a bug of the module: please report it"},
    Named{ncclInvalidUsage, "ncclInvalidUsage",
          "two ranks on one GPU, or a bug of the module: NCCL_DEBUG=WARN in the environment tells more"},
    Named{ncclRemoteError, "ncclRemoteError", "another rank ended or its network failed: see what it says"},
    Named{ncclInProgress, "ncclInProgress", ""},
};

const Named* named(ncclResult_t result) {
  for (const Named& one : kResults)
    if (one.result == result) return &one;
  return nullptr;
}

}  // namespace

std::string words_of(ncclResult_t result) {
  std::string_view text = ncclGetErrorString(result);
  // "… (run with NCCL_DEBUG=INFO for details)": the hint says better.
  if (const auto aside = text.find(" (run with"); aside != std::string_view::npos)
    text = text.substr(0, aside);
  const Named* one = named(result);
  return one == nullptr ? fmt::format("a result of NCCL that has no name here ({})", static_cast<int>(result))
                        : fmt::format("{} ({}): {}", one->name, static_cast<int>(result), text);
}

Error nccl_failure(ncclResult_t result, const std::string& doing, ncclComm_t comm) {
  Error error{fmt::format("{}: {}", doing, words_of(result)), "", Exit::kUsage};
  const char* last = ncclGetLastError(comm);
  if (last != nullptr && *last != '\0') error.what += fmt::format(": {}", last);
  if (const Named* one = named(result)) error.hint = one->hint;
  return error;
}

bool is_a_consequence(ncclResult_t result) { return result == ncclRemoteError || result == ncclSystemError; }

}  // namespace millrace::nccl
