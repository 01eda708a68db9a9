// SPDX-License-Identifier: Apache-2.0
#include <unistd.h>

#include <atomic>

#include "cuda.hpp"
#include "driver.hpp"
#include "machine/machine.hpp"
#include "misuse.hpp"
#include "registry.hpp"

namespace millrace::standin {
namespace {

constexpr int kVersion = 1150;  // 1.15: 1000 major + 10 minor
constexpr std::size_t kMostDirect_KiB = 16384;

std::atomic<int> users{0};
std::atomic<bool> compatible_allowed{true}, compatible_forced{false};

nlohmann::json described(const char* key, nlohmann::json otherwise) {
  const nlohmann::json& document = Machine::instance().description().document;
  const auto found = document.find("cufile");
  return found == document.end() ? otherwise : found->value(key, otherwise);
}

}  // namespace

bool is_open() { return users > 0; }
bool goes_direct() { return Machine::instance().description().cufile_direct && !compatible_forced; }
bool counts() { return described("counts", true); }

std::optional<CUfileOpError> error_named(std::string_view name) {
#define CUFILE_OP(code, error, text) \
  if (name == #error) return error;
  CUFILEOP_STATUS_ENTRIES
#undef CUFILE_OP
  return std::nullopt;
}

std::optional<CUfileOpError> refused_call(std::string_view call, int gpu) {
  check_not_forked();
  if (!is_open()) return CU_FILE_DRIVER_NOT_INITIALIZED;
  if (!has_context()) return CU_FILE_INVALID_CONTEXT_ERROR;
  const auto fault = Machine::instance().fault("cufile", call, gpu);
  if (!fault) return std::nullopt;
  if (fault->what == FaultKind::kHang)
    while (true) pause();
  if (fault->what == FaultKind::kError) return error_named(fault->error).value_or(CU_FILE_INTERNAL_ERROR);
  return std::nullopt;
}

}  // namespace millrace::standin

using namespace millrace::standin;

CUfileError_t cuFileDriverOpen() {
  check_not_forked();
  if (!has_context()) return {CU_FILE_INVALID_CONTEXT_ERROR, CUDA_SUCCESS};
  if (const auto fault = Machine::instance().fault("cufile", "cuFileDriverOpen", -1)) {
    if (fault->what == FaultKind::kHang)
      while (true) pause();
    return {error_named(fault->error).value_or(CU_FILE_DRIVER_NOT_INITIALIZED), CUDA_SUCCESS};
  }
  // As with nvidia-fs missing: without the compatibility mode there is no way left.
  if (!Machine::instance().description().cufile_direct && !compatible_allowed)
    return {CU_FILE_DRIVER_NOT_INITIALIZED, CUDA_SUCCESS};
  remember_process();
  ++users;
  return {CU_FILE_SUCCESS, CUDA_SUCCESS};
}

CUfileError_t cuFileDriverClose() {  // the header makes it cuFileDriverClose_v2
  check_not_forked();
  if (users == 0) misuse("the driver is closed once too often");
  if (users == 1 && !Registry::instance().empty())
    misuse("the driver is closed with something still registered");
  --users;
  return {CU_FILE_SUCCESS, CUDA_SUCCESS};
}

CUfileError_t cuFileDriverGetProperties(CUfileDrvProps_t* properties) {
  if (const auto refused = refused_call("cuFileDriverGetProperties", -1)) return {*refused, CUDA_SUCCESS};
  *properties = {};
  const bool p2p = described("by", "nvidia-fs") == "p2p";
  properties->nvfs.major_version = p2p ? 0 : 2;
  properties->nvfs.minor_version = p2p ? 0 : 26;
  properties->nvfs.max_direct_io_size = kMostDirect_KiB;
  // That a way is supported is said whether it is taken or not: exactly what proves nothing.
  properties->nvfs.dstatusflags = 1U << (p2p ? CU_FILE_NVME_P2P_SUPPORTED : CU_FILE_NVME_SUPPORTED);
  properties->nvfs.dcontrolflags = compatible_allowed ? 1U << CU_FILE_ALLOW_COMPAT_MODE : 0;
  properties->max_batch_io_size = 128;
  return {CU_FILE_SUCCESS, CUDA_SUCCESS};
}

CUfileError_t cuFileGetVersion(int* version) {
  *version = kVersion;
  return {CU_FILE_SUCCESS, CUDA_SUCCESS};
}

CUfileError_t cuFileSetParameterBool(CUFileBoolConfigParameter_t parameter, bool value) {
  if (is_open()) return {CU_FILE_DRIVER_ALREADY_OPEN, CUDA_SUCCESS};
  if (parameter == CUFILE_PARAM_PROPERTIES_ALLOW_COMPAT_MODE)
    compatible_allowed = value;
  else if (parameter == CUFILE_PARAM_FORCE_COMPAT_MODE)
    compatible_forced = value;
  else
    return {CU_FILE_INVALID_VALUE, CUDA_SUCCESS};
  return {CU_FILE_SUCCESS, CUDA_SUCCESS};
}
