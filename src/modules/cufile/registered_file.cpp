// SPDX-License-Identifier: Apache-2.0
#include "modules/cufile/registered_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "modules/cufile/failure.hpp"
#include "modules/cufile/udev_record.hpp"

namespace millrace::cufile {

Result<RegisteredFile> RegisteredFile::make(const Api& calls, int fd, const std::string& name) {
  const int own = fcntl(fd, F_DUPFD_CLOEXEC, 0);
  if (own < 0)
    return failure(fmt::format("cannot duplicate the descriptor of {}: {}", name, std::strerror(errno)),
                   "raise the limit of open files: ulimit -n");
  RegisteredFile file(calls, own);
  CUfileDescr_t description{};
  description.type = CU_FILE_HANDLE_TYPE_OPAQUE_FD;
  description.handle.fd = own;
  if (const CUfileError_t error = calls.handle_register(&file.handle_, &description);
      error.err != CU_FILE_SUCCESS) {
    file.handle_ = nullptr;
    const std::string doing = fmt::format("register {} with cuFile", name);
    // A network file system lies on no block device either, and registers: only after a refusal is it a
    // reason.
    if (error.err == CU_FILE_HANDLE_NOT_REGISTERED)
      if (const auto missing = missing_udev_record(own))
        return failure(
            fmt::format("cuFile refuses the file (CU_FILE_HANDLE_NOT_REGISTERED): {}", missing->what),
            missing->hint, missing->exit);
    return cufile_failure(error, doing);
  }
  return file;
}

RegisteredFile::RegisteredFile(RegisteredFile&& other) noexcept
    : calls_(other.calls_),
      fd_(std::exchange(other.fd_, -1)),
      handle_(std::exchange(other.handle_, nullptr)) {}

RegisteredFile& RegisteredFile::operator=(RegisteredFile&& other) noexcept {
  std::swap(calls_, other.calls_);
  std::swap(fd_, other.fd_);
  std::swap(handle_, other.handle_);
  return *this;
}

RegisteredFile::~RegisteredFile() {
  if (handle_ != nullptr) calls_->handle_deregister(handle_);  // before its descriptor is closed
  if (fd_ >= 0) close(fd_);
}

}  // namespace millrace::cufile
