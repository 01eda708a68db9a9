// SPDX-License-Identifier: Apache-2.0
#include "modules/cuda/failure.hpp"

#include <fmt/format.h>

#include <array>
#include <string_view>

namespace millrace::cuda {
namespace {

struct WayOut {
  CUresult result;
  std::string_view hint;
  Exit exit;  // kInconclusive: this machine, as it is, cannot
};

constexpr std::array kWaysOut{
    WayOut{CUDA_ERROR_OUT_OF_MEMORY,
           "give a smaller --size, or free the GPU's memory (`nvidia-smi` shows who has it)", Exit::kUsage},
    WayOut{CUDA_ERROR_NO_DEVICE, "`nvidia-smi` shows what the driver sees", Exit::kInconclusive},
    WayOut{CUDA_ERROR_STUB_LIBRARY,
           "the toolkit's stub stands before the driver's libcuda.so.1: mend LD_LIBRARY_PATH",
           Exit::kInconclusive},
    WayOut{CUDA_ERROR_SYSTEM_DRIVER_MISMATCH,
           "libcuda.so.1 and the kernel's driver are of different versions: restart after a driver update",
           Exit::kInconclusive},
    WayOut{CUDA_ERROR_COMPAT_NOT_SUPPORTED_ON_DEVICE,
           "the compatibility libraries of CUDA do not support this GPU: update the driver",
           Exit::kInconclusive},
    WayOut{CUDA_ERROR_SYSTEM_NOT_READY, "start the fabric manager (`systemctl status nvidia-fabricmanager`)",
           Exit::kInconclusive},
    WayOut{CUDA_ERROR_DEVICE_UNAVAILABLE,
           "another process has the GPU for itself: see the compute mode in `nvidia-smi -q`",
           Exit::kInconclusive},
    WayOut{CUDA_ERROR_NO_BINARY_FOR_GPU,
           "the kernels were built for other GPUs: build with this one's architecture", Exit::kInconclusive},
    WayOut{CUDA_ERROR_UNSUPPORTED_PTX_VERSION, "the driver is older than the toolkit: update the driver",
           Exit::kInconclusive},
    WayOut{CUDA_ERROR_PEER_ACCESS_UNSUPPORTED,
           "these two GPUs have no way to each other's memory (`nvidia-smi topo -p2p r`)",
           Exit::kInconclusive},
    WayOut{CUDA_ERROR_NOT_SUPPORTED, "this driver or GPU does not support it", Exit::kInconclusive},
    WayOut{CUDA_ERROR_ECC_UNCORRECTABLE,
           "the GPU's memory is failing: `nvidia-smi -q -d ECC,ROW_REMAPPER`, then reset or replace it",
           Exit::kUsage},
    WayOut{CUDA_ERROR_NVLINK_UNCORRECTABLE,
           "an NVLink is failing: `nvidia-smi nvlink -e`, then reset or reseat it", Exit::kUsage},
};
constexpr std::string_view kLostHint = "`nvidia-smi` and `dmesg | grep Xid` tell what became of the GPU";
constexpr std::string_view kBugHint = "this is a bug of the module: please report it";

}  // namespace

std::string words_of(CUresult result) {
  const char* name = nullptr;
  const char* text = nullptr;
  if (cuGetErrorName(result, &name) != CUDA_SUCCESS || name == nullptr)
    return fmt::format("a CUDA error that this driver has no name for ({})", static_cast<int>(result));
  if (cuGetErrorString(result, &text) != CUDA_SUCCESS || text == nullptr) text = "no description";
  return fmt::format("{} ({}): {}", name, static_cast<int>(result), text);
}

bool is_lost(CUresult result) {
  switch (result) {
    case CUDA_ERROR_ILLEGAL_ADDRESS:
    case CUDA_ERROR_LAUNCH_TIMEOUT:
    case CUDA_ERROR_LAUNCH_FAILED:
    case CUDA_ERROR_ASSERT:
    case CUDA_ERROR_HARDWARE_STACK_ERROR:
    case CUDA_ERROR_ILLEGAL_INSTRUCTION:
    case CUDA_ERROR_MISALIGNED_ADDRESS:
    case CUDA_ERROR_INVALID_ADDRESS_SPACE:
    case CUDA_ERROR_INVALID_PC:
    case CUDA_ERROR_ECC_UNCORRECTABLE:
    case CUDA_ERROR_NVLINK_UNCORRECTABLE:
    case CUDA_ERROR_DEVICE_UNAVAILABLE:
    case CUDA_ERROR_UNKNOWN:
      return true;
    default:
      return false;
  }
}

Error cuda_failure(CUresult result, const std::string& doing) {
  Error error{fmt::format("{}: {}", doing, words_of(result)), "", Exit::kUsage};
  for (const WayOut& way : kWaysOut)
    if (way.result == result) {
      error.hint = way.hint;
      error.exit = way.exit;
      return error;
    }
  error.hint = is_lost(result) ? kLostHint : kBugHint;
  return error;
}

Result<void> check(CUresult result, const std::string& doing) {
  if (result == CUDA_SUCCESS) return {};
  return tl::unexpected(cuda_failure(result, doing));
}

sdk::Outcome report(const sdk::Host& host, const Error& error) {
  if (error.exit == Exit::kInterrupted) return sdk::Outcome::kCancelled;
  return error.exit == Exit::kInconclusive ? host.unavailable(error.what, error.hint)
                                           : host.fail(error.what, error.hint);
}

}  // namespace millrace::cuda
