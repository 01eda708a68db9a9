// SPDX-License-Identifier: Apache-2.0
// A rank's arrays, in host memory.
#pragma once

#include <cstddef>
#include <cstdlib>
#include <memory>
#include <span>
#include <vector>

#include "modules/collective/rotation.hpp"
#include "modules/gloo/settings.hpp"
#include "units/result.hpp"

namespace millrace::gloo {

struct Turn {
  std::span<std::byte> input, output;  // in place: the input lies within the output, or is it
};

collective::Rotation plan_arrays(const Settings& settings, int rank);
// What the worker allocates, Gloo's own arrays with it.
std::uint64_t memory_of(const Settings& settings);

class Arrays {
 public:
  static Result<Arrays> allocate(const Settings& settings, int rank);
  [[nodiscard]] const std::vector<Turn>& turns() const { return turns_; }

 private:
  struct Free {
    void operator()(void* memory) const { std::free(memory); }
  };
  std::unique_ptr<void, Free> memory_;
  std::vector<Turn> turns_;
};

}  // namespace millrace::gloo
