// SPDX-License-Identifier: Apache-2.0
// cuFile's driver, open while this lives; one a process.
#pragma once

#include <cufile.h>

#include <string>

#include "modules/cufile/api.hpp"
#include "units/result.hpp"

namespace millrace::cufile {

// What cuFile may do when the direct path is not to be had.
enum class Mode {
  kAuto,           // as /etc/cufile.json says
  kDirect,         // it must fail then
  kCompatibility,  // go through host memory whatever is there
};

class Driver {
 public:
  // A CUDA context must be current. Also starts the counting by way, where this version counts.
  static Result<Driver> open(Mode mode);
  Driver(Driver&& other) noexcept;
  Driver& operator=(Driver&& other) noexcept;
  ~Driver();

  [[nodiscard]] const Api& calls() const { return *calls_; }
  [[nodiscard]] const CUfileDrvProps_t& properties() const { return properties_; }
  // "cuFile 1.15, nvidia-fs 2.26, compatibility mode allowed, largest direct I/O 16 MiB"
  [[nodiscard]] std::string text() const;

 private:
  Driver() = default;

  const Api* calls_ = nullptr;
  CUfileDrvProps_t properties_{};
};

}  // namespace millrace::cufile
