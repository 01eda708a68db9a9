// SPDX-License-Identifier: Apache-2.0
#include "modules/cufile/driver.hpp"

#include <fmt/format.h>

#include <utility>

#include "modules/cufile/failure.hpp"
#include "units/quantity.hpp"

namespace millrace::cufile {
namespace {

constexpr int kByGpu = 3;  // the level of counting that tells ways apart, GPU by GPU

Result<void> choose(const Api& calls, Mode mode) {
  if (mode == Mode::kAuto) return {};
  if (calls.set_parameter_bool == nullptr)
    return failure(
        "this libcufile cannot be told which way to go: it lacks cuFileSetParameterBool (1.13, CUDA 12.8)",
        "give --mode auto, and set \"allow_compat_mode\" in /etc/cufile.json", Exit::kInconclusive);
  const bool direct = mode == Mode::kDirect;
  const CUfileError_t set = direct
                                ? calls.set_parameter_bool(CUFILE_PARAM_PROPERTIES_ALLOW_COMPAT_MODE, false)
                                : calls.set_parameter_bool(CUFILE_PARAM_FORCE_COMPAT_MODE, true);
  if (set.err != CU_FILE_SUCCESS)
    return cufile_failure(
        set, direct ? "forbid cuFile its compatibility mode" : "force cuFile's compatibility mode");
  return {};
}

void start_counting(const Api& calls) {
  if (!calls.counts()) return;
  // Without counts the path stays unproven, and is said to be: no reason to stop.
  if (calls.set_stats_level(kByGpu).err == CU_FILE_SUCCESS) static_cast<void>(calls.stats_start());
}

}  // namespace

Result<Driver> Driver::open(Mode mode) {
  const Result<Api>& calls = api();
  if (!calls) return tl::unexpected(calls.error());
  if (Result<void> chosen = choose(*calls, mode); !chosen) return tl::unexpected(chosen.error());
  if (const CUfileError_t opened = calls->driver_open(); opened.err != CU_FILE_SUCCESS)
    return cufile_failure(opened, "open cuFile's driver");
  Driver driver;
  driver.calls_ = &*calls;
  if (const CUfileError_t read = calls->driver_get_properties(&driver.properties_);
      read.err != CU_FILE_SUCCESS)
    return cufile_failure(read, "read the properties of cuFile's driver");
  start_counting(*calls);
  return driver;
}

Driver::Driver(Driver&& other) noexcept
    : calls_(std::exchange(other.calls_, nullptr)), properties_(other.properties_) {}

Driver& Driver::operator=(Driver&& other) noexcept {
  std::swap(calls_, other.calls_);
  std::swap(properties_, other.properties_);
  return *this;
}

Driver::~Driver() {
  if (calls_ != nullptr) static_cast<void>(calls_->driver_close());
}

std::string Driver::text() const {
  int version = 0;
  std::string name = "cuFile";
  if (calls_->get_version != nullptr && calls_->get_version(&version).err == CU_FILE_SUCCESS)
    name += fmt::format(" {}.{}", version / 1000, version % 1000 / 10);  // 1000 major + 10 minor
  const auto& nvfs = properties_.nvfs;
  const bool compat = (nvfs.dcontrolflags & (1U << CU_FILE_ALLOW_COMPAT_MODE)) != 0;
  const bool nvme = (nvfs.dstatusflags & (1U << CU_FILE_NVME_SUPPORTED)) != 0;
  const bool p2p = (nvfs.dstatusflags & (1U << CU_FILE_NVME_P2P_SUPPORTED)) != 0;
  return fmt::format("{}, nvidia-fs {}.{}, NVMe {}, P2PDMA {}, compatibility mode {}, largest direct I/O {}",
                     name, nvfs.major_version, nvfs.minor_version, nvme ? "supported" : "not supported",
                     p2p ? "supported" : "not supported", compat ? "allowed" : "not allowed",
                     to_binary({nvfs.max_direct_io_size * 1024}));
}

}  // namespace millrace::cufile
