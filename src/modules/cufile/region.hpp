// SPDX-License-Identifier: Apache-2.0
// A part of device memory that cuFile has pinned for direct transfers. One large one is registered and
// indexed by offsets: registering is slow, and each region takes a piece of the GPU's BAR1.
#pragma once

#include <cufile.h>

#include <cstddef>

#include "modules/cufile/api.hpp"
#include "units/result.hpp"

namespace millrace::cufile {

// Size, file offset and buffer offset of a direct transfer are multiples of it (cuFile's best practices
// guide).
inline constexpr std::size_t kAlignment = 4096;

class Region {
 public:
  static Result<Region> make(const Api& calls, void* base, std::size_t size);
  Region(Region&& other) noexcept;
  Region& operator=(Region&& other) noexcept;
  ~Region();

  [[nodiscard]] void* base() const { return base_; }
  [[nodiscard]] std::size_t size() const { return size_; }

 private:
  Region(const Api& calls, void* base, std::size_t size) : calls_(&calls), base_(base), size_(size) {}

  const Api* calls_;
  void* base_;
  std::size_t size_;
};

}  // namespace millrace::cufile
