// SPDX-License-Identifier: Apache-2.0
// A file as cuFile knows it: a descriptor of its own, registered while this lives.
#pragma once

#include <cufile.h>

#include <string>

#include "modules/cufile/api.hpp"
#include "units/result.hpp"

namespace millrace::cufile {

class RegisteredFile {
 public:
  // Of an open file with O_DIRECT; the caller's descriptor is duplicated, and may be closed.
  static Result<RegisteredFile> make(const Api& calls, int fd, const std::string& name);
  RegisteredFile(RegisteredFile&& other) noexcept;
  RegisteredFile& operator=(RegisteredFile&& other) noexcept;
  ~RegisteredFile();

  [[nodiscard]] CUfileHandle_t handle() const { return handle_; }

 private:
  RegisteredFile(const Api& calls, int fd) : calls_(&calls), fd_(fd) {}

  const Api* calls_;
  int fd_ = -1;
  CUfileHandle_t handle_ = nullptr;
};

}  // namespace millrace::cufile
