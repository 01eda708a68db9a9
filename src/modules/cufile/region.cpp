// SPDX-License-Identifier: Apache-2.0
#include "modules/cufile/region.hpp"

#include <fmt/format.h>

#include <utility>

#include "modules/cufile/failure.hpp"
#include "units/quantity.hpp"

namespace millrace::cufile {

Result<Region> Region::make(const Api& calls, void* base, std::size_t size) {
  if (const CUfileError_t error = calls.buffer_register(base, size, 0); error.err != CU_FILE_SUCCESS)
    return cufile_failure(error, fmt::format("register {} of GPU memory with cuFile", to_binary({size})));
  return Region(calls, base, size);
}

Region::Region(Region&& other) noexcept
    : calls_(other.calls_), base_(std::exchange(other.base_, nullptr)), size_(other.size_) {}

Region& Region::operator=(Region&& other) noexcept {
  std::swap(calls_, other.calls_);
  std::swap(base_, other.base_);
  std::swap(size_, other.size_);
  return *this;
}

Region::~Region() {
  if (base_ != nullptr) static_cast<void>(calls_->buffer_deregister(base_));
}

}  // namespace millrace::cufile
