// SPDX-License-Identifier: Apache-2.0
#include "modules/cufile/failure.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <string_view>

namespace millrace::cufile {
namespace {

const char* name_of(CUfileOpError error) {
  switch (error) {
#define CUFILE_OP(code, name, text) \
  case name:                        \
    return #name;
    CUFILEOP_STATUS_ENTRIES
#undef CUFILE_OP
    default:
      return "a cuFile error that this build does not know";
  }
}

bool is_missing(CUfileOpError error) {
  return error == CU_FILE_DRIVER_NOT_INITIALIZED || error == CU_FILE_PLATFORM_NOT_SUPPORTED ||
         error == CU_FILE_IO_NOT_SUPPORTED || error == CU_FILE_DEVICE_NOT_SUPPORTED ||
         error == CU_FILE_DRIVER_VERSION_MISMATCH || error == CU_FILE_ASYNC_NOT_SUPPORTED;
}

std::string way_out(CUfileOpError error) {
  switch (error) {
    case CU_FILE_DRIVER_NOT_INITIALIZED:
    case CU_FILE_NVFS_SETUP_ERROR:
      return "load nvidia-fs (modprobe nvidia-fs), or allow compatibility mode: \"allow_compat_mode\": true "
             "in "
             "/etc/cufile.json, --mode auto here";
    case CU_FILE_DRIVER_VERSION_MISMATCH:
    case CU_FILE_DRIVER_VERSION_READ_ERROR:
      return "nvidia-fs and libcufile are of different releases: install both from one nvidia-gds";
    case CU_FILE_IO_NOT_SUPPORTED:
    case CU_FILE_INVALID_FILE_TYPE:
      return "GPUDirect Storage needs a file system that it knows (ext4 in ordered mode, XFS, Lustre, …): "
             "`gdscheck -p` lists them";
    case CU_FILE_INVALID_FILE_OPEN_FLAG:
    case CU_FILE_DIO_NOT_SET:
      return "the file must be opened with O_DIRECT: its file system must have direct I/O";
    case CU_FILE_GPU_MEMORY_PINNING_FAILED:
    case CU_FILE_INVALID_MAPPING_SIZE:
    case CU_FILE_INTERNAL_BUF_REGISTER_ERROR:
      return "the buffer does not fit the GPU's BAR1 or \"max_device_pinned_mem_size_kb\" of "
             "/etc/cufile.json: lower "
             "--queue-depth, --threads or --block-size";
    case CU_FILE_BATCH_FULL:
      return "lower --queue-depth, or raise \"io_batchsize\" in /etc/cufile.json";
    case CU_FILE_PERMISSION_DENIED:
      return "run as a user who may use /dev/nvidia-fs*, and may read the file";
    case CU_FILE_IO_ERROR:
    case CU_FILE_NVFS_DRIVER_ERROR:
    case CU_FILE_NVFS_INTERNAL_DRIVER_ERROR:
      return "see dmesg for the drive and nvidia-fs, and cufile.log";
    default:
      return "see cufile.log in the working directory";
  }
}

std::string errno_name(int error) {
  const char* name = strerrorname_np(error);
  return fmt::format("{} ({})", name == nullptr ? "an error without a name" : name, std::strerror(error));
}

}  // namespace

std::string error_text(CUfileError_t error) {
  std::string text = fmt::format("{} ({}): {}", name_of(error.err), static_cast<int>(error.err),
                                 cufileop_status_error(error.err));
  if (error.err == CU_FILE_CUDA_DRIVER_ERROR)
    text += fmt::format(" (CUresult {})", static_cast<int>(error.cu_err));
  return text;
}

tl::unexpected<Error> cufile_failure(CUfileError_t error, const std::string& doing) {
  return failure(fmt::format("cannot {}: {}", doing, error_text(error)), way_out(error.err),
                 is_missing(error.err) ? Exit::kInconclusive : Exit::kUsage);
}

tl::unexpected<Error> transfer_failure(ssize_t result, int error_number, const std::string& doing) {
  if (result == -1)
    return failure(fmt::format("cannot {}: {}", doing, errno_name(error_number)),
                   error_number == EIO ? "the device reported an error: see dmesg" : "see cufile.log");
  const auto code = static_cast<int>(-result);
  if (code <= CUFILEOP_BASE_ERR)  // batches hand errno over by its negative
    return failure(fmt::format("cannot {}: {}", doing, errno_name(code)), "see dmesg and cufile.log");
  return cufile_failure({static_cast<CUfileOpError>(code), CUDA_SUCCESS}, doing);
}

}  // namespace millrace::cufile
